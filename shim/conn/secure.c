/* SPDX-License-Identifier: MIT */
#include "shim/conn/secure.h"

#include "shim/audit/fmt.h"
#include "shim/conn/conn.h"
#include "shim/conn/machine.h"
#include "shim/conn/pool.h"
#include "shim/engine.h"
#include "shim/negotiate/strategy.h"
#include "shim/real.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The engine knows a connection by its place in the pool: the number by which a call comes may change (dup).
 */
static ssize_t io_recv(int index, void *buf, size_t len, int flags)
{
    return real.recv(pool_at((unsigned)index)->fd, buf, len, flags);
}

static ssize_t io_send(int index, const void *buf, size_t len, int flags)
{
    return real.send(pool_at((unsigned)index)->fd, buf, len, flags);
}

static const struct tls_io real_io = {.recv = io_recv, .send = io_send};

/* No client certificate in band unless the rule insists: whoever swaps our OPTIONS for a request of his own
 * would have it run in our name (SECURITY L8). */
static struct engine_wish wish_by(const struct conn *c, const struct strategy *s)
{
    const struct policy_rule *r = c->verdict.rule;
    return (struct engine_wish){.verdict = &c->verdict,
                                .http2 = c->http2,
                                .client_certificate = r->cert && (!s->in_band || r->cert_on_upgrade)};
}

static struct engine_wish wish(const struct conn *c)
{
    return wish_by(c, c->strategy);
}

bool secure_is_early(const struct conn *c, const struct strategy *first)
{
    struct engine_wish w = wish_by(c, first);
    return engine_is_prepared(c->policy, &w);
}

void secure_early(struct conn *c, const struct strategy *first)
{
    char why[200];
    struct tls_error error;
    struct engine_wish w = wish_by(c, first);
    if (engine_get(why, sizeof why))
        engine_prepare(c->policy, &w, &error);
}

int secure_prepare(struct conn *c)
{
    char why[200];
    c->engine = engine_get(why, sizeof why);
    if (!c->engine) {
        CONN_FAIL(c, FAILURE_LOCAL, ELIBACC, "tlsup-engine", why);
        return 0;
    }
    struct tls_error error = {0};
    struct engine_wish w = wish(c);
    if (!engine_prepare(c->policy, &w, &error)) {
        CONN_FAIL(c, FAILURE_LOCAL, error.failure == TLS_FAIL_MEMORY ? ENOBUFS : EACCES,
                  "tlsup-policy-invalid", error.text);
        return 0;
    }
    return 1;
}

/* The pins of every rule in force, one set after the other; each set must hold. */
static bool collect_pins(const struct policy_verdict *v, uint8_t (**pins)[TLS_PIN_BYTES],
                         size_t sizes[POLICY_MAX_PIN_RULES])
{
    size_t total = 0;
    for (size_t i = 0; i < v->n_pinned; i++)
        total += sizes[i] = v->pinned[i]->n_pins;
    *pins = NULL;
    if (!total)
        return true;
    *pins = malloc(total * TLS_PIN_BYTES);
    if (!*pins)
        return false;
    size_t at = 0;
    for (size_t i = 0; i < v->n_pinned; i++)
        for (size_t k = 0; k < v->pinned[i]->n_pins; k++)
            memcpy((*pins)[at++], v->pinned[i]->pins[k].sha256, TLS_PIN_BYTES);
    return true;
}

#define RESUME_BYTES 700U

/* What a session is bound to besides the rule and the peer (SECURITY A29): how it was reached, and, where the
 * name alone does not say whom, by which address. */
static const char *put_resume(const struct conn *c, char out[RESUME_BYTES])
{
    struct fmt f;
    fmt_init(&f, out, RESUME_BYTES);
    fmt_str(&f, c->strategy->name);
    fmt_char(&f, ' ');
    fmt_u64(&f, c->dialled);
    fmt_char(&f, ' ');
    fmt_u64(&f, c->proxied ? conn_tunnel_port(c) : c->port);
    fmt_char(&f, ' ');
    fmt_str(&f, c->identity);
    if (c->proxied || !c->identity[0]) {
        fmt_char(&f, ' ');
        fmt_hex(&f, c->address.bytes, sizeof c->address.bytes);
    }
    return f.cut ? NULL : fmt_text(&f);
}

static struct tls *open_session(struct conn *c, struct tls_error *error)
{
    const struct policy_rule *rule = c->verdict.rule;
    uint8_t(*pins)[TLS_PIN_BYTES];
    size_t sizes[POLICY_MAX_PIN_RULES];
    char resume[RESUME_BYTES];
    if (!collect_pins(&c->verdict, &pins, sizes))
        return NULL;
    struct tls_peer peer = {
        .identity = c->verdict.check_chain ? c->identity : NULL,
        .identity_is_address = c->identity_is_address,
        .servername = rule->servername ? rule->servername : (c->identity_is_address ? NULL : c->identity),
        .pins = (const uint8_t(*)[TLS_PIN_BYTES])pins,
        .pin_sets = sizes,
        .n_pin_sets = c->verdict.n_pinned,
        .resume = put_resume(c, resume),
        .speaks_next = !c->strategy->in_band, /* in band the server has a word to say first */
    };
    if (peer.servername && !peer.servername[0])
        peer.servername = NULL;
    struct engine_wish w = wish(c);
    struct tls *tls = engine_open(c->policy, &w, (int)c->index, &real_io, &peer, error);
    free(pins);
    return tls;
}

struct outcome {
    enum conn_failure kind;
    int error;
    const char *result_type; /* RFC 8460 section 4.3, or ours */
};

static const struct outcome outcomes[] = {
    [TLS_FAIL_NONE] = {FAILURE_LOCAL, EPROTO, "validation-failure"},
    [TLS_FAIL_UNTRUSTED] = {FAILURE_CERTIFICATE, EKEYREJECTED, "certificate-not-trusted"},
    [TLS_FAIL_NAME] = {FAILURE_CERTIFICATE, EKEYREJECTED, "certificate-host-mismatch"},
    [TLS_FAIL_EXPIRED] = {FAILURE_CERTIFICATE, EKEYEXPIRED, "certificate-expired"},
    [TLS_FAIL_PIN] = {FAILURE_CERTIFICATE, EKEYREJECTED, "tlsup-fingerprint-mismatch"},
    [TLS_FAIL_NOT_TLS] = {FAILURE_TAMPERED, EPROTO, "tlsup-response-injection"},
    [TLS_FAIL_ALERT] = {FAILURE_REFUSED, EACCES, "validation-failure"},
    [TLS_FAIL_CLOSED] = {FAILURE_REFUSED, EACCES, "validation-failure"},
    [TLS_FAIL_PROTOCOL] = {FAILURE_REFUSED, EACCES, "validation-failure"},
    [TLS_FAIL_MEMORY] = {FAILURE_LOCAL, ENOBUFS, "tlsup-memory"},
    [TLS_FAIL_SETUP] = {FAILURE_LOCAL, EACCES, "tlsup-policy-invalid"},
};

static const struct outcome not_tls_there = {FAILURE_REFUSED, EACCES, "validation-failure"};

static void fail(struct conn *c, const struct tls_error *e)
{
    const struct outcome *o = &outcomes[e->failure];
    if (e->failure == TLS_FAIL_NOT_TLS && !c->strategy->in_band) /* nobody has promised any */
        o = &not_tls_there;
    CONN_FAIL(c, o->kind, o->error, o->result_type, e->text[0] ? e->text : "the TLS handshake failed");
}

/* Testing: what enforce would have ended is recorded, the connection goes on. */
static void note_finding(struct conn *c)
{
    struct tls_info info;
    c->engine->info(c->tls, &info);
    if (info.finding.failure == TLS_FAIL_NONE)
        return;
    c->would_block = true;
    c->result_type = outcomes[info.finding.failure].result_type;
    memcpy(c->reason, info.finding.text, sizeof info.finding.text);
}

void secure_step(struct conn *c)
{
    if (!c->engine && !secure_prepare(c)) /* where TLS was not certain until now */
        return;
    if (!c->tls) {
        struct tls_error error = {.failure = TLS_FAIL_MEMORY};
        c->tls = open_session(c, &error);
        if (!c->tls) {
            fail(c, &error);
            return;
        }
    }
    switch (c->engine->handshake(c->tls)) {
    case TLS_DONE:
        note_finding(c);
        conn_enter(c, EV_SECURED);
        break;
    case TLS_WANT_READ:
        c->want_in = true;
        c->want_out = c->engine->queued(c->tls) > 0;
        break;
    case TLS_WANT_WRITE: c->want_out = true; break;
    default: fail(c, c->engine->error(c->tls)); break;
    }
}
