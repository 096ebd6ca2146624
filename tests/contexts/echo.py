# SPDX-License-Identifier: MIT
"""echo DIR CERT KEY: a server that sends back the body of each request as it comes, behind the head of a response that
says it is as long. A connection that begins with OPTIONS * is upgraded to TLS by RFC 2817. The heads that came in the
clear are in DIR/clear.log, those inside TLS in DIR/inside.log, and the port in DIR/port once it listens."""
import os
import socketserver
import ssl
import sys

folder, cert, key = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)


def head(stream, log):
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        byte = stream.recv(1)
        if not byte:
            break
        data += byte
    with open(os.path.join(folder, log), "ab") as out:
        out.write(data)
    return data


class Connection(socketserver.BaseRequestHandler):
    def handle(self):
        stream = self.request
        try:
            if head(stream, "clear.log").startswith(b"OPTIONS "):
                stream.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: TLS/1.2, HTTP/1.1\r\n"
                               b"Connection: Upgrade\r\n\r\n")
                stream = context.wrap_socket(stream, server_side=True)
                stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                head(stream, "inside.log")
            stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            while data := stream.recv(65536):
                stream.sendall(data)
            if isinstance(stream, ssl.SSLSocket):
                stream.unwrap()
        except OSError:
            pass
        finally:
            stream.close()


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 50


with Server(("127.0.0.1", 0), Connection) as server:
    ready = os.path.join(folder, "port")
    with open(ready + ".new", "w", encoding="ascii") as out:
        out.write(str(server.server_address[1]))
    os.rename(ready + ".new", ready)
    server.serve_forever()
