# SPDX-License-Identifier: MIT
# fetch_async.py asyncio|aiohttp HOST PORT TARGET: the body on stdout
import asyncio
import sys

way, host, port, target = sys.argv[1:5]
out = sys.stdout.buffer


async def streams():
    r, w = await asyncio.open_connection(host, int(port))
    w.write(('GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' % (target, host)).encode())
    while (await r.readline()).strip():
        pass
    while True:
        piece = await r.read(65536)
        if not piece:
            break
        out.write(piece)
    w.close()


async def session():
    import aiohttp
    async with aiohttp.ClientSession() as s:
        async with s.get('http://%s:%s%s' % (host, port, target)) as r:
            assert r.status == 200
            async for piece in r.content.iter_chunked(65536):
                out.write(piece)


asyncio.get_event_loop_policy().new_event_loop().run_until_complete(streams() if way == 'asyncio' else session())
out.flush()
