/* SPDX-License-Identifier: MIT */
/* Heads that real servers sent, on the wire: CUPS 2.4.2, PAPPL 1.3.1 (lprint), ippeveprinter, Cyrus 3.6.1,
 * httpd 2.4.62, haproxy 2.6.12, and those that do not upgrade. */
#pragma once

struct heads_golden {
    const char *from, *head;
};

#define CUPS_TAIL                                                                                            \
    "X-Frame-Options: DENY\r\n"                                                                              \
    "Content-Security-Policy: frame-ancestors 'none'\r\n\r\n"

/* Each of them switches to TLS. */
static const struct heads_golden heads_101[] = {
    {"cupsd", "HTTP/1.1 101 Switching Protocols\r\n"
              "Connection: Keep-Alive\r\nContent-Language: en\r\nContent-Length: 0\r\n"
              "Date: Sat, 21 Nov 2026 00:09:47 GMT\r\nKeep-Alive: timeout=10\r\n"
              "Upgrade: TLS/1.2,TLS/1.1,TLS/1.0\r\n"
              "Accept-Encoding: gzip, deflate, identity\r\nServer: CUPS/2.4 IPP/2.1\r\n" CUPS_TAIL},
    {"pappl, OPTIONS",
     "HTTP/1.1 101 Switching Protocols\r\n"
     "Connection: Keep-Alive\r\nContent-Length: 0\r\nDate: Sat, 21 Nov 2026 00:09:51 GMT\r\n"
     "Keep-Alive: timeout=10\r\nTransfer-Encoding: chunked\r\nUpgrade: TLS/1.2,TLS/1.1,TLS/1.0\r\n"
     "Accept-Encoding: gzip, deflate, identity\r\nAllow: GET, HEAD, OPTIONS, POST\r\n"
     "Server: LPrint/1.1.0 PAPPL/1.3.1 CUPS IPP/2.0\r\n" CUPS_TAIL},
    {"pappl, GET",
     "HTTP/1.1 101 Switching Protocols\r\n"
     "Connection: Keep-Alive\r\nContent-Length: 0\r\nDate: Sat, 21 Nov 2026 00:09:53 GMT\r\n"
     "Keep-Alive: timeout=10\r\nTransfer-Encoding: chunked\r\nUpgrade: TLS/1.2,TLS/1.1,TLS/1.0\r\n"
     "Accept-Encoding: gzip, deflate, identity\r\n"
     "Server: LPrint/1.1.0 PAPPL/1.3.1 CUPS IPP/2.0\r\n" CUPS_TAIL},
    {"ippeveprinter",
     "HTTP/1.1 101 Switching Protocols\r\n"
     "Connection: Keep-Alive\r\nContent-Length: 0\r\nDate: Sat, 21 Nov 2026 00:09:54 GMT\r\n"
     "Keep-Alive: timeout=10\r\nTransfer-Encoding: chunked\r\nUpgrade: TLS/1.2,TLS/1.1,TLS/1.0\r\n"
     "Accept-Encoding: gzip, deflate, identity\r\nAllow: GET, HEAD, OPTIONS, POST\r\n"
     "Server: CUPS/2.4.2\r\n" CUPS_TAIL},
    {"cyrus", "HTTP/1.1 101 Switching Protocols\r\n"
              "Connection: Upgrade\r\nUpgrade: TLS/1.2\r\nAlt-Svc: h2c=\":29181\"\r\n\r\n"},
    {"httpd", "HTTP/1.1 101 Switching Protocols\r\n"
              "Upgrade: TLS/1.0, HTTP/1.1\r\nConnection: Upgrade\r\n\r\n"},
    {"haproxy before httpd", "HTTP/1.1 101 Switching Protocols\r\n"
                             "upgrade: TLS/1.0, HTTP/1.1\r\nconnection: Upgrade\r\n\r\n"},
};

/* Answers to OPTIONS * inside TLS, of the same servers. */
static const struct heads_golden heads_options[] = {
    {"cupsd", "HTTP/1.1 200 OK\r\n"
              "Connection: Keep-Alive\r\nContent-Language: en\r\nContent-Length: 0\r\n"
              "Date: Sat, 21 Nov 2026 00:09:47 GMT\r\nKeep-Alive: timeout=10\r\n"
              "Accept-Encoding: gzip, deflate, identity\r\nServer: CUPS/2.4 IPP/2.1\r\n" CUPS_TAIL},
    {"cyrus", "HTTP/1.1 200 OK\r\n"
              "Date: Sat, 21 Nov 2026 00:09:48 GMT\r\nAlt-Svc: h2c=\":29181\"\r\n"
              "Strict-Transport-Security: max-age=600\r\nCache-Control: no-cache\r\n"
              "Server: Cyrus-HTTP/3.6.1-Debian-3.6.1-4+deb12u5 Cyrus-SASL/2.1.28 Lib/XML2.9.14 Jansson/2.14 "
              "OpenSSL/3.0.0-dev Nghttp2/1.52.0 Zlib/1.2.13 Brotli/1.0.9 Zstd/1.5.4 Xapian/1.4.22 "
              "LibiCal/3.0 ICU4C/72.1 SQLite/3.40.1\r\n"
              "WWW-Authenticate: Basic realm=\"localhost\"\r\n"
              "DAV: 1, 2, 3, access-control, extended-mkcol, resource-sharing\r\n"
              "DAV: calendar-access, calendar-auto-schedule\r\n"
              "DAV: calendar-query-extended, calendar-availability, calendar-managed-attachments\r\n"
              "DAV: calendarserver-sharing, inbox-availability\r\n"
              "Allow: OPTIONS, GET, HEAD, POST, PUT, PATCH, DELETE\r\n"
              "Allow: PROPFIND, REPORT, COPY, MOVE, PROPPATCH, MKCOL, LOCK, UNLOCK, ACL\r\n"
              "Allow: MKCALENDAR\r\nContent-Length: 0\r\n\r\n"},
    {"httpd", "HTTP/1.1 200 OK\r\n"
              "Date: Sat, 21 Nov 2026 00:09:50 GMT\r\nServer: Apache/2.4.62 (Unix) OpenSSL/3.0.22\r\n"
              "Content-Length: 0\r\n\r\n"},
    {"lighttpd", "HTTP/1.1 200 OK\r\nAllow: OPTIONS, GET, HEAD, POST\r\nContent-Length: 0\r\n"
                 "Date: Sat, 21 Nov 2026 00:09:50 GMT\r\nServer: lighttpd/1.4.69\r\n\r\n"},
};

/* The same, said to be chunked, and no chunk ever comes. */
static const struct heads_golden heads_options_chunked[] = {
    {"pappl", "HTTP/1.1 200 OK\r\n"
              "Connection: Keep-Alive\r\nDate: Sat, 21 Nov 2026 00:09:51 GMT\r\nKeep-Alive: timeout=10\r\n"
              "Transfer-Encoding: chunked\r\nAccept-Encoding: gzip, deflate, identity\r\n"
              "Allow: GET, HEAD, OPTIONS, POST\r\n"
              "Server: LPrint/1.1.0 PAPPL/1.3.1 CUPS IPP/2.0\r\n" CUPS_TAIL},
    {"ippeveprinter",
     "HTTP/1.1 200 OK\r\n"
     "Connection: Keep-Alive\r\nDate: Sat, 21 Nov 2026 00:09:54 GMT\r\nKeep-Alive: timeout=10\r\n"
     "Transfer-Encoding: chunked\r\nAccept-Encoding: gzip, deflate, identity\r\n"
     "Allow: GET, HEAD, OPTIONS, POST\r\nServer: CUPS/2.4.2\r\n" CUPS_TAIL},
};

/* Refusals: status, whether the connection ends. */
struct heads_refusal {
    const char *from, *head;
    unsigned status;
    int close;
};

static const struct heads_refusal heads_refusals[] = {
    {"nginx",
     "HTTP/1.1 400 Bad Request\r\nServer: nginx/1.22.1\r\nDate: Sat, 21 Nov 2026 00:09:50 GMT\r\n"
     "Content-Type: text/html\r\nContent-Length: 157\r\nConnection: close\r\n\r\n",
     400, 1},
    {"python",
     "HTTP/1.0 501 Unsupported method ('OPTIONS')\r\nServer: SimpleHTTP/0.6 Python/3.11.7\r\n"
     "Date: Sat, 21 Nov 2026 00:09:50 GMT\r\nConnection: close\r\nContent-Type: text/html;charset=utf-8\r\n"
     "Content-Length: 360\r\n\r\n",
     501, 1},
    {"busybox",
     "HTTP/1.1 400 Bad Request\r\nDate: Sat, 21 Nov 2026 00:09:50 GMT\r\nConnection: close\r\n"
     "Content-type: text/html\r\n\r\n",
     400, 1},
    {"squid",
     "HTTP/1.1 501 Not Implemented\r\nServer: squid/5.7\r\nMime-Version: 1.0\r\nConnection: close\r\n\r\n",
     501, 1},
    {"tinyproxy",
     "HTTP/1.1 400 Bad Request\r\nServer: tinyproxy/1.11.1\r\nContent-Type: text/html\r\n"
     "Connection: close\r\n\r\n",
     400, 1},
    {"node",
     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: Sat, 21 Nov 2026 00:09:50 GMT\r\n"
     "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nContent-Length: 15\r\n\r\n",
     200, 0},
    {"cupsd, Encryption Required",
     "HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\nContent-Language: en\r\nContent-Length: 490\r\n"
     "Content-Type: text/html; charset=utf-8\r\nUpgrade: TLS/1.2,TLS/1.1,TLS/1.0\r\n\r\n",
     426, 1},
    {"pappl, h2c",
     "HTTP/1.1 501 Not Implemented\r\nConnection: close\r\nContent-Length: 22\r\n"
     "Content-Type: text/plain\r\n\r\n",
     501, 1},
    {"cyrus, TLS/1.0",
     "HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nAlt-Svc: h2c=\":29181\"\r\n"
     "Content-Length: 17\r\n\r\n",
     200, 0},
    {"cyrus, handshake failure",
     "HTTP/1.0 500 Internal Server Error\r\nContent-Type: text/plain\r\nContent-Length: 36\r\n"
     "Connection: close\r\n\r\n",
     500, 1},
};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])
