/* SPDX-License-Identifier: MIT */
/* How a connection begins and ends. */
#include "shim/conn/bytes.h"
#include "shim/conn/dial.h"
#include "shim/conn/life.h"
#include "shim/conn/machine.h"
#include "shim/hooks/hooks.h"
#include "shim/hooks/numbers.h"
#include "shim/hooks/signals.h"
#include "shim/init.h"
#include "shim/real.h"
#include "shim/relay/saved.h"
#include "shim/table.h"
#include "shim/wait/block.h"
#include "shim/wait/dial.h"

#include <netinet/tcp.h>
#include <string.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

EXPORT int socket(int domain, int type, int protocol)
{
    int fd = real.socket(domain, type, protocol);
    if (fd < 0)
        return fd;
    bool tcp = (domain == AF_INET || domain == AF_INET6) && (type & 0xf) == SOCK_STREAM &&
               (protocol == 0 || protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP);
    numbers_came(fd, tcp ? SLOT_FRESH : 0);
    return fd;
}

EXPORT int accept(int fd, struct sockaddr *addr, socklen_t *len)
{
    int n = real.accept(fd, addr, len);
    if (n >= 0)
        numbers_came(n, 0);
    return n;
}

EXPORT int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    int n = real.accept4(fd, addr, len, flags);
    if (n >= 0)
        numbers_came(n, 0);
    return n;
}

/* A connect() that waited and failed leaves a socket that can dial again, and that is told the truth then;
 * ours did not wait, and for the kernel it is under way still. */
static void forget_dial(struct conn *c, int fd)
{
    if (!wait_is_forbidden(fd)) {
        conn_lock(c, fd);
        conn_dissolve(c, 0);
        conn_unlock(c);
    }
    numbers_free(fd);
}

/* The dial is ours: the program's call takes as long, and ends as it would have. */
static int finish_dial(struct conn *c, int fd)
{
    int error = wait_dial(c, fd);
    if (error && error != EINTR && error != EINPROGRESS && c->state == CONN_CANDIDATE)
        forget_dial(c, fd);
    return error ? (int)failed(error) : 0;
}

/* connect() again, for the result. */
static int ask_dial(struct conn *c, int fd, const struct sockaddr *addr, socklen_t len)
{
    struct sockaddr_storage to = {0};
    conn_lock(c, fd);
    bool ours = c->state == CONN_REACH || c->dial_error;
    memcpy(&to, addr, len < sizeof to ? len : sizeof to);
    if (c->state == CONN_CANDIDATE)
        conn_put_port(&to, c->dialled);
    conn_unlock(c);
    if (!ours) {
        int result = real.connect(fd, (const struct sockaddr *)&to, len);
        int saved = errno;
        enum conn_dial how = c->state == CONN_CANDIDATE ? conn_dialled(c, fd, result, saved) : DIAL_AS_IT_IS;
        if (how == DIAL_FAILED)
            numbers_free(fd);
        errno = saved;
        if (how != DIAL_REACHES)
            return result;
    }
    int result = finish_dial(c, fd);
    if (result != 0 && errno == EINPROGRESS)
        errno = EALREADY;
    return result;
}

/* connect() on a number that we know already: the second call that asks for the result, or a disconnect. */
static bool connect_known(int fd, const struct sockaddr *addr, socklen_t len, int *result)
{
    struct conn *c = table_get(fd);
    if (!c)
        return false;
    conn_lock(c, fd);
    bool same = conn_is_socket(c, fd);
    enum conn_state state = c->state;
    int error = c->error;
    conn_unlock(c);
    bool known = true;
    if (!same) { /* its close was not seen: the flags of this one are its own */
        numbers_go(fd);
        known = false;
    } else if (addr->sa_family == AF_UNSPEC && state != CONN_RELAYED) {
        numbers_free(fd);
        known = false;
    } else if (state == CONN_REFUSED) {
        *result = (int)failed(error ? error : ECONNABORTED);
    } else if (state == CONN_CANDIDATE || state == CONN_REACH || state == CONN_PLAIN) {
        *result = ask_dial(c, fd, addr, len);
    } else {
        *result = (int)failed(EISCONN);
    }
    conn_put(c);
    return known;
}

static int connect_governed(struct conn *c, int fd, const struct sockaddr *addr, socklen_t len)
{
    struct sockaddr_storage to = {0};
    int result = -1;
    memcpy(&to, addr, len < sizeof to ? len : sizeof to);
    enum conn_dial how = conn_dial(c, fd, &to);
    if (how == DIAL_AS_IT_IS) {
        result = wait_connect(c, fd, &to, len);
        how = conn_dialled(c, fd, result, errno);
    }
    if (how == DIAL_REACHES)
        result = finish_dial(c, fd);
    int saved = errno;
    if (how == DIAL_FAILED) {
        numbers_free(fd);
    } else if (table_has(fd) && !numbers_leave_stdio(c, fd)) {
        saved = errno;
        result = -1;
    }
    conn_put(c);
    errno = saved;
    return result;
}

EXPORT int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    int result = -1, error = 0;
    struct conn *c = NULL;
    init_now(); /* a constructor that ran before ours may dial */
    if (!addr || len < (socklen_t)sizeof addr->sa_family)
        return real.connect(fd, addr, len);
    bool ours = table_is_ours();
    if (ours && connect_known(fd, addr, len, &result))
        return result;
    if (addr->sa_family != AF_INET && addr->sa_family != AF_INET6)
        return real.connect(fd, addr, len);
    int saved = errno;
    enum gate gate = conn_gate(fd, addr, len, &c, &error);
    errno = saved;
    switch (gate) {
    case GATE_GOVERNED: signals_watch(); return connect_governed(c, fd, addr, len);
    case GATE_REFUSED: return (int)failed(error);
    default: break;
    }
    if (ours)
        numbers_forget(fd);
    if (ours && gate == GATE_UNLISTED)
        table_set_bits(fd, SLOT_UNLISTED, 0);
    return real.connect(fd, addr, len);
}
ALIAS_OF(connect) int __connect(int fd, const struct sockaddr *addr, socklen_t len);

static int get_lowat(int fd, const struct conn *c, void *value, socklen_t *len)
{
    int result = real.getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, value, len);
    if (result == 0)
        memcpy(value, &c->lowat, *len);
    return result;
}

EXPORT int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    int told;
    if (table_has(fd) && saved_getsockopt(fd, level, name, value, len, &told))
        return told ? (int)failed(told) : 0;
    bool asks_ours = level == SOL_SOCKET && (name == SO_ERROR || name == SO_RCVLOWAT);
    struct conn *c = asks_ours ? table_get(fd) : NULL;
    if (!c)
        return real.getsockopt(fd, level, name, value, len);
    if (name == SO_RCVLOWAT) {
        int result =
            conn_is_through(c) ? real.getsockopt(fd, level, name, value, len) : get_lowat(fd, c, value, len);
        conn_put(c);
        return result;
    }
    conn_lock(c, fd);
    conn_advance(c);
    bool room = value && len && *len >= (socklen_t)sizeof(int);
    int error = c->state == CONN_REFUSED ? c->error : conn_take_dial_error(c);
    if (!error && room)
        error = conn_take_error(c);
    bool ours = error || c->state == CONN_REFUSED || c->state == CONN_REACH || conn_negotiating(c);
    conn_unlock(c);
    conn_put(c);
    if (!ours || !room)
        return real.getsockopt(fd, level, name, value, len);
    memcpy(value, &error, sizeof error);
    *len = sizeof error;
    return 0;
}

/* SO_RCVLOWAT counts bytes of the program. The kernel judges it, and does not keep it. False: none of ours.
 */
static bool set_lowat(int fd, const void *value, socklen_t len, int *result)
{
    struct conn *c = numbers_sealed(fd);
    if (!c)
        return false;
    conn_lock(c, fd);
    *result = real.setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, value, len);
    int error = errno;
    if (*result == 0) {
        conn_take_lowat(c, fd);
        c->changed = c->announce = true;
    }
    conn_unlock(c);
    conn_put(c);
    errno = *result == 0 ? errno : error;
    return true;
}

/* What would have the kernel work on the bytes themselves, where it sees those of TLS: as a kernel without it
 * says. */
static int lacks(int level, int name)
{
    if (level == SOL_SOCKET && name == SO_ZEROCOPY)
        return EOPNOTSUPP;
    return level == IPPROTO_TCP && name == TCP_ULP ? ENOENT : 0;
}

EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    int told;
    if (table_has(fd) && saved_setsockopt(fd, level, name, value, len, &told))
        return told ? (int)failed(told) : 0;
    if (lacks(level, name) && numbers_is_sealed(fd))
        return (int)failed(lacks(level, name));
    if (level == SOL_SOCKET && name == SO_RCVLOWAT && table_has(fd) && set_lowat(fd, value, len, &told))
        return told;
    return real.setsockopt(fd, level, name, value, len);
}

static bool is_same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    struct sockaddr_in in[2];
    struct sockaddr_in6 in6[2];
    memcpy(&in[0], a, sizeof in[0]), memcpy(&in[1], b, sizeof in[1]);
    memcpy(&in6[0], a, sizeof in6[0]), memcpy(&in6[1], b, sizeof in6[1]);
    if (a->ss_family != b->ss_family)
        return false;
    return a->ss_family == AF_INET
               ? in[0].sin_addr.s_addr == in[1].sin_addr.s_addr
               : memcmp(&in6[0].sin6_addr, &in6[1].sin6_addr, sizeof in6[0].sin6_addr) == 0;
}

/* May the net have led it to a relay, which is what it does with a socket that we did not connect? Then both
 * ends are of this machine, or of a pair. */
static bool may_lead_to_relay(int fd)
{
    struct sockaddr_storage local = {0}, peer = {0};
    socklen_t local_len = sizeof local, peer_len = sizeof peer;
    int saved = errno;
    bool may = real_net() && real.getsockname(fd, (struct sockaddr *)&local, &local_len) == 0 &&
               real.getpeername(fd, (struct sockaddr *)&peer, &peer_len) == 0;
    errno = saved;
    if (may && local.ss_family == AF_UNIX)
        return local_len <= sizeof local.ss_family && peer_len <= sizeof peer.ss_family;
    return may && (local.ss_family == AF_INET || local.ss_family == AF_INET6) && is_same_host(&local, &peer);
}

static bool net_knows(bool is_peer, int fd, struct sockaddr *addr, socklen_t *len)
{
    return may_lead_to_relay(fd) && real_ask_net(is_peer, fd, addr, len) == 0;
}

EXPORT int getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
    int told;
    if (table_has(fd) && saved_getsockname(fd, addr, len, &told))
        return told ? (int)failed(told) : 0;
    if (!table_has(fd) && net_knows(false, fd, addr, len))
        return 0;
    return real.getsockname(fd, addr, len);
}

/* While a conn is dialled again the kernel has no peer; after a refusal it may have none any more. Where our
 * FIN is held back it has one still. */
EXPORT int getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
    struct conn *c = table_get(fd);
    int told;
    if (!c)
        return net_knows(true, fd, addr, len) ? 0 : real.getpeername(fd, addr, len);
    conn_lock(c, fd);
    bool ours = conn_negotiating(c) || c->state == CONN_REFUSED, over = conn_is_over(c);
    bool elsewhere = c->dialled != c->port && c->state != CONN_RELAYED;
    conn_unlock(c);
    struct sockaddr_storage other;
    socklen_t other_len = sizeof other;
    int result = saved_getpeername(fd, addr, len, &told) ? (told ? (int)failed(told) : 0)
                 : over                                  ? (int)failed(ENOTCONN)
                 : elsewhere ? real.getpeername(fd, (struct sockaddr *)&other, &other_len)
                             : real.getpeername(fd, addr, len);
    if (addr && len && (result == 0 ? elsewhere : errno == ENOTCONN && ours)) {
        memcpy(addr, &c->peer, *len < c->peer_len ? *len : c->peer_len);
        *len = c->peer_len;
        result = 0;
    }
    conn_put(c);
    return result;
}

EXPORT int shutdown(int fd, int how)
{
    struct conn *c = how >= SHUT_RD && how <= SHUT_RDWR ? table_get(fd) : NULL;
    if (!c)
        return real.shutdown(fd, how);
    conn_lock(c, fd);
    enum conn_rc rc = conn_claim(c) ? conn_shutdown(c, how) : RC_PASS;
    int error = c->error;
    conn_unlock(c);
    conn_put(c);
    if (rc == RC_ERROR)
        return (int)failed(error);
    return rc == RC_PASS ? real.shutdown(fd, how) : 0;
}
