/* SPDX-License-Identifier: MIT */
/*
 * RFC 2818 and RFC 9110 section 4.2.2: TLS from the first byte, on the port that belongs to https.
 *
 * Nothing is said in the clear, so there is nothing to negotiate: TCP has arrived at that port when this
 * begins. Whoever makes us talk to another service of the same name (Opossum) has that service speak, or
 * answer somebody else's request, before ours went out: what is readable then is tampering (SECURITY L7).
 */
#include "shim/conn/conn.h"
#include "shim/negotiate/strategy.h"

static enum strategy_rc begin(struct conn *c)
{
    (void)c;
    return STRATEGY_DONE;
}

static enum strategy_rc step(struct conn *c)
{
    c->want_in = c->want_out = false;
    return STRATEGY_DONE;
}

static enum strategy_rc confirm(struct conn *c)
{
    c->want_in = c->want_out = false;
    if (c->engine->queued(c->tls) && c->engine->flush(c->tls) == TLS_WANT_WRITE) {
        c->want_out = true;
        return STRATEGY_AGAIN;
    }
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

const struct strategy strategy_implicit = {
    .name = "implicit", .begin = begin, .step = step, .confirm = confirm};
