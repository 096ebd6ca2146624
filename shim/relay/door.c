/* SPDX-License-Identifier: MIT */
/* The doors: what goes through which of them in which state, and how. */
#include "shim/audit/fmt.h"
#include "shim/conn/buffer.h"
#include "shim/conn/bytes.h"
#include "shim/conn/conn.h"
#include "shim/conn/life.h"
#include "shim/conn/machine.h"
#include "shim/conn/owner.h"
#include "shim/conn/pool.h"
#include "shim/conn/quiet.h"
#include "shim/conn/records.h"
#include "shim/conn/socket.h"
#include "shim/engine.h"
#include "shim/real.h"
#include "shim/relay/copy.h"
#include "shim/relay/pair.h"
#include "shim/relay/relay.h"
#include "shim/relay/saved.h"
#include "shim/relay/spawn.h"
#include "shim/table.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>

enum way {
    WAY_AS_IT_IS, /* nothing of it is secret, or it carries nothing */
    WAY_SPAWN,    /* a fresh program gets the connection and the bytes that are held */
    WAY_COPY,     /* a copy of this process keeps the session */
};

#define AS_IT_IS WAY_AS_IT_IS
#define SPAWN    WAY_SPAWN
#define COPY     WAY_COPY
static const uint8_t ways[CONN_STATES][DOORS] = {
    /* STDIO LOW SPAWN KEEP EXEC RIGHTS KERNEL AIO CLOSE; SHARE goes its own way */
    [CONN_FRESH] = {AS_IT_IS},
    [CONN_CANDIDATE] = {SPAWN, SPAWN, SPAWN, SPAWN, SPAWN, SPAWN, SPAWN, SPAWN, AS_IT_IS},
    [CONN_REACH] = {SPAWN, SPAWN, SPAWN, SPAWN, SPAWN, SPAWN, SPAWN, SPAWN, AS_IT_IS},
    [CONN_SNIFF] = {SPAWN, SPAWN, SPAWN, SPAWN, SPAWN, SPAWN, SPAWN, SPAWN, SPAWN},
    [CONN_DIAL] = {COPY, COPY, COPY, COPY, COPY, COPY, COPY, COPY, COPY},
    [CONN_NEGOTIATE] = {COPY, COPY, COPY, COPY, COPY, COPY, COPY, COPY, COPY},
    [CONN_HANDSHAKE] = {COPY, COPY, COPY, COPY, COPY, COPY, COPY, COPY, COPY},
    [CONN_CONFIRM] = {COPY, COPY, COPY, COPY, COPY, COPY, COPY, COPY, COPY},
    [CONN_OPEN] = {COPY, COPY, COPY, COPY, COPY, COPY, COPY, COPY, COPY},
    [CONN_PLAIN] = {AS_IT_IS},
    [CONN_REFUSED] = {AS_IT_IS}, /* the kernel's socket is shut down */
    [CONN_RELAYED] = {AS_IT_IS},
};

static const char *const descriptions[DOORS] = {
    [DOOR_STDIO] = "stdio on its descriptor (fdopen, 0, 1 or 2) would pass TLS by",
    [DOOR_LOW] = "descriptors 0, 1 and 2 are used by stdio, past TLS",
    [DOOR_SPAWN] = "its descriptor was about to be given to a child (posix_spawn), past TLS",
    [DOOR_KEEP] = "its descriptor was about to survive exec, past TLS",
    [DOOR_EXEC] = "its descriptor was about to be kept over exec, past TLS",
    [DOOR_RIGHTS] = "its descriptor was about to be sent to another process (SCM_RIGHTS), past TLS",
    [DOOR_KERNEL] = "bytes that the kernel moves by itself (splice) would pass TLS by",
    [DOOR_AIO] = "asynchronous I/O on its descriptor (aio) would pass TLS by",
    [DOOR_CLOSE] = "it was closed before all that was sent had left",
    [DOOR_SHARE] = "two processes were about to use it after a fork, with one TLS session",
};

/* ---- handing over ---- */

static int start(struct conn *c, const struct pair *p, enum way way)
{
    static const char nobodys = 0; /* see pump.h */
    if (!pair_give(p, &nobodys, sizeof nobodys))
        return ENOBUFS;
    if (way == WAY_COPY)
        return copy_relay(c, p);
    size_t held = buffer_len(&c->hold);
    if (held && !pair_give(p, buffer_at(&c->hold), held))
        return ENOBUFS;
    return spawn_relay(c, p);
}

/* The relay runs: the numbers become its pair's. */
static int switch_over(struct conn *c, const struct pair *p)
{
    if (conn_on_replaced)
        conn_on_replaced(c, false);
    bool all = pair_replace(p, c);
    if (conn_on_replaced)
        conn_on_replaced(c, true);
    conn_drop_session(c);
    if (!all) {
        conn_shut(c, EOPNOTSUPP);
        return EMFILE;
    }
    c->want_in = c->want_out = c->connecting = false;
    conn_enter(c, EV_ESCAPE);
    return 0;
}

static int hand_over(struct conn *c, int fd, enum way way)
{
    struct pair p;
    int error = pair_make(&p, fd);
    if (error)
        return error;
    if (!c->saved)
        c->saved = saved_take(fd);
    owner_escape(c->owner);
    error = c->saved ? start(c, &p, way) : ENOMEM;
    if (error)
        owner_take(c->owner);
    else
        error = switch_over(c, &p);
    pair_close(&p);
    return error;
}

static void report(struct conn *c, enum door door, int refusal, int error)
{
    char text[200];
    struct fmt f;
    const char *why = strerrordesc_np(error);
    fmt_init(&f, text, sizeof text);
    fmt_str(&f, descriptions[door]);
    fmt_str(&f, error == ECONNRESET ? ", and another process has the connection"
                                    : ", and no relay could be started: ");
    if (error != ECONNRESET)
        fmt_str(&f, why ? why : "unknown error");
    report_door(c, refusal, fmt_text(&f));
}

/* Nothing is held back of a connection that the policy leaves in the clear. */
static void flush_plain(struct conn *c, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    plain_flush(c);
    while (buffer_len(&c->hold) && real.poll(&p, 1, 10000) > 0)
        plain_flush(c);
}

/* ---- two processes use one connection ---- */

/* Everybody else finds the relay, or an end that it will have: the claim comes first. */
static int join(struct conn *c)
{
    bool starts = owner_claim_for_relay(c->owner, c->owned);
    struct pair p;
    if (!starts && !owner_is_escaped(c->owner, c->owned)) {
        share_drop(c);
        return 0; /* it is another's, and conn_claim() says so */
    }
    int error = pair_of_share(&p, c, starts);
    if (error)
        return error;
    if (!c->saved)
        c->saved = saved_take(c->fd);
    error = !c->saved ? ENOMEM : starts ? spawn_relay(c, &p) : 0;
    if (!error)
        error = switch_over(c, &p);
    pair_close(&p); /* without a relay the others are told ECONNRESET by this */
    return error;
}

void relay_share(struct conn *c)
{
    if (c->state != CONN_CANDIDATE || share_is_alone(c) || !share_stands(c) || !conn_is_socket(c, c->fd)) {
        share_drop(c);
        return;
    }
    int error = join(c);
    if (!error || c->state == CONN_REFUSED)
        return;
    report(c, DOOR_SHARE, EOPNOTSUPP, error);
    conn_shut(c, EOPNOTSUPP);
}

#define ORPHAN_MS 200000 /* about what Linux grants a socket that nobody holds, whose peer reads no more */

/* Nobody is left to give up. */
static void orphan(int fd)
{
    int ms = conn_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT);
    if (ms > 0 && ms < ORPHAN_MS)
        return;
    ms = ORPHAN_MS;
    real.setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

static int pass(struct conn *c, int fd, enum door door)
{
    enum way way = (enum way)ways[c->state][door];
    if (c->state == CONN_PLAIN)
        flush_plain(c, fd);
    if (way == WAY_AS_IT_IS || !conn_is_socket(c, fd))
        return 0;
    if (buffer_len(&c->peeked)) /* a proxy's answer: a fresh program does not have it */
        way = WAY_COPY;
    bool may = conn_claim(c);
    if (c->state == CONN_RELAYED || c->state == CONN_REFUSED)
        return c->state == CONN_RELAYED ? 0 : EOPNOTSUPP;
    if (door == DOOR_CLOSE)
        orphan(fd);
    int error = may ? hand_over(c, fd, way) : ECONNRESET;
    if (!error)
        return 0;
    int refusal = door == DOOR_RIGHTS ? EACCES : EOPNOTSUPP;
    report(c, door, refusal, error);
    return refusal;
}

/* One hand-over at a time: a copy of the process waits for all conns' locks, and so does fork(). */
static pthread_mutex_t doorway = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

int relay_pass(int fd, enum door door)
{
    struct conn *c = table_get(fd);
    if (!c)
        return 0;
    quiet_begin_blocked(); /* a child begins with what is blocked here */
    pthread_mutex_lock(&doorway);
    conn_lock(c, fd);
    int error = pass(c, fd, door);
    conn_unlock(c);
    pthread_mutex_unlock(&doorway);
    quiet_end();
    conn_put(c);
    return error;
}

static unsigned quiet; /* conns that fork() holds; under the doorway's lock */

/* Locks are recursive: a handler may come in before fork() is over, and a relay is made by fork() in the
 * doorway.
 */
void relay_before_fork(void)
{
    table_pid(); /* another library's handler in a child may come here before ours has run: locks start fresh
                  */
    pthread_mutex_lock(&doorway);
    quiet = pool_hold(NULL);
    engine_hold();
}

void relay_forked(void)
{
    engine_let_go();
    pool_let_go(quiet, NULL);
    pthread_mutex_unlock(&doorway);
}

void relay_after_fork(void)
{
    doorway = (pthread_mutex_t)PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
}

/* close() is to send a reset. */
static bool aborts(int fd)
{
    struct linger linger = {0};
    socklen_t len = sizeof linger;
    return real.getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len) == 0 && linger.l_onoff &&
           !linger.l_linger;
}

/* Bytes that the program was told are sent, and that the kernel does not have. */
static bool keeps_bytes(const struct conn *c, int fd)
{
    if (c->state == CONN_OPEN) /* what a full socket took last */
        return conn_settling(c) && !c->gone && !aborts(fd);
    return (c->state == CONN_SNIFF || conn_negotiating(c)) && buffer_len(&c->hold) > 0 && !c->read_last;
}

bool relay_wanted_at_close(int fd)
{
    struct conn *c = table_get(fd);
    if (!c)
        return false;
    conn_lock(c, fd);
    bool last = atomic_load(&c->numbers) == 1;
    bool wanted = last && conn_is_socket(c, fd) && conn_is_user(c) && keeps_bytes(c, fd);
    conn_unlock(c);
    conn_put(c);
    return wanted;
}
