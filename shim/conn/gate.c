/* SPDX-License-Identifier: MIT */
/* How a conn begins: what connect() was told, what the policy says of it, and the seal on the descriptor. */
#include "shim/config.h"
#include "shim/conn/conn.h"
#include "shim/conn/life.h"
#include "shim/conn/machine.h"
#include "shim/conn/owner.h"
#include "shim/conn/pool.h"
#include "shim/conn/records.h"
#include "shim/conn/socket.h"
#include "shim/names.h"
#include "shim/real.h"
#include "shim/start.h"
#include "shim/table.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

AT_START void (*conn_on_govern)(struct conn *c, int fd);
AT_START void (*conn_on_gone)(struct conn *c);
AT_START void (*conn_on_replaced)(struct conn *c, bool done);
AT_START void (*conn_on_forget)(int fd);
AT_START void (*conn_on_duplicate)(int from, int to);

/* ---- what is dialled ---- */

static bool is_tcp(int fd)
{
    if (conn_option(fd, SOL_SOCKET, SO_TYPE) != SOCK_STREAM)
        return false;
    int protocol = conn_option(fd, SOL_SOCKET, SO_PROTOCOL);
    return protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP;
}

/* connect() to the unspecified address reaches this host (0.0.0.0 and ::). */
static void normalise_any(struct policy_address *a)
{
    static const uint8_t zero[16], any4[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (memcmp(a->bytes, any4, sizeof any4) == 0) {
        a->bytes[12] = 127;
        a->bytes[15] = 1;
    } else if (memcmp(a->bytes, zero, sizeof zero) == 0) {
        a->bytes[15] = 1;
    }
}

bool conn_read_address(const struct sockaddr *addr, socklen_t len, struct policy_address *out, uint16_t *port)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (addr->sa_family == AF_INET && len >= (socklen_t)sizeof(struct sockaddr_in)) {
        struct sockaddr_in in;
        memcpy(&in, addr, sizeof in);
        memcpy(out->bytes, mapped, sizeof mapped);
        memcpy(out->bytes + sizeof mapped, &in.sin_addr, 4);
        *port = ntohs(in.sin_port);
        normalise_any(out);
        return true;
    }
    if (addr->sa_family == AF_INET6 && len >= (socklen_t)offsetof(struct sockaddr_in6, sin6_scope_id)) {
        struct sockaddr_in6 in6;
        memset(&in6, 0, sizeof in6);
        memcpy(&in6, addr, len < (socklen_t)sizeof in6 ? len : (socklen_t)sizeof in6);
        memcpy(out->bytes, &in6.sin6_addr, sizeof out->bytes);
        *port = ntohs(in6.sin6_port);
        normalise_any(out);
        return true;
    }
    return false;
}

/* ---- the gate ---- */

struct dial {
    int fd;
    const struct sockaddr *addr;
    socklen_t len;
    struct policy_address address;
    uint16_t port;
    struct policy *policy;
    struct policy_target target;
    char text[CONN_NAMES_BYTES];
    const char *names[CONN_NAMES_MAX];
};

static enum gate refuse_dial(const struct dial *d, const struct policy_verdict *v, int errno_given,
                             const char *type, const char *why, int *error)
{
    report_dial(d->addr, &d->target, d->policy, v, errno_given, type, why);
    *error = errno_given;
    return GATE_REFUSED;
}

static void fill(struct conn *c, const struct dial *d)
{
    c->fd = d->fd;
    memcpy(&c->peer, d->addr, d->len < sizeof c->peer ? d->len : sizeof c->peer);
    c->peer_len = d->len < sizeof c->peer ? d->len : sizeof c->peer;
    c->dialled = d->port;
    c->address = d->address;
    c->port = d->port;
    c->policy = policy_ref(d->policy);
    memcpy(c->names_text, d->text, sizeof c->names_text);
    c->n_names = d->target.n_names;
    for (size_t i = 0; i < c->n_names; i++)
        c->names[i] = c->names_text + (d->names[i] - d->text);
    c->cookie = conn_cookie(d->fd);
    c->born_in = table_pid();
    c->owner = owner_new(c->cookie);
    owner_note_port(c->owner, c->port);
    c->owned = c->cookie;
    conn_take_lowat(c, d->fd);
    c->connect_ns = now_ns();
    c->connecting = true;
    c->id = c->cookie ^ c->connect_ns;
}

/* An unseen exec must lose the descriptor rather than inherit it: FD_CLOEXEC is set before connect() is
 * issued; what the program believes stands in the slot, besides a FILE that it has made of the number. */
static unsigned seal(int fd)
{
    int flags = real.fcntl(fd, F_GETFD);
    unsigned bits = table_bits(fd) & SLOT_STDIO;
    if (flags >= 0 && !(flags & FD_CLOEXEC))
        real.fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
    return flags >= 0 && (flags & FD_CLOEXEC) ? bits | SLOT_CLOEXEC : bits;
}

/* Numbers that were duplicated from this one before connect() name the same connection. */
static void publish_duplicates(struct conn *c, int fd)
{
    for (int n = table_has_twins() ? table_next(0) : -1; n >= 0; n = table_next(n + 1)) {
        struct conn *before;
        if (n == fd || !(table_bits(n) & SLOT_FRESH) || !c->cookie || conn_cookie(n) != c->cookie)
            continue;
        pool_ref(c);
        atomic_fetch_add(&c->numbers, 1);
        table_set(n, c, seal(n), &before);
        if (before)
            conn_left(before, n);
    }
}

void conn_unseal(struct conn *c)
{
    for (int n = table_next(0); n >= 0; n = table_next(n + 1)) {
        struct conn *there = table_get(n);
        if (there == c && !(table_bits(n) & SLOT_CLOEXEC))
            real.fcntl(n, F_SETFD, 0);
        if (there)
            conn_put(there);
    }
}

static enum gate govern(const struct dial *d, const struct policy_verdict *v, struct conn **conn, int *error)
{
    real_find_clock();
    struct conn *c = pool_new();
    if (!c)
        return refuse_dial(d, NULL, ENOBUFS, "tlsup-memory", "out of memory", error);
    fill(c, d);
    c->verdict = *v; /* for records until the head decides */
    int off = 0;     /* data in the SYN would leave before any decision */
    if (conn_option(d->fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT) > 0)
        real.setsockopt(d->fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &off, sizeof off);
    struct conn *before;
    c->numbers = 1;
    conn_enter(c, EV_CONNECT); /* nobody sees it yet */
    pool_ref(c);               /* the slot's, besides the caller's */
    if (!table_set(d->fd, c, seal(d->fd), &before)) {
        conn_put(c);
        conn_put(c);
        return refuse_dial(d, NULL, ENOBUFS, "tlsup-memory", "out of memory", error);
    }
    if (before) /* a number that came back: its close was not seen */
        conn_left(before, d->fd);
    publish_duplicates(c, d->fd);
    conn_lock(c, d->fd);
    if (conn_on_govern)
        conn_on_govern(c, d->fd);
    conn_unlock(c);
    *conn = c;
    return GATE_GOVERNED;
}

static enum gate judge_dial(struct dial *d, struct conn **conn, int *error)
{
    struct policy_verdict v;
    if (!policy_lists_port(d->policy, d->port))
        return policy_defaults(d->policy)->mode == MODE_TESTING && is_tcp(d->fd) ? GATE_UNLISTED : GATE_PASS;
    if (!is_tcp(d->fd))
        return GATE_PASS;
    d->target.n_names = names_lookup(&d->address, d->text, sizeof d->text, d->names, CONN_NAMES_MAX);
    d->target.names = d->names;
    if (policy_none_is_final(d->policy, &d->target)) {
        policy_decide(d->policy, &d->target, &v);
        report_dial(d->addr, &d->target, d->policy, &v, 0, "success", NULL);
        return GATE_PASS;
    }
    policy_decide(d->policy, &d->target, &v);
    if (v.level == LEVEL_REJECT && v.rule->mode == MODE_ENFORCE)
        return refuse_dial(d, &v, EACCES, "tlsup-rejected", "the policy rejects this destination", error);
    if (!table_is_ours())
        return refuse_dial(d, &v, EOPNOTSUPP, "tlsup-bypass-refused",
                           "a child of vfork has no memory of its own to keep a connection in", error);
    return govern(d, &v, conn, error);
}

enum gate conn_gate(int fd, const struct sockaddr *addr, socklen_t len, struct conn **conn, int *error)
{
    struct dial d = {.fd = fd, .addr = addr, .len = len};
    char why[600];
    bool refused = false;
    if (!conn_read_address(addr, len, &d.address, &d.port))
        return GATE_PASS;
    d.policy = config_policy(d.port, &refused, why, sizeof why);
    if (!d.policy) {
        if (!refused || !is_tcp(fd))
            return GATE_PASS;
        return refuse_dial(&d, NULL, EACCES, "tlsup-policy-invalid", why, error);
    }
    d.target.address = d.address;
    d.target.port = d.port;
    enum gate gate = judge_dial(&d, conn, error);
    policy_unref(d.policy);
    return gate;
}
