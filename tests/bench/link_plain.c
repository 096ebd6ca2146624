/* SPDX-License-Identifier: MIT */
#include "tests/bench/link.h"

#include "tests/bench/dial.h"

#include <sys/socket.h>
#include <unistd.h>

bool link_trust(const char *ca)
{
    (void)ca;
    return true;
}

bool link_connect(struct link *link, int port)
{
    link->tls = NULL;
    return (link->fd = dial(port)) >= 0;
}

bool link_send(struct link *link, const void *data, size_t size)
{
    const char *at = data;

    while (size > 0) {
        ssize_t n = send(link->fd, at, size, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

ssize_t link_recv(struct link *link, void *data, size_t size)
{
    return recv(link->fd, data, size, 0);
}

void link_close(struct link *link)
{
    close(link->fd);
}
