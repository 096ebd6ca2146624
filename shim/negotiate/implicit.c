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

#include <string.h>

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

/* Both sides of HTTP/2 begin with a preface of their own, and either may come first (RFC 9113 section 3.4):
 * what the server has said is none of ours, but that it speaks HTTP/2 is. */
static enum strategy_rc confirm_http2(struct conn *c)
{
    struct tls_info info;
    c->engine->info(c->tls, &info);
    return strcmp(info.alpn, "h2") == 0 ? STRATEGY_DONE
                                        : STRATEGY_SAY(c, STRATEGY_REFUSED, "validation-failure",
                                                       "the server does not speak HTTP/2 over TLS (ALPN h2)");
}

static enum strategy_rc confirm(struct conn *c)
{
    c->want_in = c->want_out = false;
    if (c->engine->queued(c->tls) && c->engine->flush(c->tls) == TLS_WANT_WRITE) {
        c->want_out = true;
        return STRATEGY_AGAIN;
    }
    if (c->http2)
        return confirm_http2(c);
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
