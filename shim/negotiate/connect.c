/* SPDX-License-Identifier: MIT */
/*
 * RFC 9110 section 9.3.6: through an HTTP proxy. CONNECT asks for a tunnel to the port of the origin where
 * TLS is; the TLS inside is with the origin, and so is its certificate: the proxy carries bytes, and what it
 * learns is a name and a port. Not a byte goes out behind CONNECT before its answer (RFC 9931), and whatever
 * comes behind a 2xx before our ClientHello is injection (SECURITY A18).
 *
 * The request's Proxy-Authorization goes with CONNECT, to the proxy alone. 407 is between the proxy and the
 * program: it gets that answer as the one to its own request, and may ask again with credentials.
 */
#include "shim/conn/buffer.h"
#include "shim/conn/conn.h"
#include "shim/conn/machine.h"
#include "shim/conn/socket.h"
#include "shim/negotiate/dialogue.h"

#include <errno.h>
#include <string.h>

#define INSTEAD_OF "an answer to CONNECT"
#define ASK_MAX    (2 * HTTP1_HEAD_MAX)
#define ANSWER_MAX (HTTP1_HEAD_MAX + 65536U) /* of a 407, with its body */

#define UNAUTHORIZED 407U

static bool put(struct conn *c, const char *at, size_t n)
{
    return buffer_append(&c->ask, at, n, ASK_MAX) == n;
}

static bool put_text(struct conn *c, const char *text)
{
    return put(c, text, strlen(text));
}

/* The program's word to the proxy, as it is. A folded one (RFC 9112 section 5.2) is left to be asked for. */
static bool put_credentials(struct conn *c)
{
    struct http1_span name, value;
    size_t cursor = 0;
    while (http1_next_field(buffer_at(&c->hold), buffer_len(&c->hold), &cursor, &name, &value)) {
        if (!http1_span_is(name, "proxy-authorization") || http1_span_has_control(value))
            continue;
        if (!put_text(c, "Proxy-Authorization: ") || !put(c, value.at, value.len) || !put_text(c, "\r\n"))
            return false;
    }
    return true;
}

static bool compose(struct conn *c)
{
    char to[HTTP1_HOST_MAX + 16];
    struct http1_authority origin = c->authority;
    origin.port = conn_tunnel_port(c);
    buffer_free(&c->ask);
    return http1_format_authority(&origin, to, sizeof to) > 0 && put_text(c, "CONNECT ") && put_text(c, to) &&
           put_text(c, " HTTP/1.1\r\nHost: ") && put_text(c, to) && put_text(c, "\r\n") &&
           put_credentials(c) && put_text(c, "\r\n");
}

static enum strategy_rc begin(struct conn *c)
{
    c->answer_head = 0;
    if (!compose(c))
        return STRATEGY_SAY(c, STRATEGY_REFUSED, "tlsup-bad-host", "the origin does not fit into a request");
    return dialogue_begin(c);
}

static enum strategy_rc refusal(struct conn *c, unsigned status)
{
    char text[4];
    return STRATEGY_SAY(c, STRATEGY_REFUSED, "tlsup-proxy-refused", "the proxy answered ",
                        dialogue_status(status, text), " to CONNECT");
}

/* ---- 407: the answer is the program's ---- */

/* Takes what belongs to the body, and not a byte behind it. `n` bytes can be read. */
static bool take_body(struct conn *c, char *chunk, size_t n)
{
    struct http1_body probe = c->rest;
    ssize_t got = conn_recv_now(c->fd, chunk, http1_body_feed(&probe, chunk, n), 0); /* may be less */
    size_t mine = got > 0 ? (size_t)got : 0;
    http1_body_feed(&c->rest, chunk, mine);
    return buffer_append(&c->head, chunk, mine, ANSWER_MAX) == mine;
}

static enum strategy_rc gather(struct conn *c)
{
    char chunk[1024];
    while (c->rest.state != BODY_DONE) {
        ssize_t n = dialogue_peek(c, chunk, sizeof chunk);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            c->want_in = true;
            return STRATEGY_AGAIN;
        }
        if (n == 0 && c->rest.state == BODY_ENDLESS)
            break;
        if (n <= 0)
            return dialogue_lost(c, n == 0 ? 0 : errno, INSTEAD_OF);
        if (!take_body(c, chunk, (size_t)n) || c->rest.state == BODY_BROKEN)
            return refusal(c, UNAUTHORIZED); /* too large, or nobody can tell where it ends */
    }
    refusal(c, UNAUTHORIZED);
    return STRATEGY_ANSWERED;
}

static enum strategy_rc ask_for_credentials(struct conn *c, const struct http1_response *r, size_t len)
{
    static const struct http1_span other = {"GET", 3};
    c->answer_head = len;
    c->answer_ends = r->close || http1_response_framing(r, other) == FRAMING_CLOSE;
    http1_body_begin(&c->rest, http1_response_framing(r, other), r->length);
    return gather(c);
}

/* ---- the answer to CONNECT ---- */

/* AGAIN: it was an interim one. */
static enum strategy_rc judge(struct conn *c, size_t len)
{
    struct http1_response r;
    if (!http1_parse_response(buffer_at(&c->head), len, &r))
        return STRATEGY_SAY(c, STRATEGY_TAMPERED, "tlsup-bad-answer",
                            "the proxy's answer to CONNECT is malformed: ", r.error);
    if (r.status == UNAUTHORIZED)
        return ask_for_credentials(c, &r, len);
    buffer_free(&c->head);
    if (r.status / 100 == 2) /* a body that it announces is not there (RFC 9110 section 9.3.6) */
        return dialogue_end(c, "TLS", "proxy's answer to CONNECT");
    if (r.status >= 200)
        return refusal(c, r.status);
    if (r.status == 101 || ++c->interim > DIALOGUE_INTERIM_MAX)
        return STRATEGY_SAY(c, STRATEGY_TAMPERED, "tlsup-bad-answer",
                            "the proxy's answer to CONNECT is not one");
    return STRATEGY_AGAIN;
}

static enum strategy_rc step(struct conn *c)
{
    c->want_in = c->want_out = false;
    if (c->answer_head)
        return gather(c);
    enum strategy_rc rc = dialogue_say(c, INSTEAD_OF);
    while (rc == STRATEGY_DONE) {
        size_t len = 0;
        rc = dialogue_take_head(c, INSTEAD_OF, &len);
        if (rc != STRATEGY_DONE)
            return rc;
        rc = judge(c, len);
        if (rc != STRATEGY_AGAIN || c->want_in)
            return rc;
        rc = STRATEGY_DONE;
    }
    return rc;
}

const struct strategy strategy_connect = {
    .name = "connect", .begin = begin, .step = step, .confirm = dialogue_confirm_silence};
