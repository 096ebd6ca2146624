/* SPDX-License-Identifier: MIT */
/* The program's bytes in every state: held, passed on, refused, or handed to open.c. And what poll may say of
 * them. */
#include "shim/conn/buffer.h"
#include "shim/conn/bytes.h"
#include "shim/conn/conn.h"
#include "shim/conn/life.h"
#include "shim/conn/machine.h"
#include "shim/conn/pool.h"
#include "shim/conn/records.h"
#include "shim/conn/socket.h"
#include "shim/real.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* ---- out ---- */

static enum conn_rc dial_failed(struct conn *c, int error)
{
    c->error = error;
    return RC_ERROR;
}

/* Before TCP is there a call answers as the kernel would: EAGAIN while it is on its way, else its error. */
static enum conn_rc tcp_is_up(struct conn *c)
{
    conn_advance(c);
    if (c->state == CONN_REACH)
        return RC_AGAIN;
    int told = conn_take_dial_error(c);
    if (told)
        return dial_failed(c, told);
    if (!c->connecting || c->state != CONN_CANDIDATE)
        return RC_OK;
    struct pollfd p = {.fd = c->fd, .events = POLLOUT};
    if (real.poll(&p, 1, 0) <= 0) {
        c->want_in = false;
        c->want_out = true;
        return RC_AGAIN;
    }
    if (p.revents & (POLLERR | POLLHUP)) {
        /* Not connected. The answer is the kernel's, but the call is not made: another thread's connect() may
         * be done by the time that it would be. */
        int error = conn_option(c->fd, SOL_SOCKET, SO_ERROR);
        return dial_failed(c, error > 0 ? error : EPIPE);
    }
    c->connecting = false;
    return RC_OK;
}

static enum conn_rc refused(const struct conn *c)
{
    return c->error ? RC_ERROR : RC_EOF;
}

/* Another process uses the session since a fork: two that write one would use its nonces twice. */
static enum conn_rc lost(struct conn *c)
{
    if (!c->lost)
        report_door(c, ECONNRESET,
                    "another process uses this connection since a fork, and has its TLS session");
    c->lost = true;
    c->error = ECONNRESET;
    return RC_ERROR;
}

/* Holds bytes while TLS is on its way, as a socket buffer would. */
static enum conn_rc hold(struct conn *c, const char *buf, size_t len, size_t *taken)
{
    size_t max = c->state == CONN_SNIFF ? CONN_SNIFF_MAX : CONN_HOLD_MAX;
    *taken = buffer_append(&c->hold, buf, len, max);
    c->read_last = false;
    c->sender = pthread_self();
    if (*taken)
        return RC_OK;
    if (buffer_len(&c->hold) < max && len) {
        CONN_FAIL(c, FAILURE_LOCAL, ENOBUFS, "tlsup-memory", "out of memory");
        return refused(c);
    }
    return len ? RC_AGAIN : RC_OK;
}

static enum conn_rc send_early(struct conn *c, const char *buf, size_t len, size_t *taken)
{
    if (!conn_is_socket(c, c->fd)) /* plaintext or TLS hangs on it: is this still our socket? */
        return RC_PASS;
    if (c->state == CONN_CANDIDATE || c->state == CONN_REACH) {
        enum conn_rc up = tcp_is_up(c);
        if (up != RC_OK || len == 0) /* nothing was given: no call that could carry more is made */
            return up;
        *taken = http1_body_feed(&c->rest, buf, len); /* of a request that a proxy has answered already */
        if (*taken)
            return RC_OK;
        if (c->state == CONN_CANDIDATE)
            conn_enter(c, EV_BYTES);
    }
    enum conn_rc rc = hold(c, buf, len, taken);
    if (c->state != CONN_REFUSED)
        conn_advance(c);
    if (c->state == CONN_REFUSED)
        return refused(c);
    return rc;
}

enum conn_rc conn_send(struct conn *c, const char *buf, size_t len, size_t *taken)
{
    *taken = 0;
    if (!conn_is_through(c) && c->state != CONN_REFUSED && !conn_claim(c))
        return lost(c);
    switch (conn_state_of(c)) {
    case CONN_RELAYED: return RC_PASS;
    case CONN_FRESH: c->error = EPIPE; return RC_ERROR;
    case CONN_REFUSED: return refused(c);
    case CONN_OPEN: return open_write(c, buf, len, taken);
    case CONN_PLAIN: plain_flush(c); return buffer_len(&c->hold) ? RC_AGAIN : RC_PASS;
    default: return send_early(c, buf, len, taken);
    }
}

bool conn_settling(const struct conn *c)
{
    enum conn_state state = conn_state_of(c);
    if (state == CONN_OPEN)
        return !c->gone && ((buffer_len(&c->hold) && !c->head_partial) || buffer_len(&c->edited) ||
                            c->engine->queued(c->tls) > 0);
    return state == CONN_PLAIN ? buffer_len(&c->hold) > 0 : conn_negotiating(c);
}

/* ---- in ---- */

static enum conn_rc recv_early(struct conn *c)
{
    c->read_last = true;
    if (!conn_is_socket(c, c->fd))
        return RC_PASS;
    if (c->state == CONN_REACH)
        conn_advance(c);
    if (c->state == CONN_REACH)
        return RC_AGAIN;
    int told = conn_take_dial_error(c);
    if (told)
        return dial_failed(c, told);
    if (c->state == CONN_CANDIDATE) { /* as TCP: nothing is held, nothing begins */
        enum conn_rc rc = conn_server_spoke(c);
        c->want_in = true;
        c->want_out = false;
        return rc == RC_OK ? RC_AGAIN : rc;
    }
    conn_decide_anyway(c);
    conn_advance(c);
    return RC_AGAIN;
}

/* MSG_PEEK: plaintext is taken off the engine once and kept until it is read. */
enum conn_rc peek_fill(struct conn *c, size_t least)
{
    enum conn_rc rc = RC_OK;
    while (rc == RC_OK && buffer_len(&c->peeked) < least) {
        char chunk[1024];
        size_t got = 0, want = least - buffer_len(&c->peeked);
        rc = open_read(c, chunk, want < sizeof chunk ? want : sizeof chunk, &got);
        if (got && buffer_append(&c->peeked, chunk, got, SIZE_MAX) != got) {
            c->error = ENOBUFS;
            return c->ended = RC_ERROR;
        }
    }
    return rc;
}

static enum conn_rc peek_open(struct conn *c, size_t from, char *buf, size_t cap, size_t *got)
{
    enum conn_rc rc = peek_fill(c, from + cap);
    size_t held = buffer_len(&c->peeked);
    *got = held <= from ? 0 : held - from < cap ? held - from : cap;
    if (*got)
        memcpy(buf, buffer_at(&c->peeked) + from, *got);
    return *got == cap ? RC_OK : rc; /* MSG_WAITALL: what is short now may stay so */
}

/* CANDIDATE and on to OPEN: a proxy has answered. */
static enum conn_rc take_answer(struct conn *c, char *buf, size_t cap, size_t peek_from, size_t *got)
{
    size_t from = peek_from == CONN_TAKE ? 0 : peek_from, held = buffer_len(&c->peeked);
    c->read_last = true;
    *got = held <= from ? 0 : held - from < cap ? held - from : cap;
    if (*got)
        memcpy(buf, buffer_at(&c->peeked) + from, *got);
    if (peek_from == CONN_TAKE)
        buffer_consume(&c->peeked, *got);
    c->changed = true;
    return *got || !cap ? RC_OK : RC_AGAIN;
}

static enum conn_rc take_open(struct conn *c, char *buf, size_t cap, size_t *got)
{
    enum conn_rc rc = RC_OK;
    size_t n = buffer_len(&c->peeked) < cap ? buffer_len(&c->peeked) : cap, more = 0;
    if (n) {
        memcpy(buf, buffer_at(&c->peeked), n);
        buffer_consume(&c->peeked, n);
        c->changed = true;
    }
    if (n < cap) /* a short read must mean that nothing is left */
        rc = open_read(c, buf + n, cap - n, &more);
    *got = n + more;
    return *got ? RC_OK : rc;
}

/* An error of reading is told once, as by TCP; then reading ends, and writing is EPIPE. But one that a write
 * was told does not stand for it, as it does over TCP: an answer that was cut must not end like a whole one
 * (RFC 2818 section 2.2). */
static enum conn_rc once(struct conn *c, enum conn_rc rc)
{
    if (rc != RC_ERROR || c->state != CONN_OPEN)
        return rc;
    int error = conn_tell_error(c);
    if (c->cut_told && !error)
        return RC_EOF;
    c->cut_told = c->gone = true;
    c->error = ECONNRESET;
    return RC_ERROR;
}

/* No room is no end of waiting: tcp_recvmsg() gives nothing only where it could have given something. */
static enum conn_rc recv_nothing(struct conn *c)
{
    if (!open_readable(c, 1)) {
        c->want_in = true;
        return RC_AGAIN;
    }
    c->changed = true; /* it may be in this process now */
    return c->ended == RC_ERROR && !buffer_len(&c->peeked) ? once(c, RC_ERROR) : RC_OK;
}

static enum conn_rc recv_open(struct conn *c, char *buf, size_t cap, size_t peek_from, size_t *got)
{
    open_flush(c);
    if (c->state != CONN_OPEN)
        return refused(c);
    if (!cap)
        return recv_nothing(c);
    return once(c, peek_from == CONN_TAKE ? take_open(c, buf, cap, got)
                                          : peek_open(c, peek_from, buf, cap, got));
}

enum conn_rc conn_recv(struct conn *c, char *buf, size_t cap, size_t peek_from, size_t *got)
{
    *got = 0;
    if (c->state == CONN_RELAYED)
        return RC_PASS;
    if (c->state != CONN_PLAIN && c->state != CONN_REFUSED && !conn_claim(c))
        return lost(c);
    if ((c->state == CONN_CANDIDATE || conn_is_early(c)) && buffer_len(&c->peeked))
        return take_answer(c, buf, cap, peek_from, got);
    if (c->state != CONN_OPEN && !conn_is_through(c) && c->state != CONN_REFUSED && c->state != CONN_FRESH) {
        enum conn_rc rc = recv_early(c);
        if (rc == RC_PASS || (c->state != CONN_OPEN && c->state != CONN_PLAIN && c->state != CONN_REFUSED))
            return rc;
    }
    switch (conn_state_of(c)) {
    case CONN_OPEN: return recv_open(c, buf, cap, peek_from, got);
    case CONN_REFUSED: return refused(c);
    case CONN_PLAIN:
        plain_flush(c);
        plain_look(c);
        return buffer_len(&c->hold) ? RC_AGAIN : RC_PASS;
    default: return RC_PASS;
    }
}

bool conn_is_dry(const struct conn *c)
{
    return c->state == CONN_OPEN && c->ended == RC_OK && !c->gone && !c->read_shut && c->lowat <= 1 &&
           conn_is_user(c) && !c->share.there && !buffer_len(&c->peeked) && !conn_pending(c) &&
           !conn_settling(c);
}

size_t conn_readable(struct conn *c)
{
    if (c->state == CONN_CANDIDATE || conn_is_early(c))
        return buffer_len(&c->peeked);
    if (c->state != CONN_OPEN || !conn_claim(c))
        return 0;
    if (open_readable(c, 1))
        c->changed = true; /* whoever sizes a read by this owes an edge for the rest */
    size_t here = buffer_len(&c->peeked) + buffer_len(&c->sifted);
    return c->verdict.rule->redirects_rewrite ? here : here + c->engine->readable(c->tls);
}
