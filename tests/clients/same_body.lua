-- SPDX-License-Identifier: MIT
-- wrk: every body is byte for byte the file $BODY; how many were is on the last line. Errors of the connections are
-- counted by wrk itself.
local file = assert(io.open(os.getenv("BODY"), "rb"))
local wanted = file:read("*a")
file:close()

local threads = {}
same, other = 0, 0

function setup(thread) table.insert(threads, thread) end

function response(status, _, body)
    if status == 200 and body == wanted then same = same + 1 else other = other + 1 end
end

function done(summary)
    local s, o, e = 0, 0, summary.errors
    for _, thread in ipairs(threads) do
        s, o = s + thread:get("same"), o + thread:get("other")
    end
    io.write(string.format("same %d other %d connect %d read %d write %d timeout %d\n",
        s, o, e.connect, e.read, e.write, e.timeout))
end
