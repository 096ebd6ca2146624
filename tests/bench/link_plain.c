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

ssize_t link_some(struct link *link, const void *data, size_t size)
{
    return send(link->fd, data, size, MSG_NOSIGNAL);
}

ssize_t link_recv(struct link *link, void *data, size_t size)
{
    return recv(link->fd, data, size, 0);
}

void link_close(struct link *link)
{
    close(link->fd);
}
