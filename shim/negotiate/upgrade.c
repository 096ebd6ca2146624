/* SPDX-License-Identifier: MIT */
/*
 * RFC 2817 section 3.2, mandatory upgrade: OPTIONS * in the clear, 101, TLS, and the answer to OPTIONS
 * inside.
 *
 * OPTIONS carries nothing of the program's. Its answer is read to the end inside TLS before the program's
 * first byte goes out: an attacker who answers 101 himself and relays us to another port never produces it,
 * and a request that he put before ours is what gets dropped (SECURITY L7, A24-A26).
 */
#include "shim/conn/buffer.h"
#include "shim/conn/conn.h"
#include "shim/http1/ask.h"
#include "shim/http1/head.h"
#include "shim/negotiate/dialogue.h"

#include <string.h>

#define ASK_MAX    640U
#define INSTEAD_OF "an upgrade to TLS"

static bool compose(struct conn *c)
{
    char text[ASK_MAX];
    size_t len = http1_ask_upgrade(&c->authority, c->verdict.rule->tokens, text, sizeof text);
    buffer_free(&c->ask);
    return len && buffer_append(&c->ask, text, len, sizeof text) == len;
}

static enum strategy_rc begin(struct conn *c)
{
    if (!compose(c))
        return STRATEGY_SAY(c, STRATEGY_REFUSED, "tlsup-bad-host",
                            "the authority does not fit into a request");
    return dialogue_begin(c);
}

static enum strategy_rc refusal(struct conn *c, const struct http1_response *r)
{
    char status[4];
    return STRATEGY_SAY(c, STRATEGY_REFUSED, "starttls-not-supported", "the server answered ",
                        dialogue_status(r->status, status),
                        r->has_upgrade ? " to the upgrade to TLS (it advertises one, but did not switch)"
                                       : " to the upgrade to TLS");
}

/* A 101 that switches: everything that is readable before our ClientHello is injection (RFC 2817
 * section 3.3). */
static enum strategy_rc switched(struct conn *c, size_t len)
{
    const char *error = NULL;
    if (!http1_switches_to_tls(buffer_at(&c->head), len, &error))
        return STRATEGY_SAY(c, STRATEGY_TAMPERED, "tlsup-bad-101", "the 101 is wrong: ", error);
    return dialogue_end(c, INSTEAD_OF, "101");
}

static enum strategy_rc step(struct conn *c)
{
    c->want_in = c->want_out = false;
    enum strategy_rc rc = dialogue_say(c, INSTEAD_OF);
    while (rc == STRATEGY_DONE) {
        size_t len = 0;
        rc = dialogue_take_head(c, INSTEAD_OF, &len);
        if (rc != STRATEGY_DONE)
            return rc;
        struct http1_response r;
        if (!http1_parse_response(buffer_at(&c->head), len, &r))
            return STRATEGY_SAY(c, STRATEGY_TAMPERED, "tlsup-bad-101", "the answer is malformed: ", r.error);
        if (r.status == 101) {
            rc = switched(c, len);
            buffer_free(&c->head);
            return rc;
        }
        if (r.status >= 200)
            return refusal(c, &r);
        buffer_free(&c->head);
        if (++c->interim > DIALOGUE_INTERIM_MAX)
            return STRATEGY_SAY(c, STRATEGY_TAMPERED, "tlsup-bad-101", "more than 8 interim responses");
    }
    return rc;
}

/* ---- inside TLS: the answer to OPTIONS ---- */

static enum strategy_rc desync(struct conn *c, const char *what)
{
    return STRATEGY_SAY(c, STRATEGY_TAMPERED, "tlsup-desync", what);
}

/* What c->head holds beyond `head_len` belongs to the answer's body, or is a surplus answer (SECURITY A26).
 */
static enum strategy_rc drop_rest(struct conn *c)
{
    size_t have = buffer_len(&c->head);
    size_t dropped = have ? http1_drop_feed(&c->drop, buffer_at(&c->head), have) : 0;
    if (http1_drop_failed(&c->drop))
        return desync(c, "the answer to OPTIONS has a body that is malformed or larger than 64 KiB");
    buffer_consume(&c->head, dropped);
    return dropped < have ? desync(c, "more than one answer came inside TLS before the first request")
                          : STRATEGY_DONE;
}

static enum strategy_rc answer_head(struct conn *c, size_t len)
{
    static const struct http1_span options = {"OPTIONS", sizeof "OPTIONS" - 1};
    struct http1_response r;
    if (!http1_parse_response(buffer_at(&c->head), len, &r))
        return desync(c, "the answer to OPTIONS inside TLS is malformed");
    buffer_consume(&c->head, len);
    if (r.status == 101 || (r.status < 200 && ++c->interim > DIALOGUE_INTERIM_MAX))
        return desync(c, "the answer to OPTIONS inside TLS is not one");
    if (r.status < 200)
        return STRATEGY_AGAIN;
    if (r.close || http1_response_framing(&r, options) == FRAMING_CLOSE)
        return STRATEGY_SAY(c, STRATEGY_REFUSED, "tlsup-closed-after-upgrade",
                            "the server closes the connection after the answer to OPTIONS");
    http1_drop_init(&c->drop, &r);
    c->dropping = true;
    return STRATEGY_DONE;
}

/* One look at what is held: DONE when the answer is complete, AGAIN when more must come. */
static enum strategy_rc digest(struct conn *c)
{
    while (!c->dropping) {
        ssize_t end = http1_head_end(buffer_at(&c->head), buffer_len(&c->head), 1);
        if (end < 0)
            return STRATEGY_SAY(c, STRATEGY_TAMPERED, "tlsup-head-too-large",
                                "the answer's head is larger than 16 KiB");
        if (end == 0)
            return STRATEGY_AGAIN;
        enum strategy_rc rc = answer_head(c, (size_t)end);
        if (rc == STRATEGY_REFUSED || rc == STRATEGY_TAMPERED)
            return rc;
    }
    enum strategy_rc rc = drop_rest(c);
    if (rc != STRATEGY_DONE)
        return rc;
    return http1_drop_done(&c->drop) || http1_drop_optional(&c->drop) ? STRATEGY_DONE : STRATEGY_AGAIN;
}

static enum strategy_rc read_inside(struct conn *c)
{
    char chunk[1024];
    size_t got = 0;
    switch (c->engine->read(c->tls, chunk, sizeof chunk, &got)) {
    case TLS_DONE:
        if (buffer_append(&c->head, chunk, got, HTTP1_HEAD_MAX + sizeof chunk) != got)
            return STRATEGY_SAY(c, STRATEGY_TAMPERED, "tlsup-head-too-large",
                                "the answer's head is larger than 16 KiB");
        return STRATEGY_DONE;
    case TLS_WANT_READ: c->want_in = true; return STRATEGY_AGAIN;
    case TLS_WANT_WRITE: c->want_out = true; return STRATEGY_AGAIN;
    case TLS_CLOSED:
    case TLS_TRUNCATED:
        return STRATEGY_SAY(c, STRATEGY_REFUSED, "tlsup-closed-after-upgrade",
                            "the server closed the connection before it answered OPTIONS");
    default:
        return STRATEGY_SAY(
            c, c->engine->error(c->tls)->failure == TLS_FAIL_ALERT ? STRATEGY_REFUSED : STRATEGY_TAMPERED,
            "validation-failure", c->engine->error(c->tls)->text);
    }
}

static enum strategy_rc confirm(struct conn *c)
{
    c->want_in = c->want_out = false;
    if (c->engine->queued(c->tls) && c->engine->flush(c->tls) == TLS_WANT_WRITE)
        c->want_out = true;
    bool complete = false;
    for (;;) { /* also when complete: nothing may be pending before our first request */
        enum strategy_rc rc = read_inside(c);
        if (rc == STRATEGY_AGAIN && complete) {
            c->want_in = c->want_out = false;
            c->dropping = !http1_drop_done(&c->drop);
            buffer_free(&c->head);
            return STRATEGY_DONE;
        }
        if (rc != STRATEGY_DONE)
            return rc;
        rc = digest(c);
        if (rc == STRATEGY_REFUSED || rc == STRATEGY_TAMPERED)
            return rc;
        complete = rc == STRATEGY_DONE;
    }
}

const struct strategy strategy_upgrade = {
    .name = "upgrade", .in_band = true, .begin = begin, .step = step, .confirm = confirm};
