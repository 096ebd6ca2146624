/* SPDX-License-Identifier: MIT */
/* A TCP connection to this machine, for both kinds of link. */
#ifndef TLSUP_TESTS_BENCH_DIAL_H
#define TLSUP_TESTS_BENCH_DIAL_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* Connected to 127.0.0.1:PORT with TCP_NODELAY, or -1 with a word on stderr. Blocks. */
static inline int dial(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((in_port_t)port)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0) {
        perror("connect");
        if (fd >= 0)
            close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

#endif
