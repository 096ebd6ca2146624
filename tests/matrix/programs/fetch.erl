%% SPDX-License-Identifier: MIT
%% fetch.erl URL: httpc, the body on stdout
main([Url]) ->
    application:start(inets),
    {ok, {{_, 200, _}, _, Body}} = httpc:request(get, {Url, []}, [], [{body_format, binary}]),
    file:write_file("/dev/stdout", Body).
