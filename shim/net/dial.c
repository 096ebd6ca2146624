/* SPDX-License-Identifier: MIT */
#include "shim/net/dial.h"

#include "shim/conn/socket.h"
#include "shim/net/bridge.h"
#include "shim/net/sock.h"
#include "shim/net/swap.h"
#include "shim/net/verdict.h"
#include "shim/real.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>

#define NS_PER_MS 1000000ULL

struct waiter { /* a blocking call */
    struct waiter *next;
    uint64_t id, until; /* until: SO_SNDTIMEO; 0: for ever */
    int late;           /* what it gets then */
    pid_t thread;
};

struct dial;
struct watch {
    struct dial *dial;
};

struct dial {
    struct dial *next;
    int sock;
    uint64_t cookie;
    bool bridged;
    struct bridge bridge;
    struct peers_end asked; /* where the program wants to go */
    struct waiter *waiters;
    struct watch on_sock, on_word;
};

static struct dial *dials;
static int the_listener, the_epoll;

void dial_init(int listener, int epoll)
{
    the_listener = listener;
    the_epoll = epoll;
}

/* ---- the list ---- */

static struct dial *find(uint64_t cookie)
{
    for (struct dial *d = dials; d; d = d->next)
        if (d->cookie == cookie)
            return d;
    return NULL;
}

static bool watch(int fd, struct watch *w, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = w};
    return real.epoll_ctl(the_epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

/* The program may hold what we close: the set would go on telling of it. */
static void forget(struct dial *d)
{
    for (struct dial **at = &dials; *at; at = &(*at)->next)
        if (*at == d) {
            *at = d->next;
            break;
        }
    real.epoll_ctl(the_epoll, EPOLL_CTL_DEL, d->sock, NULL);
    real.close(d->sock);
    if (d->bridged)
        bridge_close(&d->bridge);
    while (d->waiters) {
        struct waiter *w = d->waiters;
        d->waiters = w->next;
        free(w);
    }
    free(d);
}

static struct dial *add(int sock, bool bridged)
{
    struct dial *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    *d = (struct dial){.next = dials, .sock = sock, .cookie = conn_cookie(sock), .bridged = bridged};
    d->on_sock.dial = d->on_word.dial = d;
    dials = d;
    return d;
}

/* ---- answers ---- */

static bool wait_for(struct dial *d, const struct net_request *r, int late)
{
    struct waiter *w = calloc(1, sizeof *w);
    if (!w)
        return false;
    uint64_t timeout = sock_send_timeout_ns(d->sock);
    *w = (struct waiter){.next = d->waiters,
                         .id = r->id,
                         .until = timeout ? now_ns() + timeout : 0,
                         .late = late,
                         .thread = r->thread};
    d->waiters = w;
    return true;
}

/* Was a call not interrupted, and waits still? */
static bool somebody_waits(const struct dial *d)
{
    for (const struct waiter *w = d->waiters; w; w = w->next)
        if (request_is_alive(the_listener, w->id))
            return true;
    return false;
}

/* Did one of them get it? */
static bool answer_all(const struct dial *d, int error)
{
    bool heard = false;
    for (const struct waiter *w = d->waiters; w; w = w->next)
        heard = request_answer(the_listener, w->id, error) || heard;
    return heard;
}

/* The call goes on after this as the kernel's own would: what blocks waits, the rest hears EINPROGRESS. */
static void go_on(struct dial *d, const struct net_request *r, int immediately)
{
    if (!sock_is_blocking(d->sock)) {
        request_answer(the_listener, r->id, immediately);
    } else if (!wait_for(d, r, immediately)) {
        request_answer(the_listener, r->id, ENOBUFS);
    }
}

/* ---- the kinds of dial ---- */

/* No line governs it: what the caller asked for is done, with the address that was looked at. */
static void go_directly(const struct net_request *r, int sock)
{
    int error = sock_connect(sock, (const struct sockaddr *)&r->peer, r->peer_len);
    bool under_way = error == EINPROGRESS || error == EALREADY;
    struct dial *d = under_way && sock_is_blocking(sock) ? add(sock, false) : NULL;
    if (!d || !watch(sock, &d->on_sock, EPOLLOUT | EPOLLET)) {
        request_answer(the_listener, r->id, error);
        if (d)
            forget(d);
        else
            real.close(sock);
        return;
    }
    go_on(d, r, error);
}

static bool is_swapped(const struct dial *d)
{
    return d->bridged && d->bridge.far >= 0;
}

/* A pair is connected from the start: what does not wait has it at once, and hears of a dial that failed by a
 * reset. What waits gets it when the relay has arrived. */
static void go_by_pair(struct dial *d, const struct net_request *r)
{
    bool waits = sock_is_blocking(d->sock);
    bool good = watch(d->bridge.word, &d->on_word, EPOLLIN) &&
                (waits ? wait_for(d, r, EINPROGRESS)
                       : swap_place(the_listener, r->id, r->thread, d->sock, d->bridge.far));
    if (good && waits)
        return;
    request_answer(the_listener, r->id, good ? 0 : ENOBUFS);
    if (!good)
        forget(d);
}

/* A connect() that does not block never ends with EINTR: the sooner it is answered, the fewer signals find it
 * waiting for us. */
static bool answer_early(int sock, const struct net_request *r)
{
    bool waits = sock_is_blocking(sock);
    if (!waits)
        request_answer(the_listener, r->id, EINPROGRESS);
    return waits;
}

static void go_to_relay(const struct net_request *r, int sock)
{
    const char *why = NULL;
    int error = sock_unreachable(sock, (const struct sockaddr *)&r->peer, r->peer_len);
    struct dial *d = error ? NULL : add(sock, true);
    if (d)
        d->asked = (struct peers_end){r->peer, r->peer_len};
    if (!error)
        error = d ? bridge_open(&d->bridge, sock, r, answer_early, &why) : ENOBUFS;
    if (!error && is_swapped(d)) {
        go_by_pair(d, r);
        return;
    }
    if (!error && watch(sock, &d->on_sock, EPOLLOUT | EPOLLET) &&
        watch(d->bridge.word, &d->on_word, EPOLLIN)) {
        go_on(d, r, EINPROGRESS);
        return;
    }
    if (why)
        verdict_refuse(r, error, why);
    if (!error) { /* the set takes no more */
        bridge_fail(&d->bridge, sock, true);
        error = ENOBUFS;
    }
    request_answer(the_listener, r->id, error);
    if (d)
        forget(d);
    else
        real.close(sock);
}

/* connect() again while the first is under way. */
static void join(struct dial *d, const struct net_request *r, int sock)
{
    real.close(sock);
    go_on(d, r, EALREADY);
}

static void ask(const struct net_request *r, int sock)
{
    switch (verdict_of(r)) {
    case VERDICT_REFUSED:
        request_answer(the_listener, r->id, EACCES);
        real.close(sock);
        break;
    case VERDICT_RELAY: go_to_relay(r, sock); break;
    default: go_directly(r, sock); break;
    }
}

/* Of a connection that is there, under way unknown to us, or to be dissolved: the kernel's own words. */
static bool is_new_dial(const struct net_request *r, int sock)
{
    int state = sock_state(sock);
    bool internet = r->peer.ss_family == AF_INET || r->peer.ss_family == AF_INET6;
    return internet && (state == TCP_CLOSE || state == 0);
}

void dial_begin(const struct net_request *r, int sock)
{
    struct dial *d = find(conn_cookie(sock));
    if (d && r->peer_len >= sizeof r->peer.ss_family && r->peer.ss_family == AF_UNSPEC) {
        answer_all(d, ECONNABORTED);
        forget(d);
        d = NULL;
    }
    if (d && (sock_state(sock) == TCP_SYN_SENT || is_swapped(d)))
        join(d, r, sock);
    else if (is_new_dial(r, sock))
        ask(r, sock);
    else
        go_directly(r, sock);
}

/* ---- what comes of it ---- */

/* To the kernel our call did not wait, so the next connect() is told of success, and only then the socket
 * counts as connected: that next one is ours as well. Not for a call that was interrupted in the last moment:
 * it is the next one itself when it is restarted. */
static void finish(int sock)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    if (real.getpeername(sock, (struct sockaddr *)&peer, &len) == 0)
        sock_connect(sock, (const struct sockaddr *)&peer, len);
}

/* A socket that was shut down before it was dialled says that it is ready, from the first moment on. */
static bool is_under_way(const struct dial *d)
{
    int state = sock_state(d->sock);
    return state == TCP_SYN_SENT || state == TCP_SYN_RECV;
}

/* An error is not taken from one that asks for it by itself, because its call was interrupted. */
static void arrived(struct dial *d)
{
    if (is_under_way(d))
        return;
    if (somebody_waits(d)) {
        int error = conn_option(d->sock, SOL_SOCKET, SO_ERROR);
        if (answer_all(d, error) && !error)
            finish(d->sock);
    }
    forget(d);
}

/* 0, or the errno for whom waits. A call that was interrupted is made again: by another relay. */
static int place_pair(const struct dial *d)
{
    for (const struct waiter *w = d->waiters; w; w = w->next)
        if (request_is_alive(the_listener, w->id))
            return swap_place(the_listener, w->id, w->thread, d->sock, d->bridge.far) ? 0 : ENOBUFS;
    return 0;
}

/* The relay's word: its errno, or 0. A relay that is gone without one has refused. */
static void heard(struct dial *d)
{
    int error = EACCES;
    if (real.recv(d->bridge.word, &error, sizeof error, MSG_DONTWAIT) != sizeof error)
        error = EACCES;
    real.epoll_ctl(the_epoll, EPOLL_CTL_DEL, d->bridge.word, NULL);
    if (error == 0)
        bridge_note(&d->bridge, d->sock, &d->asked);
    if (is_swapped(d)) {
        answer_all(d, error ? error : place_pair(d));
        forget(d);
        return;
    }
    if (error == 0) {
        bridge_join(&d->bridge, d->sock); /* the socket's own event follows */
        return;
    }
    bool told = somebody_waits(d);
    bridge_fail(&d->bridge, d->sock, told);
    answer_all(d, error);
    forget(d);
}

void dial_event(void *data)
{
    struct watch *w = data;
    if (w == &w->dial->on_word)
        heard(w->dial);
    else
        arrived(w->dial);
}

/* ---- SO_SNDTIMEO ---- */

int dial_patience(void)
{
    uint64_t now = now_ns(), least = UINT64_MAX;
    for (const struct dial *d = dials; d; d = d->next)
        for (const struct waiter *w = d->waiters; w; w = w->next)
            if (w->until && w->until < least)
                least = w->until;
    if (least == UINT64_MAX)
        return -1;
    return least <= now ? 0 : (int)((least - now) / NS_PER_MS + 1);
}

static void give_up(struct dial *d, uint64_t now)
{
    for (struct waiter **at = &d->waiters; *at;) {
        struct waiter *w = *at;
        if (!w->until || w->until > now) {
            at = &w->next;
            continue;
        }
        request_answer(the_listener, w->id, w->late);
        *at = w->next;
        free(w);
    }
}

void dial_late(void)
{
    uint64_t now = now_ns();
    for (struct dial *d = dials; d; d = d->next)
        give_up(d, now);
}
