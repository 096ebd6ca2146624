# SPDX-License-Identifier: MIT
"""Socket calls that are none of the shim's business, and what each gives: the same with and without it.

sockets.py CLOSED-PORT   a port of 127.0.0.1 on which nobody listens
"""
import array
import errno
import os
import select
import signal
import socket
import struct
import sys
import threading


def say(what, value):
    print(what, value if isinstance(value, (int, str, bytes, tuple, list)) else "ok")


def attempt(what, call, *args):
    try:
        value = call(*args)
    except OSError as e:
        value = errno.errorcode[e.errno]
    say(what, value)
    return value


def tcp_pair():
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    listener.close()
    return client, server


def bytes_both_ways():
    client, server = tcp_pair()
    blob = bytes(i * 7 & 255 for i in range(300000))
    got = []
    reader = threading.Thread(target=lambda: got.append(recv_all(server)))
    reader.start()
    client.sendall(blob)
    client.shutdown(socket.SHUT_WR)
    reader.join()
    say("whole", got[0] == blob)
    attempt("after shutdown", client.send, b"x")
    attempt("back", server.send, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    attempt("peek", client.recv, 3, socket.MSG_PEEK)
    attempt("peek again", client.recv, 100, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    attempt("recvmsg", lambda: client.recvmsg(5)[0])
    attempt("writev", os.writev, server.fileno(), [b"ab", b"", b"cd"])
    attempt("waitall", client.recv, 25, socket.MSG_WAITALL)
    server.close()
    attempt("end", client.recv, 10)
    client.close()


def recv_all(s):
    out = b""
    while True:
        more = s.recv(65536)
        if not more:
            return out
        out += more


def urgent_and_reset():
    client, server = tcp_pair()
    attempt("urgent", client.send, b"!", socket.MSG_OOB)
    select.select([], [], [server], 5)
    attempt("urgent byte", server.recv, 1, socket.MSG_OOB)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    select.select([server], [], [], 5)
    attempt("reset", server.recv, 10)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    attempt("pipe", server.send, b"x")
    server.close()
    attempt("closed", server.send, b"x")


def waiting():
    client, server = tcp_pair()
    client.setblocking(False)
    attempt("again", client.recv, 1)
    poll = select.poll()
    poll.register(client, select.POLLIN | select.POLLOUT)
    say("poll", [bits for _, bits in poll.poll(0)])
    with select.epoll() as epoll:
        epoll.register(client, select.EPOLLIN | select.EPOLLET)
        say("epoll", len(epoll.poll(0)))
        server.send(b"hello")
        say("epoll in", [bits for _, bits in epoll.poll(5)])
        say("edge", len(epoll.poll(0)))
        attempt("register twice", epoll.register, client, select.EPOLLIN)
    say("select", [len(x) for x in select.select([client], [client], [], 0)])
    client.settimeout(0.05)
    say("recv", client.recv(100))
    try:
        client.recv(1)
    except TimeoutError:
        say("timeout", "ok")
    client.close()
    server.close()


def dialling(closed):
    s = socket.socket()
    attempt("refused", s.connect, ("127.0.0.1", closed))
    s.close()
    s = socket.socket()
    s.setblocking(False)
    attempt("on its way", s.connect_ex, ("127.0.0.1", closed))
    select.select([], [s], [], 5)
    say("so_error", errno.errorcode[s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)])
    attempt("peer", s.getpeername)
    s.close()
    s = socket.socket()
    attempt("not connected", s.recv, 1)
    attempt("shutdown", s.shutdown, socket.SHUT_RDWR)
    attempt("no address", s.connect, ("255.255.255.255", closed))
    s.close()


def others():
    a, b = socket.socket(type=socket.SOCK_DGRAM), socket.socket(type=socket.SOCK_DGRAM)
    b.bind(("127.0.0.1", 0))
    attempt("udp", a.sendto, b"GET / HTTP/1.1\r\n\r\n", b.getsockname())
    attempt("udp in", lambda: b.recvfrom(100)[0])
    a.connect(b.getsockname())
    attempt("udp connected", a.send, b"x")
    a, b = socket.socketpair()
    inside, outside = os.pipe()
    attempt("rights", a.sendmsg, [b"x"],
            [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [inside]))])
    _, control, _, _ = b.recvmsg(1, socket.CMSG_SPACE(4))
    passed = array.array("i", control[0][2])[0]
    os.write(outside, b"through")
    attempt("passed", os.read, passed, 10)
    copy = os.dup(outside)
    attempt("dup2", os.dup2, copy, 40)
    attempt("write", os.write, 40, b"more")
    os.closerange(40, 42)
    attempt("closed", os.write, 40, b"x")
    with os.fdopen(inside, "rb", 0) as stream:
        say("fdopen", stream.read(4))
    attempt("bad", os.read, 4000, 1)


def children():
    client, server = tcp_pair()
    client.set_inheritable(True)
    pid = os.fork()
    if pid == 0:
        os.execv("/bin/sh", ["sh", "-c", "echo from a child >&%d" % client.fileno()])
    os.waitpid(pid, 0)
    client.close()
    say("child", recv_all(server))


bytes_both_ways()
urgent_and_reset()
waiting()
dialling(int(sys.argv[1]))
others()
children()
