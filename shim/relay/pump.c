/* SPDX-License-Identifier: MIT */
#include "shim/relay/pump.h"

#include "shim/conn/bytes.h"
#include "shim/conn/conn.h"
#include "shim/conn/life.h"
#include "shim/conn/machine.h"
#include "shim/conn/socket.h"
#include "shim/real.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CHUNK_BYTES   16384U
#define SEED_BYTES    1U           /* what a pair comes with */
#define SNIFF_NS      1000000000LL /* a head that stays in pieces this long is decided by the names known */
#define LINGER_NS     5000000000LL /* what the server still says to a program that is gone */
#define NS_PER_MS     1000000LL
#define RESET_TENTHS  50
#define WITHOUT_LIMIT (-1)

struct pump {
    struct conn *c;
    int fd, local;
    int watch;        /* an epoll set that tells of new bytes in the pair, for one byte always is there */
    char *out, *in;   /* CHUNK_BYTES each */
    size_t from, len; /* in[from, len) waits for the program to read */
    size_t seed;    /* bytes that stay in the pair; a TCP connection in its place can say a reset by itself */
    size_t given;   /* bytes at the head of the pair that the conn has, or that belong to nobody */
    bool stuck;     /* the conn does not take what is in the pair now */
    bool out_ended; /* the program has said all, and the conn knows */
    bool in_ended;  /* the server has, and the program knows */
    bool gone;      /* nobody is at the other end of the pair */
    bool failed;    /* ends with a reset */
    bool silent;    /* stderr is let go of */
    bool abandoned; /* the server spoke to a program that is gone */
    uint64_t sniffed; /* when the last byte of a head in pieces came */
    uint64_t said_at; /* the program is gone and all that it said is on its way: when that was so first */
};

/* ---- out: the program's bytes ---- */

static void set_offset(const struct pump *p)
{
    int offset = (int)p->given;
    if (p->seed)
        real.setsockopt(p->local, SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof offset);
}

/* Takes all but `left` of the bytes that were given out of the pair. */
static void consume(struct pump *p, size_t left)
{
    while (p->given > left) {
        size_t want = p->given - left < CHUNK_BYTES ? p->given - left : CHUNK_BYTES;
        ssize_t n = conn_recv_now(p->local, p->out, want, 0);
        if (n <= 0)
            break;
        p->given -= (size_t)n;
    }
    set_offset(p);
}

static bool is_committed(const struct conn *c)
{
    return c->state == CONN_OPEN || c->state == CONN_PLAIN;
}

/* The program has not said a word. */
static bool is_silent(const struct conn *c)
{
    return c->state == CONN_CANDIDATE || c->state == CONN_REACH;
}

static enum conn_rc give(struct pump *p, size_t len)
{
    size_t done = 0;
    enum conn_rc rc = RC_OK;
    while (done < len && rc == RC_OK) {
        size_t taken = 0;
        enum conn_state before = p->c->state;
        rc = conn_send(p->c, p->out + done, len - done, &taken);
        if (rc == RC_PASS) {
            ssize_t n = conn_send_now(p->fd, p->out + done, len - done);
            taken = n > 0 ? (size_t)n : 0;
            rc = n >= 0 ? RC_OK : errno == EAGAIN ? RC_AGAIN : RC_ERROR;
        }
        done += taken;
        if (rc == RC_AGAIN && (taken || p->c->state != before))
            rc = RC_OK;
        else if (!taken && rc == RC_OK)
            rc = RC_AGAIN;
    }
    p->given += done;
    p->stuck = rc == RC_AGAIN;
    p->failed = p->failed || rc == RC_ERROR || rc == RC_EOF;
    if (is_committed(p->c) || !p->seed)
        consume(p, p->seed);
    else if (done < len)
        set_offset(p);
    return rc;
}

/* The program closed its end, or said that it will not write any more. */
static void end_out(struct pump *p)
{
    p->out_ended = true;
    if (p->gone && is_silent(p->c))
        return;
    if (conn_shutdown(p->c, SHUT_WR) == RC_PASS)
        real.shutdown(p->fd, SHUT_WR);
    conn_decide_anyway(p->c);
    conn_advance(p->c);
}

static void step_out(struct pump *p)
{
    p->stuck = false;
    while (!p->out_ended && !p->failed) {
        ssize_t n = conn_recv_now(p->local, p->out, CHUNK_BYTES, MSG_PEEK);
        if (n == 0) {
            end_out(p);
            return;
        }
        if (n < 0) {
            if (errno != EAGAIN)
                p->gone = p->out_ended = true;
            return;
        }
        p->sniffed = now_ns();
        if (give(p, (size_t)n) != RC_OK)
            return;
    }
}

/* ---- in: the server's bytes ---- */

static void flush_in(struct pump *p)
{
    while (p->from < p->len) {
        ssize_t n = conn_send_now(p->local, p->in + p->from, p->len - p->from);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0) { /* nobody reads any more: what comes is dropped */
            n = (ssize_t)(p->len - p->from);
            p->abandoned = p->gone;
        }
        p->from += (size_t)n;
    }
    p->from = p->len = 0;
}

static void end_in(struct pump *p)
{
    p->in_ended = true;
    real.shutdown(p->local, SHUT_WR);
}

static enum conn_rc receive(struct pump *p)
{
    size_t got = 0;
    enum conn_rc rc = conn_recv(p->c, p->in, CHUNK_BYTES, CONN_TAKE, &got);
    if (rc == RC_PASS) {
        ssize_t n = conn_recv_now(p->fd, p->in, CHUNK_BYTES, 0);
        got = n > 0 ? (size_t)n : 0;
        rc = n > 0 ? RC_OK : n == 0 ? RC_EOF : errno == EAGAIN ? RC_AGAIN : RC_ERROR;
    }
    p->len = got;
    return rc;
}

static void step_in(struct pump *p)
{
    flush_in(p);
    while (!p->in_ended && !p->failed && p->len == 0) {
        if (!is_committed(p->c) && p->c->state != CONN_CANDIDATE)
            return;
        enum conn_rc rc = receive(p);
        if (rc == RC_EOF)
            end_in(p);
        else if (rc == RC_ERROR)
            p->failed = true;
        if (rc != RC_OK)
            return;
        flush_in(p);
    }
}

/* ---- waiting ---- */

static int64_t sooner(int64_t a, int64_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int64_t until(uint64_t when, uint64_t now)
{
    return when > now ? (int64_t)(when - now) : 0;
}

static int64_t patience(const struct pump *p)
{
    uint64_t now = now_ns(), deadline = conn_deadline(p->c);
    int64_t ns = WITHOUT_LIMIT;
    if (deadline)
        ns = sooner(ns, until(deadline, now));
    if (p->c->state == CONN_SNIFF)
        ns = sooner(ns, until(p->sniffed + SNIFF_NS, now));
    if (p->said_at)
        ns = sooner(ns, until(p->said_at + LINGER_NS, now));
    return ns;
}

static short interest(const struct pump *p)
{
    short bits = 0;
    if (p->len == 0 && !p->in_ended)
        bits |= POLLIN;
    if (p->stuck || conn_settling(p->c))
        bits |= POLLOUT;
    return bits;
}

static void look_at_program(struct pump *p)
{
    struct epoll_event e;
    while (real.epoll_wait(p->watch, &e, 1, 0) > 0)
        p->gone = p->gone || e.events & EPOLLHUP;
}

/* Sleeps until one side has something. A socket that is asked for nothing is not listed: it would say HUP for
 * ever. */
static void rest(struct pump *p)
{
    short events = conn_kernel_interest(p->c, interest(p));
    struct pollfd fds[] = {{.fd = p->watch, .events = POLLIN}, {.fd = events ? p->fd : -1, .events = events}};
    int64_t ns = patience(p);
    struct timespec t = {.tv_sec = (time_t)(ns / (1000 * NS_PER_MS)),
                         .tv_nsec = (long)(ns % (1000 * NS_PER_MS))};
    real.ppoll(fds, 2, ns < 0 ? NULL : &t, NULL);
    look_at_program(p);
    /* An error where the end was seen already: nothing but a reset can tell the program. */
    if (p->in_ended && fds[1].revents & POLLERR)
        p->failed = true;
}

/* ---- the whole ---- */

/* Words of ours go to the program's stderr; whoever waits for that to be closed does not wait for us. Not
 * closed, or the file of the records would get its number. */
static void let_go_of_stderr(struct pump *p)
{
    if (!p->silent && p->c->decision_reported)
        p->silent = real.dup2(STDOUT_FILENO, STDERR_FILENO) >= 0;
}

/* Has all that the program said gone into the socket? */
static bool has_said_all(const struct pump *p)
{
    return p->out_ended && !conn_settling(p->c) && !conn_negotiating(p->c);
}

static bool is_over(struct pump *p)
{
    if (p->failed || p->c->state == CONN_REFUSED)
        return true;
    if (!has_said_all(p))
        return false;
    if (!p->gone)
        return p->in_ended && p->len == 0;
    if (!p->said_at)
        p->said_at = now_ns();
    /* A close with unread bytes would send a reset that can overtake the request: wait for the answer. */
    return p->in_ended || p->abandoned || is_silent(p->c) || now_ns() >= p->said_at + LINGER_NS;
}

static void step(struct pump *p)
{
    conn_lock(p->c, p->fd);
    conn_advance(p->c);
    step_out(p);
    if (p->c->state == CONN_SNIFF && now_ns() >= p->sniffed + SNIFF_NS) {
        p->sniffed = now_ns();
        conn_decide_anyway(p->c);
        conn_advance(p->c);
    }
    if (is_committed(p->c))
        consume(p, p->seed);
    step_in(p);
    conn_unlock(p->c);
}

static bool prepare(struct pump *p)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    p->watch = real.epoll_create1(EPOLL_CLOEXEC);
    p->out = malloc(CHUNK_BYTES);
    p->in = malloc(CHUNK_BYTES);
    p->seed = conn_option(p->local, SOL_SOCKET, SO_DOMAIN) == AF_UNIX ? SEED_BYTES : 0;
    p->given = p->seed;
    p->sniffed = now_ns();
    set_offset(p);
    return p->out && p->in && p->watch >= 0 && real.epoll_ctl(p->watch, EPOLL_CTL_ADD, p->local, &e) == 0;
}

/* What was said before arrives: a reset overtakes what the other side has no room for. */
static void reset(const struct pump *p)
{
    struct linger now = {.l_onoff = 1};
    int left = 0;
    for (int tenths = 0; tenths < RESET_TENTHS && real.ioctl(p->local, SIOCOUTQ, &left) == 0 && left;
         tenths++)
        real.poll(NULL, 0, 100);
    real.setsockopt(p->local, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void pump_run(struct conn *c, int fd, int local)
{
    struct pump p = {.c = c, .fd = fd, .local = local};
    bool ready = prepare(&p);
    while (ready) {
        step(&p);
        let_go_of_stderr(&p);
        if (is_over(&p))
            break;
        rest(&p);
    }
    bool clean = ready && !p.failed && c->state != CONN_REFUSED;
    if (clean)
        consume(&p, 0);
    else if (!p.seed)
        reset(&p);
    conn_last_word(fd); /* now: whoever called us has a reference, and may keep it until the process ends */
    conn_leave(fd);
    real.close(local);
    real.close(fd);
    free(p.in);
    free(p.out);
}
