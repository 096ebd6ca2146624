# SPDX-License-Identifier: MIT
"""timeouts.py PORT: a connection on which nothing comes any more, waited for in every way, 50 ms each. The request has
the field X-Canary of $CANARY."""
import os
import select
import socket
import struct
import sys

s = socket.create_connection(("localhost", int(sys.argv[1])))
s.settimeout(None)
s.sendall(b"GET /bytes/10 HTTP/1.1\r\nHost: localhost\r\nX-Canary: %s\r\n\r\n" % os.environ["CANARY"].encode())
got = b""
while b"\r\n\r\n" not in got or len(got.split(b"\r\n\r\n", 1)[1]) < 10:
    got += s.recv(1000)
poll = select.poll()
poll.register(s, select.POLLIN)
print("poll", poll.poll(50))
print("select", select.select([s], [], [], 0.05)[0])
epoll = select.epoll()
epoll.register(s, select.EPOLLIN)
print("epoll", epoll.poll(0.05))
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 50000))
try:
    s.recv(1)
except BlockingIOError:
    print("recv EAGAIN")
