/* SPDX-License-Identifier: MIT */
#include "shim/relay/pair.h"

#include "shim/conn/conn.h"
#include "shim/conn/socket.h"
#include "shim/real.h"
#include "shim/table.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <unistd.h>

#define HIGH 10 /* shells keep the numbers below for their users */

/* Moves a descriptor above HIGH. */
static int raise_number(int fd)
{
    int high = real.fcntl(fd, F_DUPFD_CLOEXEC, HIGH);
    real.close(fd);
    return high;
}

void pair_copy_options(int from, int to)
{
    static const int numbers[] = {SO_KEEPALIVE, SO_REUSEADDR, SO_RCVLOWAT, SO_PRIORITY, SO_OOBINLINE};
    static const int times[] = {SO_RCVTIMEO, SO_SNDTIMEO};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int value = conn_option(from, SOL_SOCKET, numbers[i]);
        if (value > 0)
            real.setsockopt(to, SOL_SOCKET, numbers[i], &value, sizeof value);
    }
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        struct timeval tv;
        socklen_t len = sizeof tv;
        if (real.getsockopt(from, SOL_SOCKET, times[i], &tv, &len) == 0)
            real.setsockopt(to, SOL_SOCKET, times[i], &tv, len);
    }
    struct linger linger;
    socklen_t len = sizeof linger;
    if (real.getsockopt(from, SOL_SOCKET, SO_LINGER, &linger, &len) == 0)
        real.setsockopt(to, SOL_SOCKET, SO_LINGER, &linger, len);
    real.fcntl(to, F_SETFL, real.fcntl(from, F_GETFL));
}

int pair_make(struct pair *p, int fd)
{
    int ends[2] = {-1, -1};
    *p = (struct pair){-1, -1, -1};
    if (real.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return errno;
    p->local = raise_number(ends[0]);
    p->remote = raise_number(ends[1]);
    p->tcp = real.fcntl(fd, F_DUPFD_CLOEXEC, HIGH);
    if (p->local < 0 || p->remote < 0 || p->tcp < 0) {
        pair_close(p);
        return EMFILE;
    }
    pair_copy_options(fd, p->remote);
    return 0;
}

int pair_of_share(struct pair *p, struct conn *c, bool starts)
{
    p->tcp = real.fcntl(c->fd, F_DUPFD_CLOEXEC, HIGH);
    p->local = starts ? raise_number(share_take(c)) : -1;
    p->remote = share_take_end(c);
    if (p->tcp < 0 || (starts && p->local < 0)) {
        pair_close(p);
        return EMFILE;
    }
    if (starts)
        pair_copy_options(c->fd, p->remote);
    return 0;
}

bool pair_give(const struct pair *p, const char *at, size_t len)
{
    for (ssize_t n; len; at += n, len -= (size_t)n) {
        n = conn_send_now(p->remote, at, len);
        if (n <= 0)
            return false;
    }
    return true;
}

bool pair_replace(const struct pair *p, struct conn *c)
{
    bool all = true;
    for (int n = table_next(0); n >= 0; n = table_next(n + 1))
        if (table_names(n, c))
            all = real.dup3(p->remote, n, table_bits(n) & SLOT_CLOEXEC ? O_CLOEXEC : 0) >= 0 && all;
    if (!all)
        real.shutdown(p->tcp, SHUT_RDWR);
    c->cookie = conn_cookie(p->remote);
    return all;
}

void pair_close(struct pair *p)
{
    int *const all[] = {&p->tcp, &p->local, &p->remote};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (*all[i] >= 0)
            real.close(*all[i]);
        *all[i] = -1;
    }
}

void pair_settle(int tcp, int local)
{
    real.dup2(tcp, RELAY_TCP);
    real.dup2(local, RELAY_LOCAL);
    for (int fd = 0; fd < 2; fd++)
        real.close(fd);
    int nothing = open("/dev/null", O_RDWR); /* 0: the lowest number that is free */
    real.dup2(nothing, STDOUT_FILENO);
    if (real.fcntl(STDERR_FILENO, F_GETFD) < 0)
        real.dup2(nothing, STDERR_FILENO);
    if (real.close_range(RELAY_LOCAL + 1, UINT_MAX, 0) == 0)
        return;
    struct rlimit limit = {.rlim_cur = 1024};
    getrlimit(RLIMIT_NOFILE, &limit);
    for (rlim_t fd = RELAY_LOCAL + 1; fd < limit.rlim_cur && fd < INT_MAX; fd++)
        real.close((int)fd);
}
