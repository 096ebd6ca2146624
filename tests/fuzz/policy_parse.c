/* SPDX-License-Identifier: MIT */
/*
 * Any text as a policy. What holds of every policy that parses: nothing that is known about a destination
 * makes the verdict weaker, spelling does not matter, and a text that does not parse closes every port that
 * stands in it.
 */
#include "policy/refused.h"
#include "policy/rule.h"
#include "policy/text.h"
#include "tests/fuzz/must.h"

#include <stdbool.h>
#include <stdlib.h>

static const char *const names[] = {"a",    "a.example", "b.a.example", "localhost", "printer-1.corp.example",
                                    "xn--a"};
#define NAMES (sizeof names / sizeof *names)

static const uint8_t addresses[][16] = {
    {[10] = 0xff, 0xff, 127, 0, 0, 1},
    {[10] = 0xff, 0xff, 10, 1, 2, 3},
    {[15] = 1},
    {0x20, 0x01, 0x0d, 0xb8, [15] = 7},
};
static const uint16_t ports[] = {80, 631, 8080, 1, 65535};

/* The order of policy.h, where fingerprint and verify are equals. */
static int strictness(const struct policy_verdict *v)
{
    return v->level == LEVEL_FINGERPRINT ? LEVEL_VERIFY : (int)v->level;
}

static void check_verdict(const struct policy *p, const struct policy_target *t,
                          const struct policy_verdict *v)
{
    MUST(v->level <= LEVEL_REJECT && (v->rule || v->level == LEVEL_NONE));
    MUST(!v->check_pins || v->n_pinned > 0);
    MUST(v->n_pinned <= POLICY_MAX_PIN_RULES);
    MUST(v->level < LEVEL_VERIFY || v->level == LEVEL_REJECT || v->check_chain || v->check_pins);
    MUST(v->level == LEVEL_NONE || policy_lists_port(p, t->port));
}

/* One more name makes it as strict or stricter. */
static void check_names(const struct policy *p, struct policy_target *t)
{
    const char *known[NAMES];
    struct policy_verdict v;
    int before = -1;
    for (size_t n = 1; n <= NAMES; n++) {
        known[n - 1] = names[n - 1];
        t->names = known;
        t->n_names = n;
        t->request_name = names[0];
        policy_decide(p, t, &v);
        check_verdict(p, t, &v);
        MUST(strictness(&v) >= before);
        before = strictness(&v);
    }
    /* at connect() no more is known than later: what is final then stays */
    if (policy_none_is_final(p, t))
        MUST(before == LEVEL_NONE);
}

static void show_all(const struct policy_rule *r)
{
    char buf[256];
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        struct text text = text_on(buf, sizeof buf);
        option_show(&option_table[i], r, &text);
        MUST(text.len < sizeof buf);
    }
}

static void ask(const struct policy *p)
{
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
        for (size_t k = 0; k < sizeof addresses / sizeof *addresses; k++) {
            struct policy_target t = {.port = ports[i]};
            struct policy_verdict v;
            memcpy(t.address.bytes, addresses[k], sizeof t.address.bytes);
            policy_decide(p, &t, &v);
            check_verdict(p, &t, &v);
            if (v.rule)
                show_all(v.rule);
            check_names(p, &t);
        }
    MUST(strlen(policy_digest(p)) == 64);
}

static void check_diagnostics(const struct policy_diagnostics *d, size_t len)
{
    for (size_t i = 0; i < d->n_errors && i < POLICY_MAX_DIAGNOSTICS; i++) {
        MUST(d->errors[i].line >= 1 && d->errors[i].line <= len + 1 && d->errors[i].column >= 1);
        for (const char *p = d->errors[i].text; *p; p++)
            MUST(*p >= 0x20 && *p < 0x7f); /* it is shown on a terminal */
    }
}

/* Every ":digits" of it, and 80. */
static void check_refused_ports(const char *text, size_t len)
{
    struct policy_source s = {0};
    refused_scan(&s, text, len);
    MUST(s.n_refused_ports <= 64);
    for (size_t i = 0; i + 1 < len; i++) {
        unsigned port = 0, digits = 0;
        bool found = s.all_ports_refused;
        for (size_t k = i + 1; text[i] == ':' && k < len && text[k] >= '0' && text[k] <= '9'; k++, digits++)
            port = port > UINT16_MAX ? port : port * 10 + (unsigned)(text[k] - '0');
        for (size_t k = 0; k < s.n_refused_ports; k++)
            found = found || s.refused_ports[k] == port;
        MUST(!digits || digits > 5 || !port || port > UINT16_MAX || found);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct policy_diagnostics diag;
    if (len > 65536)
        return 0;
    const char *text = guarded(data, len);
    struct policy *p = policy_parse(text, len, "fuzz", &diag);
    MUST((p != NULL) == (diag.n_errors == 0));
    check_diagnostics(&diag, len);
    check_refused_ports(text, len);
    if (p)
        ask(p);
    policy_unref(p);
    return 0;
}
