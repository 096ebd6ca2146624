/* SPDX-License-Identifier: MIT */
/* CONN_OPEN: plaintext between the program and the engine, with the framing of both directions watched. */
#include "shim/conn/buffer.h"
#include "shim/conn/bytes.h"
#include "shim/conn/incoming.h"
#include "shim/conn/machine.h"
#include "shim/conn/socket.h"
#include "shim/real.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* ---- the connection's own error ---- */

/* The connection is gone. As the kernel keeps an error for the next call that may tell it, so do we, for
 * reading ahead takes it from the kernel before the program is there. */
static void gone(struct conn *c)
{
    if (c->gone)
        return;
    int kernel = conn_option(c->fd, SOL_SOCKET, SO_ERROR), code = c->engine->error(c->tls)->code;
    c->untold = kernel > 0 ? kernel : code ? code : ECONNRESET;
    c->gone = true;
}

void conn_met_error(struct conn *c, int error)
{
    if (c->state != CONN_OPEN || c->gone)
        return;
    c->untold = error;
    c->gone = true;
}

/* Reading ahead took an error from the kernel, behind bytes that are still to be read. */
static void learn(struct conn *c)
{
    if (c->engine->error(c->tls)->code)
        gone(c);
}

int conn_tell_error(struct conn *c)
{
    c->told = c->untold;
    c->untold = 0;
    return c->told;
}

int conn_take_error(struct conn *c)
{
    int error = c->state == CONN_OPEN && !c->gone ? conn_option(c->fd, SOL_SOCKET, SO_ERROR) : 0;
    if (error <= 0)
        return conn_tell_error(c);
    c->gone = true;
    return error;
}

void conn_keep_error(struct conn *c)
{
    if (c->state != CONN_OPEN || !c->gone)
        return;
    c->untold = c->told;
    c->cut_told = false;
}

/* ---- a server that answers what nobody has asked ---- */

/* The server answered what nobody has asked: before the first request that is never innocent (somebody made
 * us talk to another service, or put a request of his own before ours), later the rule may say so. */
static bool is_unasked(const struct conn *c)
{
    return c->flow.surplus && (c->bytes_out == 0 || c->verdict.rule->desync_count);
}

static enum conn_rc desync(struct conn *c)
{
    buffer_free(&c->sifted);
    c->closed = "desync";
    c->engine->close_notify(c->tls);
    real.shutdown(c->fd, SHUT_RDWR);
    c->error = ECONNRESET;
    return c->ended = RC_ERROR;
}

/* The same before the first byte of a program that does not look before it asks, and would take it for its
 * answer: TLS came with the connection, or the head is not complete yet. HTTP/2 begins on both sides. */
static bool spoke_first(struct conn *c)
{
    if (c->bytes_out || c->http2 || c->dropping)
        return false;
    enum tls_result r = c->engine->poll(c->tls);
    learn(c);
    return r == TLS_DONE;
}

/* ---- out ---- */

enum conn_rc outgoing_broke(struct conn *c)
{
    gone(c);
    int error = conn_tell_error(c);
    c->error = error ? error : EPIPE;
    return RC_ERROR;
}

/* Has the peer reset the connection? For calls that move no byte, by which the kernel would say so. The error
 * itself may have gone to a read ahead; a hang-up that we have no part in stays. */
static bool is_reset(const struct conn *c)
{
    struct pollfd p = {.fd = c->fd};
    return real.poll(&p, 1, 0) > 0 && (p.revents & POLLERR || (p.revents & POLLHUP && !c->fin_sent));
}

static void fin(struct conn *c)
{
    if (c->fin_sent)
        return;
    c->fin_sent = true;
    real.shutdown(c->fd, SHUT_WR);
}

/* What was accepted cannot go any more: as with TCP the next call is told. */
static void strand(struct conn *c)
{
    buffer_free(&c->hold);
    buffer_free(&c->edited);
    conn_keep_error(c);
}

void open_flush(struct conn *c)
{
    c->want_in = c->want_out = false;
    if (c->engine->queued(c->tls) && c->engine->flush(c->tls) == TLS_WANT_WRITE) {
        c->want_out = true;
        return;
    }
    size_t taken = 0, before = buffer_len(&c->hold);
    if ((before && !c->head_partial) || buffer_len(&c->edited)) {
        enum conn_rc rc = outgoing_forward(c, buffer_at(&c->hold), before, &taken);
        if (c->state == CONN_OPEN)
            buffer_consume(&c->hold, taken);
        if (c->state == CONN_OPEN && rc == RC_ERROR)
            strand(c);
        c->changed = c->changed || taken > 0;
    }
    if (c->state == CONN_OPEN && (c->engine->queued(c->tls) || buffer_len(&c->edited)))
        c->want_out = true;
}

enum conn_rc open_write(struct conn *c, const char *buf, size_t len, size_t *taken)
{
    if (c->gone || ((c->write_shut || len == 0) && is_reset(c)))
        return outgoing_broke(c);
    if (c->write_shut) {
        c->error = EPIPE;
        return RC_ERROR;
    }
    if (spoke_first(c))
        return desync(c);
    open_flush(c);
    if (c->state != CONN_OPEN)
        return RC_ERROR;
    if (buffer_len(&c->hold)) { /* a head in pieces, or what the socket does not take yet */
        if (!c->head_partial)
            return RC_AGAIN;
        *taken = buffer_append(&c->hold, buf, len, CONN_HOLD_MAX);
        c->head_partial = false;
        open_flush(c);
        return c->state == CONN_OPEN ? RC_OK : RC_ERROR;
    }
    if (c->engine->queued(c->tls) || buffer_len(&c->edited))
        return RC_AGAIN;
    enum conn_rc rc = outgoing_forward(c, buf, len, taken);
    if (rc == RC_OK && c->head_partial)
        *taken += buffer_append(&c->hold, buf + *taken, len - *taken, CONN_HOLD_MAX);
    return rc == RC_AGAIN && *taken ? RC_OK : rc;
}

/* ---- in ---- */

#define SIFT_BYTES 1024U

/* RFC 2818 section 2.2.1, RFC 9112 section 9.8: an end without close_notify is truncation unless framing
 * shows that the response was complete. */
static enum conn_rc truncated(struct conn *c)
{
    if (c->engine->error(c->tls)->reset)
        gone(c);
    bool complete = http1_flow_response_complete(&c->flow);
    if (complete || (c->verdict.rule->premature_close_eof && http1_flow_until_close(&c->flow))) {
        c->closed = complete ? "complete-without-close-notify" : "premature-close-allowed";
        return c->ended = RC_EOF;
    }
    c->closed = "truncated";
    c->error = ECONNRESET;
    return c->ended = RC_ERROR;
}

static enum conn_rc corrupted(struct conn *c)
{
    c->closed = "error";
    c->error = ECONNRESET;
    return c->ended = RC_ERROR;
}

/* Takes the rest of the OPTIONS answer out of what came; *len becomes the bytes that are the program's. */
static bool drop(struct conn *c, char *buf, size_t *len)
{
    size_t n = http1_drop_feed(&c->drop, buf, *len);
    c->dropping = !http1_drop_done(&c->drop);
    memmove(buf, buf + n, *len - n);
    *len -= n;
    return !http1_drop_failed(&c->drop);
}

/* Plaintext of the server, without what is left of the answer to OPTIONS. */
static enum conn_rc decrypt(struct conn *c, char *buf, size_t cap, size_t *got)
{
    switch (c->engine->read(c->tls, buf, cap, got)) {
    case TLS_DONE: break;
    case TLS_WANT_READ: c->want_in = true; return c->read_shut ? RC_EOF : RC_AGAIN; /* as tcp_recvmsg() */
    case TLS_WANT_WRITE: c->want_out = true; return c->read_shut ? RC_EOF : RC_AGAIN;
    case TLS_CLOSED:
        c->closed = "close-notify";
        c->changed = true;
        return c->ended = RC_EOF;
    case TLS_TRUNCATED: c->changed = true; return truncated(c);
    default: c->changed = true; return corrupted(c);
    }
    c->changed = true;
    learn(c);
    return c->dropping && !drop(c, buf, got) ? corrupted(c) : RC_OK;
}

static enum conn_rc take(struct conn *c, size_t n, size_t *got)
{
    c->bytes_in += n;
    *got = n;
    open_response_done(c);
    return RC_OK;
}

/* Bytes that came; *n becomes how many of them stay where they are, for the program. */
static void look_at_reply(struct conn *c, const char *at, size_t *n, bool in_place)
{
    if (incoming_sifts(c))
        *n = incoming_sift(c, at, *n, in_place);
    else
        incoming_watch(c, at, *n);
    if (c->turning && http1_flow_response_complete(&c->flow)) {
        c->closed = "redirect-loop";
        c->ended = RC_EOF;
    }
}

enum conn_rc open_read(struct conn *c, char *buf, size_t cap, size_t *got)
{
    char chunk[SIFT_BYTES];
    bool in_place = !incoming_sifts(c) || cap >= sizeof chunk; /* a head is not read byte by byte */
    *got = 0;
    while (cap) {
        size_t n = 0;
        if (incoming_take(c, buf, cap, &n))
            return take(c, n, got);
        if (c->ended != RC_OK)
            return c->ended;
        char *at = in_place ? buf : chunk;
        enum conn_rc rc = decrypt(c, at, in_place ? cap : sizeof chunk, &n);
        if (c->ended != RC_OK)
            incoming_end(c);
        if (rc != RC_OK && !buffer_len(&c->sifted))
            return rc;
        if (n)
            look_at_reply(c, at, &n, in_place);
        if (is_unasked(c))
            return desync(c);
        if (n)
            return take(c, n, got);
    }
    return c->ended;
}

static bool is_readable(struct conn *c, size_t least)
{
    if (c->ended != RC_OK)
        return true;
    if (least > 1 && !c->read_shut) /* as tcp_stream_is_readable() */
        return peek_fill(c, least) != RC_AGAIN || buffer_len(&c->peeked) >= least;
    if (buffer_len(&c->peeked) || buffer_len(&c->sifted))
        return true;
    /* What is there may be the OPTIONS answer's, or half a head: look through the program's eyes. */
    if (c->dropping || incoming_sifts(c)) {
        char byte;
        size_t got = 0;
        enum conn_rc rc = open_read(c, &byte, 1, &got);
        if (got)
            buffer_append(&c->peeked, &byte, 1, SIZE_MAX);
        return rc != RC_AGAIN;
    }
    enum tls_result r = c->engine->poll(c->tls);
    learn(c);
    return c->read_shut || (r != TLS_WANT_READ && r != TLS_WANT_WRITE);
}

bool open_readable(struct conn *c, size_t least)
{
    bool is = is_readable(c, least);
    c->dry = c->dry && !is; /* also an end, which the engine keeps */
    return is;
}

/* ---- the end ---- */

void open_response_done(struct conn *c)
{
    if (!c->fin_owed || !http1_flow_response_complete(&c->flow))
        return;
    c->fin_owed = false;
    if (!c->notify_sent)
        c->engine->close_notify(c->tls);
    c->notify_sent = true;
    fin(c);
}

/* RFC 2818 section 2.2: close_notify before FIN; one try, whatever the socket says. */
void open_goodbye(struct conn *c)
{
    open_flush(c);
    if (c->state == CONN_OPEN && !c->notify_sent) {
        c->notify_sent = true;
        c->engine->close_notify(c->tls);
    }
}

static void shut_write(struct conn *c)
{
    c->write_shut = true;
    if (http1_flow_response_complete(&c->flow)) { /* nothing is on its way: as close() would */
        open_goodbye(c);
        fin(c);
        return;
    }
    c->fin_owed = true;
    if (!http1_flow_request_complete(&c->flow)) /* the request ends here: the server must hear it now */
        open_goodbye(c);
}

/* The peer's FIN is there; its close_notify may still be unread. */
static bool has_ended(const struct conn *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};
    return c->ended != RC_OK || (real.poll(&p, 1, 0) > 0 && p.revents & POLLRDHUP);
}

bool conn_is_over(const struct conn *c)
{
    return c->state == CONN_OPEN && (c->gone || (c->write_shut && has_ended(c)) || is_reset(c));
}

enum conn_rc conn_shutdown(struct conn *c, int how)
{
    if (c->state == CONN_FRESH || c->state == CONN_CANDIDATE || c->state == CONN_REACH ||
        conn_is_through(c) || c->state == CONN_REFUSED)
        return RC_PASS;
    if (conn_is_over(c)) {
        c->error = ENOTCONN;
        return RC_ERROR;
    }
    if (c->state == CONN_OPEN) {
        if (how != SHUT_RD && !c->write_shut)
            shut_write(c);
        if (how != SHUT_WR)
            c->read_shut = true;
        if (how == SHUT_RDWR)
            fin(c);
        c->changed = true;
        return RC_OK;
    }
    if (how == SHUT_RD) /* reads end once TLS is up; nothing to tell the server */
        return RC_OK;
    if (how == SHUT_RDWR) {
        CONN_FAIL(c, FAILURE_PROGRAM, EPIPE, "tlsup-closed-before-upgrade",
                  "the program shut it down before TLS was up");
        return RC_OK;
    }
    c->fin_owed = c->write_shut = true; /* what is held goes out, then see open_flush */
    return RC_OK;
}
