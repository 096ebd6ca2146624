/* SPDX-License-Identifier: MIT */
#include "shim/conn/tries.h"

#include "shim/audit/fmt.h"
#include "shim/conn/dial.h"
#include "shim/conn/machine.h"
#include "shim/conn/memory.h"
#include "shim/conn/secure.h"
#include "shim/conn/socket.h"
#include "shim/negotiate/strategy.h"

#include <errno.h>
#include <string.h>

/* One that is not the last gives up after this long; testing adds no more than it for all of them. */
#define STAGE_NS 3000000000ULL

#define PORT_HTTP  80U
#define PORT_HTTPS 443U /* RFC 9110 section 4.2.2 */

/* `try=` accepts what is here. */
static const struct strategy *const strategies[STRATEGY_COUNT] = {
    [STRATEGY_UPGRADE] = &strategy_upgrade,
    [STRATEGY_IMPLICIT] = &strategy_implicit,
    [STRATEGY_CONNECT] = &strategy_connect,
};

/* ---- order and place ---- */

unsigned tries_order(const struct conn *c, enum policy_strategy out[STRATEGY_COUNT])
{
    const struct policy_rule *r = c->verdict.rule;
    enum policy_strategy best;
    unsigned n = 0;
    if (c->proxied) { /* whatever the origin's line says of itself */
        out[0] = STRATEGY_CONNECT;
        return 1;
    }
    bool known = memory_best(c, &best);
    for (unsigned i = 0; known && i < r->n_try; i++)
        if (r->try[i] == best)
            out[n++] = best;
    for (unsigned i = 0; i < r->n_try; i++)
        if (n == 0 || r->try[i] != out[0])
            out[n++] = r->try[i];
    return n;
}

const struct strategy *tries_first(const struct conn *c)
{
    enum policy_strategy tries[STRATEGY_COUNT];
    tries_order(c, tries);
    return strategies[tries[0]];
}

uint16_t tries_mapped_port(const struct policy_rule *r, uint16_t port)
{
    if (r && r->implicit_port)
        return r->implicit_port;
    return port == PORT_HTTP ? PORT_HTTPS : port;
}

uint16_t tries_port(const struct conn *c, enum policy_strategy s)
{
    return s == STRATEGY_IMPLICIT ? tries_mapped_port(c->verdict.rule, c->port) : c->port;
}

/* *left counts those behind it. */
static bool pick(const struct conn *c, enum policy_strategy *out, unsigned *left)
{
    enum policy_strategy tries[STRATEGY_COUNT];
    unsigned n = tries_order(c, tries), found = 0;
    for (unsigned i = 0; i < n; i++) {
        if (c->failed & 1U << tries[i] || (c->http2 && tries[i] != STRATEGY_IMPLICIT))
            continue;
        if (!found++)
            *out = tries[i];
    }
    *left = found ? found - 1 : 0;
    return found > 0;
}

/* ---- running ---- */

static bool testing(const struct conn *c)
{
    return c->verdict.rule->mode == MODE_TESTING;
}

/* The clear comes after the last one as well, where it may. In testing what is left of the time is shared. */
static void set_stage(struct conn *c, unsigned left)
{
    uint64_t now = now_ns(), end = c->begun_ns + STAGE_NS;
    if (testing(c))
        c->stage_ns = now + (end > now ? (end - now) / (left + 1) : 0);
    else
        c->stage_ns = left || c->verdict.level == LEVEL_MAY ? now + STAGE_NS : 0;
}

void tries_start(struct conn *c)
{
    const char *why[] = {c->reason, NULL};
    switch (c->strategy->begin(c)) {
    case STRATEGY_REFUSED: conn_fail(c, FAILURE_REFUSED, EACCES, c->result_type, why); break;
    case STRATEGY_TAMPERED: conn_fail(c, FAILURE_TAMPERED, EPROTO, c->result_type, why); break;
    default:
        c->spoken = true;
        conn_enter(c, EV_BEGIN);
        break;
    }
}

bool tries_next(struct conn *c)
{
    unsigned left = 0;
    if (!pick(c, &c->trying, &left))
        return false;
    c->strategy = strategies[c->trying];
    c->reason[0] = 0; /* what the one before came to stands in the causes */
    /* `may` may come to nothing: there OpenSSL is not loaded before the peer speaks TLS */
    if (c->verdict.level > LEVEL_MAY && !secure_prepare(c))
        return true; /* how it ended has been said */
    set_stage(c, left);
    uint16_t port = tries_port(c, c->trying);
    int error = conn_port_error(c, port); /* connect() has been there: not once more */
    if (port == c->dialled && !c->spoken) {
        tries_start(c);
        return true;
    }
    if (!error && !conn_redial(c, port))
        error = c->net_error;
    if (error)
        CONN_FAIL(c, FAILURE_NETWORK, error, "validation-failure",
                  "its port cannot be reached: ", strerrordesc_np(error));
    return true;
}

/* ---- how they ended ---- */

static void note_cause(struct conn *c)
{
    struct fmt f;
    char before[sizeof c->causes];
    memcpy(before, c->causes, sizeof before);
    fmt_init(&f, c->causes, sizeof c->causes);
    fmt_str(&f, before);
    fmt_str(&f, before[0] ? "; " : "");
    fmt_str(&f, c->strategy->name);
    fmt_str(&f, ": ");
    fmt_str(&f, c->reason);
    fmt_text(&f);
}

bool tries_go_on(struct conn *c, enum conn_failure kind, int error)
{
    if (!c->strategy || c->grant)
        return false;
    if (kind != FAILURE_REFUSED && kind != FAILURE_TIMEOUT && kind != FAILURE_NETWORK)
        return false;
    note_cause(c);
    if (!c->failed)
        c->first_type = c->result_type;
    c->failed |= 1U << c->trying;
    c->was_refused = c->was_refused || kind == FAILURE_REFUSED;
    c->was_late = c->was_late || kind == FAILURE_TIMEOUT;
    if (kind == FAILURE_NETWORK)
        c->net_error = error;
    return now_ns() < c->deadline_ns && tries_next(c);
}

void tries_conclude(struct conn *c, enum conn_failure *kind, int *error)
{
    if (!(c->failed & 1U << c->trying)) /* what ended is not a strategy that was refused */
        return;
    *kind = c->was_late && !c->was_refused ? FAILURE_TIMEOUT : FAILURE_REFUSED;
    *error = c->was_refused ? EACCES : c->was_late ? ETIMEDOUT : c->net_error;
    c->result_type = c->first_type;
    if (c->failed & (c->failed - 1)) /* more than one: each by its name */
        memcpy(c->reason, c->causes, sizeof c->reason);
}
