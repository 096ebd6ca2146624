/* SPDX-License-Identifier: MIT */
/* What a connection to this server would come to, by level, with everything else that the rule in force says.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "policy/base64.h"
#include "shim/cli/probe.h"

#define STAGE_MS 3000U /* what a strategy gets that is not the last */

const char *probe_identity(const struct probe *p)
{
    return p->rule.match ? p->rule.match : p->url.host;
}

__attribute__((format(printf, 4, 5))) static void say(struct probe_level *l, enum probe_action action,
                                                      int error, const char *format, ...)
{
    va_list args;

    l->action = action;
    l->error = error;
    va_start(args, format);
    vsnprintf(l->reason, sizeof(l->reason), format, args);
    va_end(args);
}

/* ---- who answers ---- */

/* One of each matching rule has to. */
static bool pins_hold(const struct policy_verdict *v, const uint8_t spki[TLS_PIN_BYTES])
{
    for (size_t i = 0; i < v->n_pinned; i++) {
        bool found = false;

        for (size_t k = 0; k < v->pinned[i]->n_pins; k++)
            found |= memcmp(v->pinned[i]->pins[k].sha256, spki, TLS_PIN_BYTES) == 0;
        if (!found)
            return false;
    }
    return true;
}

static void judge_chain(const struct probe *p, const struct probe_attempt *a, enum policy_level level,
                        struct probe_level *l)
{
    struct policy_address unused;
    struct tls_error found;
    const char *identity = probe_identity(p);
    struct tls_peer peer = {.identity = identity,
                            .identity_is_address = policy_parse_address(identity, &unused)};

    probe_judge(p, a, &p->rule_trust, level == LEVEL_SECURE, &peer, &found);
    if (found.failure != TLS_FAIL_NONE)
        say(l, PROBE_NOT,
            found.failure == TLS_FAIL_EXPIRED ? EKEYEXPIRED
            : found.failure == TLS_FAIL_SETUP ? EACCES
                                              : EKEYREJECTED,
            "%s", found.text);
}

static void judge_pins(const struct probe *p, const struct probe_attempt *a, struct probe_level *l)
{
    struct policy_pin pin;
    char base64[BASE64_PIN_CHARS + 1];

    if (pins_hold(&p->verdict, a->info.peer_spki))
        return;
    memcpy(pin.sha256, a->info.peer_spki, sizeof(pin.sha256));
    base64_write_pin(&pin, base64);
    say(l, PROBE_NOT, EKEYREJECTED, "no pin matches: the server's key is sha256//%s", base64);
}

/* There is TLS: is it with whom it should be? */
static void judge_peer(const struct probe *p, const struct probe_attempt *a, enum policy_level level,
                       struct probe_level *l)
{
    if (level == LEVEL_FINGERPRINT && !p->verdict.n_pinned) {
        say(l, PROBE_INCOMPLETE, 0, "the rule has no pin=");
        return;
    }
    say(l, PROBE_TLS, 0, "%s", "");
    l->by = a;
    if (level == LEVEL_VERIFY || level == LEVEL_SECURE)
        judge_chain(p, a, level, l);
    if (level >= LEVEL_FINGERPRINT && l->action == PROBE_TLS)
        judge_pins(p, a, l);
}

/* ---- how far it comes ---- */

static const struct probe_attempt *attempt_of(const struct probe *p, enum policy_strategy strategy)
{
    for (size_t i = 0; i < p->n_attempts; i++)
        if (p->attempts[i].strategy == strategy)
            return &p->attempts[i];
    return NULL;
}

/* Where no other strategy may follow, nor plain: who answered 101 and is silent inside TLS has relayed us to
 * somebody else. */
static bool is_final(const struct probe_attempt *a)
{
    return a->result == PROBE_TAMPERED ||
           (a->result == PROBE_SILENT && a->strategy == STRATEGY_UPGRADE && *a->info.version);
}

/* A handshake that min-tls= would not have let succeed. */
static bool too_old(const struct probe *p, const struct probe_attempt *a)
{
    return p->rule.min_tls > option_builtin.min_tls && strcmp(a->info.version, "TLSv1.3") != 0;
}

static int errno_of(const struct probe_attempt *a)
{
    if (a->result == PROBE_UNREACHABLE)
        return a->n_dials ? a->dials[a->n_dials - 1].error : 0;
    return a->result == PROBE_SILENT ? ETIMEDOUT : a->result == PROBE_TAMPERED ? EPROTO : EACCES;
}

/* Of several failures: EACCES if any was refused, else ETIMEDOUT, else what the last dial said. */
static void note_failure(struct probe_level *l, enum probe_action action, int error, const char *name,
                         const char *why)
{
    bool weaker = l->error == EACCES || (l->error == ETIMEDOUT && error != EACCES);
    char before[PROBE_REASON];

    memcpy(before, l->reason, sizeof(before));
    say(l, weaker ? l->action : action, weaker ? l->error : error, "%s%s%s: %s", before, *before ? "; " : "",
        name, why);
}

/* One that is not the last, plain included, has so long. */
static bool too_slow(const struct probe_attempt *a, bool is_last)
{
    return !is_last && a->ms > STAGE_MS;
}

/* Did the attempt come to something that no other one follows? l says to what. */
static bool is_the_end(const struct probe *p, const struct probe_attempt *a, bool is_last,
                       enum policy_level level, struct probe_level *l)
{
    const char *name = policy_strategy_name(a->strategy);

    if (is_final(a)) {
        say(l, PROBE_NOT, errno_of(a), "%s", a->reason);
        return true;
    }
    if (a->result != PROBE_WORKS) {
        note_failure(l, a->result == PROBE_UNREACHABLE ? PROBE_NO_SERVER : PROBE_NOT, errno_of(a), name,
                     a->reason);
    } else if (too_slow(a, is_last)) {
        note_failure(l, PROBE_NOT, ETIMEDOUT, name, PROBE_NO_ANSWER);
    } else if (too_old(p, a)) {
        note_failure(l, PROBE_NOT, EACCES, name, "the server has no TLS 1.3, which min-tls= asks for");
    } else {
        judge_peer(p, a, level, l);
        return true;
    }
    return false;
}

/* The rule's strategies in its order, until one has TLS. False: none has, and l says why. */
static bool find_tls(const struct probe *p, const enum policy_strategy *try, unsigned n_try,
                     enum policy_level level, struct probe_level *l)
{
    unsigned n_failed = 0;
    size_t name = 0;

    l->action = PROBE_NOT;
    for (unsigned i = 0; i < n_try; i++) {
        const struct probe_attempt *a = attempt_of(p, try[i]);

        if (!a)
            continue;
        if (is_the_end(p, a, i + 1 == n_try && level != LEVEL_MAY, level, l))
            return true;
        name = strlen(policy_strategy_name(try[i])) + strlen(": ");
        n_failed++;
    }
    if (n_failed == 0)
        say(l, PROBE_NOT, EACCES, "try= names no way that was probed");
    if (n_failed == 1) /* only of several each is told by its name */
        memmove(l->reason, l->reason + name, strlen(l->reason + name) + 1);
    return false;
}

/* Does the port of the URL, or the proxy, take connections at all? */
static bool takes_plain(const struct probe *p, struct probe_level *l)
{
    const struct probe_attempt *a = attempt_of(p, p->has_proxy ? STRATEGY_CONNECT : STRATEGY_UPGRADE);

    if (a->result != PROBE_UNREACHABLE)
        return true;
    say(l, PROBE_NO_SERVER, errno_of(a), "%s", a->reason);
    return false;
}

static void find_level(const struct probe *p, enum policy_level level, struct probe_level *l)
{
    static const enum policy_strategy by_proxy[] = {STRATEGY_CONNECT};
    const struct policy_rule *rule = &p->rule;
    const enum policy_strategy *try = p->has_proxy ? by_proxy : rule->try;

    if (level == LEVEL_REJECT) {
        say(l, PROBE_NOT, EACCES, "no connection is made");
    } else if (level == LEVEL_NONE) {
        if (takes_plain(p, l))
            say(l, PROBE_PLAIN, 0, "the connection is left alone");
    } else if (!find_tls(p, try, p->has_proxy ? 1 : rule->n_try, level, l) && level == LEVEL_MAY) {
        char why[PROBE_REASON];

        memcpy(why, l->reason, sizeof(why));
        if (takes_plain(p, l))
            say(l, PROBE_PLAIN, 0, "%s", why);
    }
}

void probe_levels(struct probe *p)
{
    for (unsigned level = LEVEL_NONE; level <= LEVEL_REJECT; level++)
        find_level(p, (enum policy_level)level, &p->levels[level]);
}
