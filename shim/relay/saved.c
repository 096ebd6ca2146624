/* SPDX-License-Identifier: MIT */
#include "shim/relay/saved.h"

#include "shim/conn/conn.h"
#include "shim/conn/life.h"
#include "shim/real.h"
#include "shim/table.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS     40U
#define VALUE_BYTES 16U

struct option {
    int level, name;
    socklen_t len;
    unsigned char value[VALUE_BYTES];
};

struct conn_saved {
    struct sockaddr_storage local, peer;
    socklen_t local_len, peer_len;
    struct option options[OPTIONS];
    size_t n;
    struct tcp_info info;
    socklen_t info_len;
};

static const struct {
    int level, name;
} asked_for[] = {
    {SOL_SOCKET, SO_DOMAIN},
    {SOL_SOCKET, SO_PROTOCOL},
    {IPPROTO_TCP, TCP_NODELAY},
    {IPPROTO_TCP, TCP_MAXSEG},
    {IPPROTO_TCP, TCP_CORK},
    {IPPROTO_TCP, TCP_KEEPIDLE},
    {IPPROTO_TCP, TCP_KEEPINTVL},
    {IPPROTO_TCP, TCP_KEEPCNT},
    {IPPROTO_TCP, TCP_USER_TIMEOUT},
    {IPPROTO_TCP, TCP_QUICKACK},
    {IPPROTO_TCP, TCP_CONGESTION},
    {IPPROTO_IP, IP_TOS},
    {IPPROTO_IP, IP_TTL},
    {IPPROTO_IP, IP_MTU},
    {IPPROTO_IP, IP_MTU_DISCOVER},
    {IPPROTO_IPV6, IPV6_V6ONLY},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS},
    {IPPROTO_IPV6, IPV6_MTU},
    {IPPROTO_IPV6, IPV6_TCLASS},
};

static void read_option(struct conn_saved *s, int fd, int level, int name)
{
    struct option *o = &s->options[s->n];
    o->level = level;
    o->name = name;
    o->len = sizeof o->value;
    if (real.getsockopt(fd, level, name, o->value, &o->len) == 0)
        s->n++;
}

struct conn_saved *saved_take(int fd)
{
    struct conn_saved *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->local_len = sizeof s->local;
    s->peer_len = sizeof s->peer;
    s->info_len = sizeof s->info;
    if (real.getsockname(fd, (struct sockaddr *)&s->local, &s->local_len) != 0)
        s->local_len = 0;
    if (real.getpeername(fd, (struct sockaddr *)&s->peer, &s->peer_len) != 0)
        s->peer_len = 0;
    if (real.getsockopt(fd, IPPROTO_TCP, TCP_INFO, &s->info, &s->info_len) != 0)
        s->info_len = 0;
    for (size_t i = 0; i < sizeof asked_for / sizeof *asked_for; i++)
        read_option(s, fd, asked_for[i].level, asked_for[i].name);
    return s;
}

/* ---- whose ---- */

static struct conn *relayed(int fd)
{
    struct conn *c = table_has(fd) ? table_get(fd) : NULL;
    if (c && (c->state != CONN_RELAYED || !conn_is_socket(c, fd))) {
        conn_put(c);
        return NULL;
    }
    return c;
}

bool saved_is_relayed(int fd)
{
    struct conn *c = relayed(fd);
    if (c)
        conn_put(c);
    return c != NULL;
}

/* ---- addresses ---- */

static int put_address(const struct sockaddr_storage *from, socklen_t from_len, struct sockaddr *addr,
                       socklen_t *len)
{
    if (!addr || !len)
        return EFAULT;
    if ((int)*len < 0)
        return EINVAL;
    memcpy(addr, from, *len < from_len ? *len : from_len);
    *len = from_len;
    return 0;
}

bool saved_getsockname(int fd, struct sockaddr *addr, socklen_t *len, int *error)
{
    struct conn *c = relayed(fd);
    if (!c)
        return false;
    *error = put_address(&c->saved->local, c->saved->local_len, addr, len);
    conn_put(c);
    return true;
}

/* Not connected yet when it was handed over, or connected to another port: what the program dialled. */
bool saved_getpeername(int fd, struct sockaddr *addr, socklen_t *len, int *error)
{
    struct conn *c = relayed(fd);
    if (!c)
        return false;
    const struct conn_saved *s = c->saved;
    *error = s->peer_len && c->dialled == c->port ? put_address(&s->peer, s->peer_len, addr, len)
                                                  : put_address(&c->peer, c->peer_len, addr, len);
    conn_put(c);
    return true;
}

/* ---- options ---- */

static bool is_of_tcp(int level, int name)
{
    return level == IPPROTO_TCP || level == IPPROTO_IP || level == IPPROTO_IPV6 ||
           (level == SOL_SOCKET && (name == SO_DOMAIN || name == SO_PROTOCOL));
}

static struct option *find(struct conn_saved *s, int level, int name)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->options[i].level == level && s->options[i].name == name)
            return &s->options[i];
    return NULL;
}

static int put_value(const void *from, socklen_t from_len, void *value, socklen_t *len)
{
    if (!value || !len)
        return EFAULT;
    if (*len > from_len)
        *len = from_len;
    memcpy(value, from, *len);
    return 0;
}

/* A socket like the one that the program believes to have. */
static int stand_in(const struct conn *c)
{
    return real.socket(c->peer.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int ask_stand_in(const struct conn *c, int level, int name, void *value, socklen_t *len)
{
    int fd = stand_in(c);
    int error = fd < 0 || real.getsockopt(fd, level, name, value, len) != 0 ? errno : 0;
    if (fd >= 0)
        real.close(fd);
    return error;
}

bool saved_getsockopt(int fd, int level, int name, void *value, socklen_t *len, int *error)
{
    struct conn *c = is_of_tcp(level, name) ? relayed(fd) : NULL;
    if (!c)
        return false;
    conn_lock(c, fd);
    const struct option *o = find(c->saved, level, name);
    if (o)
        *error = put_value(o->value, o->len, value, len);
    else if (level == IPPROTO_TCP && name == TCP_INFO && c->saved->info_len)
        *error = put_value(&c->saved->info, c->saved->info_len, value, len);
    else
        *error = ask_stand_in(c, level, name, value, len);
    conn_unlock(c);
    conn_put(c);
    return true;
}

bool saved_setsockopt(int fd, int level, int name, const void *value, socklen_t len, int *error)
{
    struct conn *c = is_of_tcp(level, name) ? relayed(fd) : NULL;
    if (!c)
        return false;
    conn_lock(c, fd);
    int other = stand_in(c);
    *error = other < 0 || real.setsockopt(other, level, name, value, len) != 0 ? errno : 0;
    struct option *o = find(c->saved, level, name);
    if (!*error && o) {
        o->len = sizeof o->value;
        real.getsockopt(other, level, name, o->value, &o->len);
    } else if (!*error && c->saved->n < OPTIONS) {
        read_option(c->saved, other, level, name);
    }
    if (other >= 0)
        real.close(other);
    conn_unlock(c);
    conn_put(c);
    return true;
}
