# SPDX-License-Identifier: MIT
"""wiretap DIR PORT [MS]: copies TCP between a free port of 127.0.0.1 and 127.0.0.1:PORT, and keeps every byte of both
directions in DIR/wire.log. Each read waits MS milliseconds before it is passed on. The number of the free port is in
DIR/port once it listens. Half-closes are passed on."""
import asyncio
import os
import sys


async def copy(reader, writer, log, delay):
    try:
        while data := await reader.read(65536):
            log.write(data)
            await asyncio.sleep(delay)
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()


async def main(folder, port, delay):
    log = open(os.path.join(folder, "wire.log"), "ab", buffering=0)

    async def serve(reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(copy(reader, far_writer, log, delay), copy(far_reader, writer, log, delay))
        for end in writer, far_writer:
            end.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    ready = os.path.join(folder, "port")
    with open(ready + ".new", "w", encoding="ascii") as out:
        out.write(str(server.sockets[0].getsockname()[1]))
    os.rename(ready + ".new", ready)
    await server.serve_forever()


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) / 1000 if len(sys.argv) > 3 else 0))
