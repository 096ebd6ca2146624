/* SPDX-License-Identifier: MIT */
/* Addresses and TCP. Everything waits for the attempt's deadline at most. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shim/cli/probe.h"

#define NS_PER_MS 1000000ULL

uint64_t probe_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

/* ---- names ---- */

static bool take_address(const struct addrinfo *info, struct probe_address *out)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    if (info->ai_family != AF_INET && info->ai_family != AF_INET6)
        return false;
    memcpy(&out->sa, info->ai_addr, info->ai_addrlen);
    out->len = info->ai_addrlen;
    if (info->ai_family == AF_INET6) {
        memcpy(out->address.bytes, &((struct sockaddr_in6 *)&out->sa)->sin6_addr, sizeof(out->address.bytes));
    } else {
        memcpy(out->address.bytes, mapped, sizeof(mapped));
        memcpy(out->address.bytes + sizeof(mapped), &((struct sockaddr_in *)&out->sa)->sin_addr, 4);
    }
    return true;
}

void probe_resolve(struct probe *p)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    const struct url *to = p->has_proxy ? &p->proxy : &p->url;
    int error = getaddrinfo(to->host, NULL, &hints, &list);

    p->lookup = error == EAI_SYSTEM ? strerror(errno) : error ? gai_strerror(error) : "it has no address";
    if (error)
        return;
    for (const struct addrinfo *i = list; i && p->n_addresses < PROBE_ADDRESSES; i = i->ai_next)
        p->n_addresses += take_address(i, &p->addresses[p->n_addresses]);
    freeaddrinfo(list);
}

/* ---- connections ---- */

static bool wait_until(int fd, short events, uint64_t deadline_ns)
{
    struct pollfd ready = {.fd = fd, .events = events};

    for (;;) {
        uint64_t now = probe_now();
        int n, ms = now < deadline_ns ? (int)((deadline_ns - now + NS_PER_MS - 1) / NS_PER_MS) : 0;

        n = poll(&ready, 1, ms);
        if (n > 0)
            return true;
        if (n == 0 && probe_now() >= deadline_ns)
            return false;
    }
}

bool probe_wait(const struct probe_attempt *a, short events)
{
    return wait_until(a->fd, events, a->deadline_ns);
}

static int connect_to(int fd, const struct probe_address *to, uint16_t port, uint64_t deadline_ns)
{
    struct sockaddr_storage sa = to->sa;
    int error = 0;
    socklen_t len = sizeof(error);

    if (sa.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&sa)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)&sa)->sin_port = htons(port);
    if (connect(fd, (struct sockaddr *)&sa, to->len) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno;
    if (!wait_until(fd, POLLOUT, deadline_ns))
        return ETIMEDOUT;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

/* A client goes on to the next address while there is time for it: one that is not the last gets half of what
 * is left. */
static uint64_t share(const struct probe_attempt *a, bool is_last)
{
    uint64_t now = probe_now();

    return is_last || now >= a->deadline_ns ? a->deadline_ns : now + (a->deadline_ns - now) / 2;
}

bool probe_dial(const struct probe *p, struct probe_attempt *a, uint16_t port)
{
    int error = 0;

    a->port = port;
    if (!p->n_addresses)
        return probe_end(a, PROBE_UNREACHABLE, "%s cannot be resolved: %s",
                         p->has_proxy ? p->proxy.host : p->url.host, p->lookup);
    for (size_t i = 0; i < p->n_addresses; i++) {
        const struct probe_address *to = &p->addresses[i];

        a->fd = socket(to->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        error = a->fd < 0 ? errno : connect_to(a->fd, to, port, share(a, i + 1 == p->n_addresses));
        a->dials[a->n_dials++] = (struct probe_dial){to, error};
        if (!error)
            return true;
        if (a->fd >= 0)
            close(a->fd);
        a->fd = -1;
    }
    return probe_end(a, PROBE_UNREACHABLE, "no connection to port %u: %s", port, strerror(error));
}
