/* SPDX-License-Identifier: MIT */
/*
 * The verdict over everything that is known about a destination. Each name, and the address, is looked up
 * by itself: the first line that matches it decides for it. Then the strictest of what was found wins.
 */
#include <string.h>

#include "policy/rule.h"

bool policy_lists_port(const struct policy *p, uint16_t port)
{
    return p->ports[port / 64] >> port % 64 & 1U;
}

bool policy_demands(const struct policy *p)
{
    for (size_t i = 0; i < p->n_lines; i++)
        if (p->lines[i].rule.level >= LEVEL_ENCRYPT && p->lines[i].rule.mode == MODE_ENFORCE)
            return true;
    return false;
}

static const struct policy_rule *find_name(const struct policy *p, const char *name, uint16_t port)
{
    for (size_t i = 0; i < p->n_lines; i++)
        if (pattern_has_port(&p->lines[i].pattern, port) && pattern_matches_name(&p->lines[i].pattern, name))
            return &p->lines[i].rule;
    return NULL;
}

/* `alone`: no name is known, so that '*' speaks for the address too. */
static const struct policy_rule *find_address(const struct policy *p, const struct policy_address *a,
                                              uint16_t port, bool alone)
{
    for (size_t i = 0; i < p->n_lines; i++) {
        const struct pattern *pattern = &p->lines[i].pattern;

        if (!pattern_has_port(pattern, port))
            continue;
        if (pattern_matches_address(pattern, a) || (alone && pattern->kind == PATTERN_ANY))
            return &p->lines[i].rule;
    }
    return NULL;
}

static bool knows_a_name(const struct policy_target *t)
{
    struct policy_address unused;

    for (size_t i = 0; i < t->n_names; i++)
        if (!policy_parse_address(t->names[i], &unused))
            return true;
    return t->request_name && !policy_parse_address(t->request_name, &unused);
}

static const struct policy_rule *find_proxy(const struct policy *p, uint16_t port)
{
    for (size_t i = 0; i < p->n_lines; i++)
        if (p->lines[i].rule.proxy && pattern_has_port(&p->lines[i].pattern, port))
            return &p->lines[i].rule;
    return NULL;
}

/* Things to look up: the names, then these. */
enum { REQUEST_NAME, ADDRESS, ORIGIN, PROXY, OTHER_THINGS };

static size_t count_things(const struct policy_target *t)
{
    return t->n_names + OTHER_THINGS;
}

static const struct policy_rule *find_either(const struct policy *p, const char *name, uint16_t port,
                                             bool alone)
{
    struct policy_address literal;

    if (!name)
        return NULL;
    return policy_parse_address(name, &literal) ? find_address(p, &literal, port, alone)
                                                : find_name(p, name, port);
}

static const struct policy_rule *look_up(const struct policy *p, const struct policy_target *t, size_t thing,
                                         bool alone)
{
    if (thing < t->n_names)
        return find_either(p, t->names[thing], t->port, alone);
    switch (thing - t->n_names) {
    case ADDRESS: return t->no_address ? NULL : find_address(p, &t->address, t->port, alone);
    case ORIGIN: return find_either(p, t->origin, t->origin_port, true);
    case PROXY: return t->is_proxy ? find_proxy(p, t->port) : NULL;
    default: return find_either(p, t->request_name, t->port, alone);
    }
}

struct search {
    const struct policy *policy;
    const struct policy_target *target;
    bool alone;    /* no name is known */
    bool enforced; /* a line at a mandatory level is in force, not in testing */
};

/* The line that decides for one thing, or NULL. A line in testing demands nothing in the end, so it does not
 * speak where another line demands something: else a Host field could talk a connection into testing. */
static const struct policy_rule *found(const struct search *s, size_t thing)
{
    const struct policy_rule *r = look_up(s->policy, s->target, thing, s->alone);

    return r && s->enforced && r->mode == MODE_TESTING ? NULL : r;
}

static void begin_search(struct search *s, const struct policy *p, const struct policy_target *t)
{
    bool enforced = false;

    *s = (struct search){.policy = p, .target = t, .alone = !knows_a_name(t)};
    for (size_t i = 0; i < count_things(t); i++) {
        const struct policy_rule *r = found(s, i);

        enforced |= r && r->mode == MODE_ENFORCE && r->level >= LEVEL_ENCRYPT;
    }
    s->enforced = enforced;
}

/* The strictest level; where fingerprint meets verify it is verify, and the pins come along. */
static void find_level(const struct search *s, struct policy_verdict *out)
{
    for (size_t i = 0; i < count_things(s->target); i++) {
        const struct policy_rule *r = found(s, i);

        if (r && (!out->rule || r->level > out->level)) {
            out->level = r->level;
            out->rule = r;
        }
    }
}

/* At that level, the line of the request's own name, or of whom it is for, goes before the first found. */
static void prefer_request(const struct search *s, struct policy_verdict *out)
{
    const struct policy_target *t = s->target;
    const struct policy_rule *r = found(s, t->n_names + (t->origin ? ORIGIN : REQUEST_NAME));

    if (r && r->level == out->level)
        out->rule = r;
}

static void add_pins(struct policy_verdict *out, const struct policy_rule *r)
{
    if (!r->n_pins)
        return;
    for (size_t i = 0; i < out->n_pinned; i++)
        if (out->pinned[i] == r)
            return;
    if (out->n_pinned < POLICY_MAX_PIN_RULES) {
        out->pinned[out->n_pinned++] = r;
        return;
    }
    /* more pins than can be held: refuse rather than forget one */
    out->level = LEVEL_REJECT;
    out->rule = r;
}

void policy_decide(const struct policy *p, const struct policy_target *target, struct policy_verdict *out)
{
    struct search s;

    *out = (struct policy_verdict){.level = LEVEL_NONE};
    begin_search(&s, p, target);
    out->origin = look_up(p, target, target->n_names + ORIGIN, true);
    find_level(&s, out);
    if (!out->rule)
        return;
    prefer_request(&s, out);
    for (size_t i = 0; i < count_things(target); i++) {
        const struct policy_rule *r = found(&s, i);

        if (r)
            add_pins(out, r);
    }
    out->check_pins = out->n_pinned > 0;
    out->check_chain = out->level == LEVEL_VERIFY || out->level == LEVEL_SECURE;
}

/* Could a name that is still unknown make it stricter than none? */
static bool name_line_is_stricter(const struct policy *p, uint16_t port)
{
    for (size_t i = 0; i < p->n_lines; i++) {
        const struct policy_line *l = &p->lines[i];

        if (l->pattern.kind != PATTERN_ANY && pattern_is_for_names(&l->pattern) &&
            (l->rule.level != LEVEL_NONE || l->rule.proxy) && pattern_has_port(&l->pattern, port))
            return true;
    }
    return false;
}

static bool has_name_line(const struct policy *p, uint16_t port)
{
    for (size_t i = 0; i < p->n_lines; i++)
        if (pattern_is_for_names(&p->lines[i].pattern) && pattern_has_port(&p->lines[i].pattern, port))
            return true;
    return false;
}

bool policy_none_is_final(const struct policy *p, const struct policy_target *target)
{
    struct policy_verdict v;

    if (!policy_lists_port(p, target->port))
        return true;
    policy_decide(p, target, &v);
    if (v.level != LEVEL_NONE || (v.rule && v.rule->proxy)) /* whom a request is for says more */
        return false;
    if (knows_a_name(target))
        return true;
    if (!v.rule)
        return !has_name_line(p, target->port);
    return policy_address_is_loopback(&target->address) || !name_line_is_stricter(p, target->port);
}

/* Of any request, and of nothing but requests. */
static bool asks_for_tls(const struct policy_rule *r)
{
    return r && r->level > LEVEL_MAY && r->level < LEVEL_REJECT && !r->proxy && !r->non_http_pass;
}

static bool every_line_asks(const struct policy *p, uint16_t port)
{
    bool any = false;

    for (size_t i = 0; i < p->n_lines; i++) {
        if (!pattern_has_port(&p->lines[i].pattern, port))
            continue;
        if (!asks_for_tls(&p->lines[i].rule))
            return false;
        any = true;
    }
    return any;
}

bool policy_tls_is_certain(const struct policy *p, const struct policy_target *target)
{
    if (!knows_a_name(target))
        return every_line_asks(p, target->port);
    for (size_t i = 0; i < target->n_names; i++) { /* the request may choose any of them */
        struct policy_target one = *target;
        struct policy_verdict v;

        one.names = &target->names[i];
        one.n_names = 1;
        policy_decide(p, &one, &v);
        if (!asks_for_tls(v.rule))
            return false;
    }
    return true;
}
