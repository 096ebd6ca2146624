/* SPDX-License-Identifier: MIT */
#include "shim/conn/memory.h"

#include "shim/conn/socket.h"

#include <string.h>

#define PLACES    64U
#define NS_PER_S  1000000000ULL
#define KEPT_NS   (1 * NS_PER_S)
#define WORKED_NS (600 * NS_PER_S)

struct refusal {
    uint64_t until_ns; /* 0: empty */
    struct policy *policy;
    const struct policy_rule *rule;
    struct policy_address address;
    uint16_t port, host_port;
    char host[HTTP1_HOST_MAX + 1];
    enum conn_failure kind;
    int error;
    const char *result_type;
    char reason[256];
};

static struct refusal refusals[PLACES];

struct success {
    uint64_t until_ns;     /* 0: empty */
    struct policy *policy; /* compared, never used: a stale one costs a dial */
    struct policy_address address;
    uint16_t port;
    enum policy_strategy strategy;
};

static struct success successes[PLACES];
static pthread_mutex_t memory_lock = PTHREAD_MUTEX_INITIALIZER;

static bool same(const struct refusal *r, const struct conn *c)
{
    return r->policy == c->policy && r->rule == c->verdict.rule && r->port == c->port &&
           memcmp(r->address.bytes, c->address.bytes, sizeof r->address.bytes) == 0 &&
           r->host_port == c->authority.port && strcmp(r->host, c->authority.host) == 0;
}

/* The place of this destination, else the one that runs out first. */
static struct refusal *place_for(const struct conn *c)
{
    struct refusal *first = &refusals[0];
    for (size_t i = 0; i < PLACES; i++) {
        if (refusals[i].until_ns && same(&refusals[i], c))
            return &refusals[i];
        if (refusals[i].until_ns < first->until_ns)
            first = &refusals[i];
    }
    return first;
}

void memory_keep(const struct conn *c, enum conn_failure kind, int error)
{
    pthread_mutex_lock(&memory_lock);
    struct refusal *r = place_for(c);
    r->until_ns = now_ns() + KEPT_NS;
    if (r->policy != c->policy) { /* a reference, so that its address is not used again for another */
        policy_unref(r->policy);
        r->policy = policy_ref(c->policy);
    }
    r->rule = c->verdict.rule;
    r->address = c->address;
    r->port = c->port;
    r->host_port = c->authority.port;
    memcpy(r->host, c->authority.host, sizeof r->host);
    r->kind = kind;
    r->error = error;
    r->result_type = c->result_type;
    memcpy(r->reason, c->reason, sizeof r->reason);
    pthread_mutex_unlock(&memory_lock);
}

bool memory_recall(struct conn *c, enum conn_failure *kind, int *error)
{
    bool found = false;
    uint64_t now = now_ns();
    pthread_mutex_lock(&memory_lock);
    for (size_t i = 0; i < PLACES && !found; i++) {
        const struct refusal *r = &refusals[i];
        if (r->until_ns <= now || !same(r, c))
            continue;
        found = true;
        *kind = r->kind;
        *error = r->error;
        c->result_type = r->result_type;
        memcpy(c->reason, r->reason, sizeof c->reason);
    }
    pthread_mutex_unlock(&memory_lock);
    return found;
}

void memory_forgive(const struct conn *c)
{
    pthread_mutex_lock(&memory_lock);
    for (size_t i = 0; i < PLACES; i++)
        if (refusals[i].until_ns && same(&refusals[i], c))
            refusals[i].until_ns = 1; /* long ago */
    pthread_mutex_unlock(&memory_lock);
}

/* ---- what worked ---- */

static bool is_about(const struct success *s, const struct conn *c)
{
    return s->until_ns && s->policy == c->policy && s->port == c->port &&
           memcmp(s->address.bytes, c->address.bytes, sizeof s->address.bytes) == 0;
}

static struct success *success_of(const struct conn *c)
{
    for (size_t i = 0; i < PLACES; i++)
        if (is_about(&successes[i], c))
            return &successes[i];
    return NULL;
}

static struct success *oldest_success(void)
{
    struct success *first = &successes[0];
    for (size_t i = 1; i < PLACES; i++)
        if (successes[i].until_ns < first->until_ns)
            first = &successes[i];
    return first;
}

void memory_learn(const struct conn *c, enum policy_strategy s)
{
    if (s == STRATEGY_CONNECT) /* there is no other way through a proxy */
        return;
    pthread_mutex_lock(&memory_lock);
    struct success *kept = success_of(c);
    if (kept || s != c->verdict.rule->try[0]) {
        kept = kept ? kept : oldest_success();
        *kept = (struct success){now_ns() + WORKED_NS, c->policy, c->address, c->port, s};
    }
    pthread_mutex_unlock(&memory_lock);
}

bool memory_best(const struct conn *c, enum policy_strategy *s)
{
    pthread_mutex_lock(&memory_lock);
    const struct success *kept = success_of(c);
    bool known = kept && kept->until_ns > now_ns();
    if (known)
        *s = kept->strategy;
    pthread_mutex_unlock(&memory_lock);
    return known;
}

void memory_after_fork(void)
{
    pthread_mutex_init(&memory_lock, NULL);
}
