/* SPDX-License-Identifier: MIT */
/* The engine's part: contexts, the handshake, and who it was with. */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "shim/cli/probe.h"

static const struct tls_io plain_io = {.recv = recv, .send = send};

/* ---- contexts ---- */

/* The rule's handshake, but any version that we accept at all: what the rule's min-tls= means for this server
 * is said by the levels. Its client certificate is not shown: nobody knows yet to whom. */
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

const char *probe_prepare(struct probe *p)
{
    static struct tls_error error;
    struct tls_params params = handshake_params(probe_rule(p));

    p->context = p->engine->context_new(&params, &error);
    if (!p->context)
        return error.text;
    open_trust(p, &p->stores[p->n_stores++], NULL, NULL);
    if (!p->ca || open_trust(p, &p->stores[p->n_stores++], p->ca, NULL))
        return NULL;
    return p->stores[1].error.text;
}

void probe_trust_rule(struct probe *p)
{
    const struct policy_rule *rule = probe_rule(p);

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
}

/* ---- the handshake ---- */

static const char *sni(const struct probe *p)
{
    struct policy_address unused;
    const char *identity = probe_identity(p);

    if (p->servername)
        return p->servername;
    if (probe_rule(p)->servername)
        return probe_rule(p)->servername;
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

bool probe_secure(const struct probe *p, struct probe_attempt *a)
{
    struct tls_peer peer = {.servername = sni(p)};
    struct tls_error error;
    bool done;

    a->tls = p->engine->open(p->context, a->fd, &plain_io, &peer, &error);
    if (!a->tls)
        return probe_end(a, PROBE_FAILED, "%s", error.text);
    done = shake(p, a);
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
