# SPDX-License-Identifier: MIT
"""As php's streams: PORT; a blocking socket, MSG_DONTWAIT in every call, and poll() believed: what it says is readable
must give bytes. Prints the head and body that came. The field X-Canary is $CANARY."""
import os
import select
import socket
import sys

s = socket.create_connection(("localhost", int(sys.argv[1])))
s.send(f"GET / HTTP/1.0\r\nHost: localhost\r\nX-Canary: {os.environ['CANARY']}\r\n\r\n".encode(), socket.MSG_DONTWAIT)
poll = select.poll()
poll.register(s, select.POLLIN)
while True:
    if not poll.poll(10000):
        sys.exit("no answer")
    data = s.recv(65536, socket.MSG_DONTWAIT)  # raises BlockingIOError if poll() was wrong
    if not data:
        break
    sys.stdout.buffer.write(data)
