/* SPDX-License-Identifier: MIT */
/* One small request over a blocking socket, its answer checked for length. Blocks; allocates nothing of its
 * own. */
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static inline int fetch_dial(int port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        perror("connect");
        return -1;
    }
    return fd;
}

static inline void fetch_ask(int fd, const char *canary, bool last)
{
    char head[512];
    int n = snprintf(head, sizeof head,
                     "GET /bytes/3000 HTTP/1.1\r\nHost: localhost\r\nX-Canary: %s\r\nConnection: %s\r\n\r\n",
                     canary, last ? "close" : "keep-alive");
    if (send(fd, head, (size_t)n, MSG_NOSIGNAL) != n)
        perror("send");
}

/* Reads one answer; its body goes to `out`, unless NULL. */
static inline bool fetch_answer(int fd, FILE *out)
{
    char buf[8192];
    size_t len = 0;
    const char *body = NULL;
    while (!body || len < (size_t)(body - buf) + 3000) {
        ssize_t n = recv(fd, buf + len, sizeof buf - 1 - len, 0);
        if (n <= 0) {
            if (n < 0)
                perror("recv");
            return false;
        }
        len += (size_t)n;
        buf[len] = 0;
        body = memmem(buf, len, "\r\n\r\n", 4);
        body = body ? body + 4 : NULL;
    }
    if (out)
        fwrite(body, 1, 3000, out);
    return true;
}

static inline bool fetch(int port, const char *canary)
{
    int fd = fetch_dial(port);
    if (fd < 0)
        return false;
    fetch_ask(fd, canary, true);
    bool good = fetch_answer(fd, stdout);
    fflush(stdout);
    close(fd);
    return good;
}
