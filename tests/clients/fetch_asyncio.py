# SPDX-License-Identifier: MIT
"""python's asyncio, raw streams, one connection kept alive: get URL FILE [URL FILE]... | post URL BODY ANSWER,
all on one host. The field X-Canary is $CANARY."""
import asyncio
import os
import sys
import urllib.parse


async def head(reader):
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
    status = int(lines[0].split()[1])
    if status != 200:
        raise OSError(f"status {status}")
    return fields


async def body(reader, fields, out):
    if fields.get("transfer-encoding") == "chunked":
        while size := int(await reader.readline(), 16):
            out.write(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readline()
        return
    left = int(fields["content-length"])
    while left:
        piece = await reader.read(min(left, 1 << 18))
        if not piece:
            raise EOFError(f"{left} bytes are missing")
        out.write(piece)
        left -= len(piece)


async def exchange(reader, writer, method, url, data, path):
    fields = [f"{method} {url.path} HTTP/1.1", f"Host: {url.netloc}", f"X-Canary: {os.environ['CANARY']}"]
    if data:
        fields.append(f"Content-Length: {len(data)}")
    writer.write("\r\n".join(fields + ["", ""]).encode() + data)
    await writer.drain()
    with open(path, "wb") as out:
        await body(reader, await head(reader), out)


async def main(verb, args):
    first = urllib.parse.urlsplit(args[0])
    reader, writer = await asyncio.open_connection(first.hostname, first.port)
    if verb == "post":
        with open(args[1], "rb") as f:
            await exchange(reader, writer, "POST", first, f.read(), args[2])
    else:
        for url, path in zip(args[::2], args[1::2]):
            await exchange(reader, writer, "GET", urllib.parse.urlsplit(url), b"", path)
    writer.close()
    await writer.wait_closed()


try:
    asyncio.run(asyncio.wait_for(main(sys.argv[1], sys.argv[2:]), 60))
except (OSError, EOFError) as e:
    sys.exit(f"asyncio: {e}")
