/* SPDX-License-Identifier: MIT */
/*
 * RFC 2818 and RFC 9110 section 4.2.2: TLS from the first byte, on the port that belongs to https.
 *
 * Nothing is said in the clear, so there is nothing to negotiate: TCP has arrived at that port when this
 * begins. Whoever makes us talk to another service of the same name (Opossum) has that service speak, or
 * answer somebody else's request, before ours went out: what is readable then is tampering (SECURITY L7).
 */
#include "shim/conn/conn.h"
#include "shim/negotiate/dialogue.h"

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
static enum strategy_rc confirm(struct conn *c)
{
    struct tls_info info;
    if (!c->http2)
        return dialogue_confirm_silence(c);
    if (!dialogue_flush(c))
        return STRATEGY_AGAIN;
    c->engine->info(c->tls, &info);
    return strcmp(info.alpn, "h2") == 0 ? STRATEGY_DONE
                                        : STRATEGY_SAY(c, STRATEGY_REFUSED, "validation-failure",
                                                       "the server does not speak HTTP/2 over TLS (ALPN h2)");
}

const struct strategy strategy_implicit = {
    .name = "implicit", .begin = begin, .step = step, .confirm = confirm};
