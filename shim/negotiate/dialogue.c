/* SPDX-License-Identifier: MIT */
#include "shim/negotiate/dialogue.h"

#include "shim/conn/buffer.h"
#include "shim/conn/conn.h"
#include "shim/conn/socket.h"

#include <errno.h>

ssize_t dialogue_peek(struct conn *c, char *buf, size_t cap)
{
    return conn_recv_now(c->fd, buf, cap, MSG_PEEK);
}

enum strategy_rc dialogue_begin(struct conn *c)
{
    char byte;
    c->interim = 0;
    buffer_free(&c->head);
    if (dialogue_peek(c, &byte, 1) > 0)
        return STRATEGY_SAY(c, STRATEGY_TAMPERED, "tlsup-response-injection",
                            "the server spoke before it was asked");
    return STRATEGY_DONE;
}

enum strategy_rc dialogue_lost(struct conn *c, int error, const char *instead_of)
{
    /* EPIPE: the reset was there before we asked, and the look at what the server might have said took it */
    const char *how = error == 0                              ? "closed the connection"
                      : error == ECONNRESET || error == EPIPE ? "reset the connection"
                                                              : "is gone";
    return STRATEGY_SAY(c, STRATEGY_REFUSED, "validation-failure", "the server ", how, " instead of ",
                        instead_of);
}

enum strategy_rc dialogue_say(struct conn *c, const char *instead_of)
{
    while (buffer_len(&c->ask)) {
        ssize_t n = conn_send_now(c->fd, buffer_at(&c->ask), buffer_len(&c->ask));
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            c->want_out = true;
            return STRATEGY_AGAIN;
        }
        if (n < 0)
            return dialogue_lost(c, errno, instead_of);
        buffer_consume(&c->ask, (size_t)n);
    }
    return STRATEGY_DONE;
}

/* A look or a read gave nothing. */
static enum strategy_rc nothing(struct conn *c, ssize_t n, const char *instead_of)
{
    if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
        return dialogue_lost(c, n == 0 ? 0 : errno, instead_of);
    c->want_in = true;
    return STRATEGY_AGAIN;
}

enum strategy_rc dialogue_take_head(struct conn *c, const char *instead_of, size_t *len)
{
    char chunk[1024];
    for (;;) {
        ssize_t n = dialogue_peek(c, chunk, sizeof chunk);
        if (n <= 0)
            return nothing(c, n, instead_of);
        size_t before = buffer_len(&c->head);
        size_t kept = buffer_append(&c->head, chunk, (size_t)n, HTTP1_HEAD_MAX);
        ssize_t end = http1_head_end(buffer_at(&c->head), buffer_len(&c->head), 1);
        if (end < 0 || (end == 0 && kept == 0))
            return STRATEGY_SAY(c, STRATEGY_TAMPERED, "tlsup-head-too-large",
                                "the answer's head is larger than 16 KiB");
        size_t mine = end > 0 ? (size_t)end - before : kept;
        n = conn_recv_now(c->fd, chunk, mine, 0); /* may be less than was seen */
        buffer_cut(&c->head, before + (n > 0 ? (size_t)n : 0));
        if (n <= 0)
            return nothing(c, n, instead_of);
        if (end > 0 && (size_t)n == mine) {
            *len = (size_t)end;
            return STRATEGY_DONE;
        }
    }
}

enum strategy_rc dialogue_end(struct conn *c, const char *instead_of, const char *behind)
{
    char byte;
    ssize_t n = dialogue_peek(c, &byte, 1);
    if (n > 0)
        return STRATEGY_SAY(c, STRATEGY_TAMPERED, "tlsup-response-injection", "bytes came right behind the ",
                            behind);
    if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
        return dialogue_lost(c, n == 0 ? 0 : errno, instead_of);
    return STRATEGY_DONE;
}

bool dialogue_flush(struct conn *c)
{
    c->want_in = false;
    c->want_out = c->engine->queued(c->tls) && c->engine->flush(c->tls) == TLS_WANT_WRITE;
    return !c->want_out;
}

enum strategy_rc dialogue_confirm_silence(struct conn *c)
{
    if (!dialogue_flush(c))
        return STRATEGY_AGAIN;
    switch (c->engine->poll(c->tls)) {
    case TLS_DONE:
        return STRATEGY_SAY(c, STRATEGY_TAMPERED, "tlsup-response-injection",
                            "the server spoke inside TLS before it was asked");
    case TLS_WANT_READ:
    case TLS_WANT_WRITE: return STRATEGY_DONE;
    case TLS_CLOSED:
    case TLS_TRUNCATED:
        return STRATEGY_SAY(c, STRATEGY_REFUSED, "validation-failure",
                            "the server closed the connection right after the handshake");
    default: return STRATEGY_SAY(c, STRATEGY_REFUSED, "validation-failure", c->engine->error(c->tls)->text);
    }
}

const char *dialogue_status(unsigned status, char out[4])
{
    out[0] = (char)('0' + status / 100);
    out[1] = (char)('0' + status / 10 % 10);
    out[2] = (char)('0' + status % 10);
    out[3] = 0;
    return out;
}
