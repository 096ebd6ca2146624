-- SPDX-License-Identifier: MIT
-- fetch.lua URL: LuaSocket, the body on stdout
local http, ltn12 = require 'socket.http', require 'ltn12'
local _, code = http.request { url = arg[1], sink = ltn12.sink.file(io.stdout) }
os.exit(code == 200)
