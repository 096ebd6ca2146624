/* SPDX-License-Identifier: MIT */
/* The engine's part: contexts, the handshake, and who it was with. */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "shim/cli/probe.h"

#define PINS_MAX (64U * POLICY_MAX_PIN_RULES) /* of all rules together */

static const struct tls_io plain_io = {.recv = recv, .send = send};

/* ---- contexts ---- */

/* The rule's handshake, but any version that we accept at all: what the rule's min-tls= means for this server
 * is said by the levels. */
static struct tls_params handshake_params(const struct policy_rule *rule)
{
    return (struct tls_params){
        .ciphers = rule->ciphers,
        .ciphersuites = rule->ciphersuites,
        .alpn = rule->alpn,
        .min_version = option_builtin.min_tls,
    };
}

static bool open_trust(const struct probe *p, struct probe_trust *trust, const char *ca, const char *crl)
{
    struct tls_params params = {
        .ca = ca, .crl = crl, .min_version = option_builtin.min_tls, .check_chain = true};

    trust->ca = ca;
    trust->crl = crl;
    trust->context = p->engine->context_new(&params, &trust->error);
    params.strict = true;
    if (trust->context)
        trust->strict = p->engine->context_new(&params, &trust->error);
    return trust->strict;
}

bool probe_shows_cert(const struct probe *p, enum policy_strategy strategy)
{
    const struct policy_rule *rule = &p->rule;
    bool governs = p->verdict.level > LEVEL_NONE && p->verdict.level < LEVEL_REJECT;

    return governs && rule->cert && (strategy != STRATEGY_UPGRADE || rule->cert_on_upgrade);
}

const char *probe_prepare(struct probe *p)
{
    static struct tls_error error;
    const struct policy_rule *rule = &p->rule;
    struct tls_params params = handshake_params(rule);

    p->context = p->engine->context_new(&params, &error);
    if (!p->context)
        return error.text;
    open_trust(p, &p->stores[p->n_stores++], NULL, NULL);
    if (p->ca && !open_trust(p, &p->stores[p->n_stores++], p->ca, NULL))
        return p->stores[1].error.text;
    if (!probe_shows_cert(p, STRATEGY_IMPLICIT))
        return NULL;
    params.cert = rule->cert;
    params.key = rule->key;
    params.ca = rule->ca;
    params.crl = rule->crl;
    params.check_chain = p->verdict.check_chain;
    params.strict = rule->level == LEVEL_SECURE;
    p->identity = p->engine->context_new(&params, &error);
    return p->identity ? NULL : error.text;
}

void probe_trust_rule(struct probe *p)
{
    const struct policy_rule *rule = &p->rule;

    open_trust(p, &p->rule_trust, rule->ca, rule->crl);
    if (rule->ca && (!p->ca || strcmp(rule->ca, p->ca) != 0))
        open_trust(p, &p->stores[p->n_stores++], rule->ca, NULL);
}

static void close_trust(const struct probe *p, struct probe_trust *trust)
{
    if (trust->context)
        p->engine->context_free(trust->context);
    if (trust->strict)
        p->engine->context_free(trust->strict);
}

void probe_release(struct probe *p)
{
    for (size_t i = 0; i < p->n_attempts; i++)
        if (p->attempts[i].tls)
            p->engine->free(p->attempts[i].tls);
    for (size_t i = 0; i < sizeof(p->stores) / sizeof(p->stores[0]); i++)
        close_trust(p, &p->stores[i]);
    close_trust(p, &p->rule_trust);
    if (p->context)
        p->engine->context_free(p->context);
    if (p->identity)
        p->engine->context_free(p->identity);
}

/* ---- the handshake ---- */

static const char *sni(const struct probe *p)
{
    struct policy_address unused;
    const char *identity = probe_identity(p);

    if (p->servername)
        return p->servername;
    if (p->rule.servername)
        return p->rule.servername;
    return policy_parse_address(identity, &unused) ? NULL : identity;
}

/* What an error of TLS means for the strategy. Behind a 101 somebody promised TLS; elsewhere it was a try. */
static enum probe_result meaning(const struct probe_attempt *a, enum tls_failure failure)
{
    switch (failure) {
    case TLS_FAIL_NOT_TLS: return a->strategy == STRATEGY_UPGRADE ? PROBE_TAMPERED : PROBE_REFUSED;
    case TLS_FAIL_MEMORY:
    case TLS_FAIL_SETUP: return PROBE_FAILED;
    default: return PROBE_REFUSED;
    }
}

static bool shake(const struct probe *p, struct probe_attempt *a)
{
    for (;;) {
        enum tls_result result = p->engine->handshake(a->tls);
        const struct tls_error *error = p->engine->error(a->tls);
        bool queued = p->engine->queued(a->tls) > 0;

        if (result == TLS_DONE)
            return true;
        if (result != TLS_WANT_READ && result != TLS_WANT_WRITE)
            return probe_end(a, meaning(a, error->failure), "%s", error->text);
        if (!probe_wait(a, result == TLS_WANT_READ && !queued ? POLLIN : POLLOUT))
            return probe_end(a, PROBE_SILENT, PROBE_NO_ANSWER);
    }
}

/* The session that shows our certificate asks of the peer what the rule asks. NULL: error says why. */
static struct tls *open_session(const struct probe *p, struct probe_attempt *a, struct tls_error *error)
{
    static uint8_t pins[PINS_MAX][TLS_PIN_BYTES];
    size_t sizes[POLICY_MAX_PIN_RULES], total = 0;
    struct policy_address unused;
    struct tls_peer peer = {
        .servername = sni(p), .pins = (const uint8_t(*)[TLS_PIN_BYTES])pins, .pin_sets = sizes};

    if (!a->shows_cert)
        return p->engine->open(p->context, a->fd, &plain_io, &peer, error);
    for (size_t i = 0; i < p->verdict.n_pinned; i++) {
        sizes[i] = p->verdict.pinned[i]->n_pins;
        for (size_t k = 0; k < sizes[i]; k++)
            memcpy(pins[total++], p->verdict.pinned[i]->pins[k].sha256, TLS_PIN_BYTES);
    }
    peer.n_pin_sets = p->verdict.n_pinned;
    if (p->verdict.check_chain) {
        peer.identity = probe_identity(p);
        peer.identity_is_address = policy_parse_address(peer.identity, &unused);
    }
    return p->engine->open(p->identity, a->fd, &plain_io, &peer, error);
}

static bool is_about_peer(enum tls_failure failure)
{
    return failure == TLS_FAIL_UNTRUSTED || failure == TLS_FAIL_NAME || failure == TLS_FAIL_EXPIRED ||
           failure == TLS_FAIL_PIN;
}

bool probe_secure(const struct probe *p, struct probe_attempt *a)
{
    struct tls_error error;
    bool done;

    a->tls = open_session(p, a, &error);
    if (!a->tls)
        return probe_end(a, PROBE_FAILED, "%s", error.text);
    done = shake(p, a);
    a->stranger = !done && is_about_peer(p->engine->error(a->tls)->failure);
    p->engine->info(a->tls, &a->info);
    a->n_chain = p->engine->certificates(a->tls, a->chain, PROBE_CHAIN);
    return done;
}

void probe_close(const struct probe *p, struct probe_attempt *a)
{
    if (a->tls)
        p->engine->close_notify(a->tls);
    if (a->fd >= 0)
        close(a->fd);
    a->fd = -1;
}

/* ---- who it was ---- */

void probe_judge(const struct probe *p, const struct probe_attempt *a, const struct probe_trust *trust,
                 bool strict, const struct tls_peer *peer, struct tls_error *out)
{
    if (trust->context && trust->strict)
        p->engine->judge(a->tls, strict ? trust->strict : trust->context, peer, out);
    else
        *out = trust->error;
}
