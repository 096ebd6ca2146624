/* SPDX-License-Identifier: MIT */
/* The man in the middle who passes on what he cannot read. */
#include "tests/origin/verbs.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int dial(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool pass_on(struct conn *c, int fd)
{
    unsigned char buf[16384];
    ssize_t n = stream_read_raw(c, buf, sizeof(buf));

    return n > 0 && send(fd, buf, (size_t)n, MSG_NOSIGNAL) == n;
}

static bool pass_back(struct conn *c, int fd)
{
    unsigned char buf[16384];
    ssize_t n = recv(fd, buf, sizeof(buf), 0);

    return n > 0 && stream_write_raw(c, buf, (size_t)n);
}

enum outcome verb_relay(const struct stage *g, const struct step *s)
{
    struct conn *c = g->c;
    int fd = dial(s->number ? (int)s->number : g->tls_port);
    struct pollfd p[2] = {{c->fd, POLLIN, 0}, {fd, POLLIN, 0}};
    bool ok = fd >= 0;

    if (!ok)
        return STEP_FAIL;
    memset(&c->scan_in, 0, sizeof(c->scan_in));
    c->records_expected = true; /* what is not TLS goes to clear.log, here too */
    while (ok && c->clear.at < c->clear.end)
        ok = pass_on(c, fd);
    while (ok && poll(p, 2, -1) > 0) {
        if (p[0].revents)
            ok = pass_on(c, fd);
        if (ok && p[1].revents)
            ok = pass_back(c, fd);
    }
    close(fd);
    return STEP_OK;
}
