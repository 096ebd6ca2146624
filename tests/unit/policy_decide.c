/* SPDX-License-Identifier: MIT */
/* The strictest of everything that is known: SECURITY rows A32 to A38. */
#include "policy/policy.h"

#include "tests/unit/unit.h"

#define PIN  "pin=sha256//n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="
#define PIN2 "pin=sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

static struct policy_diagnostics diag;

static struct policy *parse(const char *text)
{
    struct policy *p = policy_parse(text, strlen(text), "test", &diag);

    if (!p)
        fprintf(stderr, "%s: %u:%u: %s\n", text, diag.errors[0].line, diag.errors[0].column,
                diag.errors[0].text);
    CHECK(p);
    return p;
}

struct query {
    const char *names[4];
    const char *request, *address; /* address NULL: 203.0.113.1 */
    uint16_t port;                 /* 0: 80 */
    const char *origin;            /* NULL: no request through a proxy */
    uint16_t origin_port;          /* 0: 80 */
    bool is_proxy;
};

static struct policy_target target_of(const struct query *q)
{
    static struct policy_target t;

    memset(&t, 0, sizeof(t));
    t.names = q->names;
    while (t.n_names < 4 && q->names[t.n_names])
        t.n_names++;
    t.request_name = q->request;
    CHECK(policy_parse_address(q->address ? q->address : "203.0.113.1", &t.address));
    t.port = q->port ? q->port : 80;
    t.origin = q->origin;
    t.origin_port = q->origin_port ? q->origin_port : 80;
    t.is_proxy = q->is_proxy;
    return t;
}

struct row {
    const char *policy;
    struct query query;
    enum policy_level level;
    unsigned line; /* 0: no rule */
    unsigned n_pinned;
    bool chain, pins;
};

#define PROXY "p:3128 verify proxy=yes\n"
#define VIA   .names = {"p"}, .port = 3128

static const struct row rows[] = {
    /* through a proxy: its line and the origin's, the strictest */
    {PROXY "* verify", {VIA, .origin = "a"}, LEVEL_VERIFY, 2, .chain = true},
    {PROXY "a none", {VIA, .origin = "a"}, LEVEL_VERIFY, 1, .chain = true},
    {PROXY "a encrypt", {VIA, .origin = "a"}, LEVEL_VERIFY, 1, .chain = true},
    {PROXY "a secure", {VIA, .origin = "a"}, LEVEL_SECURE, 2, .chain = true},
    {PROXY "a reject", {VIA, .origin = "a"}, LEVEL_REJECT, .line = 2},
    {PROXY "a reject", {VIA, .origin = "a", .origin_port = 81}, LEVEL_VERIFY, 1, .chain = true},
    {PROXY "a:81 reject", {VIA, .origin = "a", .origin_port = 81}, LEVEL_REJECT, .line = 2},
    {PROXY "a verify", {VIA}, LEVEL_VERIFY, 1, .chain = true},
    {PROXY "a verify mode=testing", {VIA, .origin = "a"}, LEVEL_VERIFY, 1, .chain = true},
    {PROXY "a verify " PIN, {VIA, .origin = "a"}, LEVEL_VERIFY, 2, 1, .chain = true, .pins = true},
    {"p:3128 verify proxy=yes " PIN "\na verify " PIN2,
     {VIA, .origin = "a"},
     LEVEL_VERIFY,
     2,
     2,
     .chain = true,
     .pins = true},
    {"p:3128 may proxy=yes\n* verify", {VIA, .origin = "a"}, LEVEL_VERIFY, 2, .chain = true},
    {"p:3128 may proxy=yes\na none", {VIA, .origin = "a"}, LEVEL_MAY, .line = 1},
    {"p:3128 none proxy=yes\na none\n* verify", {VIA, .origin = "a"}, LEVEL_NONE, .line = 2},
    {"p:3128 none proxy=yes\na none\n* verify", {VIA, .origin = "b"}, LEVEL_VERIFY, 3, .chain = true},
    {"p:3128 none proxy=yes\na verify", {VIA, .origin = "b"}, LEVEL_NONE, .line = 1},
    /* an origin that is an address: by address lines, and '*', though the proxy has a name */
    {"p:3128 none proxy=yes\n10.0.0.0/8 encrypt", {VIA, .origin = "10.1.1.1"}, LEVEL_ENCRYPT, .line = 2},
    {"p:3128 none proxy=yes\n* encrypt", {VIA, .origin = "10.1.1.1"}, LEVEL_ENCRYPT, .line = 2},
    /* a proxy without a name */
    {PROXY "* may", {.port = 3128, .origin = "a"}, LEVEL_MAY, .line = 2},
    {PROXY "* may", {.port = 3128, .origin = "a", .is_proxy = true}, LEVEL_VERIFY, 1, .chain = true},
    {"* may\nq:3129 secure match=x\n" PROXY,
     {.port = 3128, .origin = "a", .is_proxy = true},
     LEVEL_VERIFY,
     3,
     .chain = true},
    /* one thing known */
    {"* verify", {.names = {"a"}}, LEVEL_VERIFY, 1, .chain = true},
    {"* verify", {.address = "10.0.0.1"}, LEVEL_VERIFY, 1, .chain = true},
    {"* verify", {.names = {"a"}, .port = 81}, LEVEL_NONE, .line = 0},
    {"a none\n* verify", {.names = {"a"}}, LEVEL_NONE, .line = 1},
    {"a none\n* verify", {.request = "a"}, LEVEL_NONE, .line = 1},
    {"* verify\na reject", {.names = {"a"}}, LEVEL_VERIFY, 1, .chain = true},
    {"b may", {.names = {"a"}}, LEVEL_NONE, .line = 0},
    {"10.0.0.0/8 reject\n* may", {.address = "10.1.1.1"}, LEVEL_REJECT, .line = 1},
    {"a reject\n10.0.0.0/8 none\n* may", {.address = "10.1.1.1"}, LEVEL_NONE, .line = 2},
    /* '*' speaks for an address only if no name is known */
    {"* verify\n10.0.0.0/8 none", {.address = "10.1.1.1"}, LEVEL_VERIFY, 1, .chain = true},
    {"a none\n* verify", {.names = {"a"}, .address = "10.1.1.1"}, LEVEL_NONE, .line = 1},
    /* a name in letters of an address is an address */
    {"10.0.0.0/8 none\n* verify", {.request = "10.1.1.1", .address = "10.1.1.1"}, LEVEL_NONE, .line = 1},
    {"10.0.0.0/8 none\n* verify",
     {.request = "10.1.1.1", .address = "11.1.1.1"},
     LEVEL_VERIFY,
     2,
     .chain = true},
    /* A32: Host chosen to fall under a weaker rule */
    {"lax none\nstrict verify", {.names = {"strict"}, .request = "lax"}, LEVEL_VERIFY, 2, .chain = true},
    {"lax none\nstrict verify", {.names = {"lax", "strict"}}, LEVEL_VERIFY, 2, .chain = true},
    {"lax may\n* encrypt", {.names = {"lax", "x"}, .request = "lax"}, LEVEL_ENCRYPT, .line = 2},
    /* A33: DNS to an address that is let alone */
    {"localhost none\n* verify", {.names = {"a"}, .address = "127.0.0.1"}, LEVEL_VERIFY, 2, .chain = true},
    {"localhost none\n* verify", {.names = {"localhost"}, .address = "127.0.0.1"}, LEVEL_NONE, .line = 1},
    {"localhost none\n* verify", {.names = {"x.localhost"}, .address = "::1"}, LEVEL_NONE, .line = 1},
    {"localhost none\n* verify", {.names = {"localhost"}, .address = "203.0.113.5"}, LEVEL_NONE, .line = 1},
    {"localhost none\n* verify", {.address = "127.0.0.1"}, LEVEL_NONE, .line = 1},
    /* an address may tighten */
    {"10.0.0.0/8 reject\n* may", {.names = {"a"}, .address = "10.0.0.9"}, LEVEL_REJECT, .line = 1},
    {"a may\n10.0.0.0/8 verify\n* none",
     {.names = {"a"}, .address = "10.0.0.9"},
     LEVEL_VERIFY,
     2,
     .chain = true},
    {"10.0.0.0/8 verify", {.names = {"a"}, .address = "10.0.0.9"}, LEVEL_VERIFY, 1, .chain = true},
    /* every step of the order */
    {"a none\nb may", {.names = {"a", "b"}}, LEVEL_MAY, .line = 2},
    {"a may\nb encrypt", {.names = {"b", "a"}}, LEVEL_ENCRYPT, .line = 2},
    {"a encrypt\nb fingerprint " PIN, {.names = {"a", "b"}}, LEVEL_FINGERPRINT, 2, 1, .pins = true},
    {"a encrypt\nb verify", {.names = {"a", "b"}}, LEVEL_VERIFY, 2, .chain = true},
    {"a verify\nb secure", {.names = {"a", "b"}}, LEVEL_SECURE, 2, .chain = true},
    {"a secure\nb reject", {.names = {"a", "b"}}, LEVEL_REJECT, .line = 2},
    /* fingerprint meets verify: both */
    {"a fingerprint " PIN "\nb verify",
     {.names = {"a", "b"}, .request = "a"},
     LEVEL_VERIFY,
     2,
     1,
     true,
     true},
    {"a verify\nb fingerprint " PIN, {.names = {"a", "b"}}, LEVEL_VERIFY, 1, 1, true, true},
    {"a fingerprint " PIN "\nb secure", {.names = {"a", "b"}}, LEVEL_SECURE, 2, 1, true, true},
    /* pins of every line hold, each line once */
    {"a verify " PIN "\nb verify " PIN2 "\n10.0.0.0/8 fingerprint " PIN,
     {.names = {"a", "b", "a"}, .request = "b", .address = "10.0.0.1"},
     LEVEL_VERIFY,
     2,
     3,
     true,
     true},
    /* at equal levels the request's own line */
    {"a verify\nb verify", {.names = {"a", "b"}, .request = "b"}, LEVEL_VERIFY, 2, .chain = true},
    {"a verify\nb verify", {.names = {"a", "b"}, .request = "a"}, LEVEL_VERIFY, 1, .chain = true},
    {"a verify\nb verify", {.names = {"b", "a"}}, LEVEL_VERIFY, 2, .chain = true},
    {"a verify\nb secure", {.names = {"b"}, .request = "a"}, LEVEL_SECURE, 2, .chain = true},
    /* testing demands nothing, so it cannot displace what does */
    {"a verify mode=testing\nb verify", {.names = {"b"}, .request = "a"}, LEVEL_VERIFY, 2, .chain = true},
    {"a secure mode=testing\nb encrypt", {.names = {"b"}, .request = "a"}, LEVEL_ENCRYPT, .line = 2},
    {"a reject mode=testing\nb verify", {.names = {"a", "b"}}, LEVEL_VERIFY, 2, .chain = true},
    {"a verify mode=testing " PIN "\nb verify", {.names = {"a", "b"}}, LEVEL_VERIFY, 2, .chain = true},
    {"a verify mode=testing\nb may", {.names = {"a", "b"}}, LEVEL_VERIFY, 1, .chain = true},
    {"a verify mode=testing\n* verify", {.names = {"a"}}, LEVEL_VERIFY, 1, .chain = true},
    /* ports belong to their lines */
    {"a:81 reject\na verify", {.names = {"a"}}, LEVEL_VERIFY, 2, .chain = true},
    {"a:81 reject\n*:* verify", {.names = {"a"}, .port = 81}, LEVEL_REJECT, .line = 1},
};

static void check_rows(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *r = &rows[i];
        struct policy_target t = target_of(&r->query);
        struct policy *p = parse(r->policy);
        struct policy_verdict v;

        if (!p)
            continue;
        policy_decide(p, &t, &v);
        if (v.level != r->level || (v.rule ? v.rule->line : 0) != r->line)
            fprintf(stderr, "row %zu: %s\n", i, r->policy);
        CHECK_INT(v.level, r->level);
        CHECK_INT(v.rule ? v.rule->line : 0, r->line);
        CHECK_INT(v.n_pinned, r->n_pinned);
        CHECK_INT(v.check_chain, r->chain);
        CHECK_INT(v.check_pins, r->pins);
        policy_unref(p);
    }
}

static void check_too_many_pins(void)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};
    struct policy_target t = {.names = names, .n_names = 8, .port = 80};
    struct policy *p =
        parse("a verify " PIN "\nb verify " PIN "\nc verify " PIN "\nd verify " PIN "\ne verify " PIN
              "\nf verify " PIN "\ng verify " PIN "\nh verify " PIN "\ni verify " PIN);
    struct policy_verdict v;

    policy_decide(p, &t, &v);
    CHECK(v.level == LEVEL_VERIFY && v.n_pinned == 8);
    t.n_names = 9;
    policy_decide(p, &t, &v);
    CHECK_INT(v.level, LEVEL_REJECT);
    policy_unref(p);
}

static const struct {
    const char *policy;
    struct query query;
    bool final;
} finals[] = {
    /* no line lists the port */
    {"* verify", {.port = 81}, true},
    {"*:* verify", {.port = 81}, false},
    /* a name decides */
    {"a none\n* verify", {.names = {"a"}}, true},
    {"a none\n* verify", {.names = {"b"}}, false},
    {"a verify", {.names = {"b"}}, true},
    {"a none\n10.0.0.0/8 verify", {.names = {"a"}, .address = "10.0.0.1"}, false},
    /* loopback */
    {"localhost none\n* verify", {.address = "127.0.0.1"}, true},
    {"localhost none\na verify", {.address = "::1"}, true},
    {"localhost none\n* verify", {.names = {"a"}, .address = "127.0.0.1"}, false},
    {"a verify", {.address = "127.0.0.1"}, false},
    /* another literal address */
    {"10.0.0.0/8 none\n* verify", {.address = "10.0.0.1"}, true},
    {"10.0.0.0/8 none\na verify", {.address = "10.0.0.1"}, false},
    {"10.0.0.0/8 none\na none\n* verify", {.address = "10.0.0.1"}, true},
    {"10.0.0.0/8 none\na:81 verify\n* verify", {.address = "10.0.0.1"}, true},
    {"10.0.0.0/8 may\n* verify", {.address = "10.0.0.1"}, false},
    {"* none", {.address = "10.0.0.1"}, true},
    {"a verify\n* none", {.address = "10.0.0.1"}, false},
    /* nothing matches the address */
    {"10.0.0.0/8 verify", {.address = "11.0.0.1"}, true},
    {"10.0.0.0/8 verify\na none", {.address = "11.0.0.1"}, false},
    {"10.0.0.0/8 verify\n*:81 none", {.address = "11.0.0.1"}, true},
    /* whom the request is for says more */
    {"p none proxy=yes", {.names = {"p"}}, false},
    {"p none proxy=yes", {.names = {"q"}}, true},
    {"p none proxy=yes\n10.0.0.0/8 none", {.address = "10.0.0.1"}, false},
    {"10.0.0.0/8 none proxy=yes", {.address = "10.0.0.1"}, false},
};

static void check_finals(void)
{
    for (size_t i = 0; i < sizeof(finals) / sizeof(finals[0]); i++) {
        struct policy_target t = target_of(&finals[i].query);
        struct policy *p = parse(finals[i].policy);

        if (!p)
            continue;
        if (policy_none_is_final(p, &t) != finals[i].final)
            fprintf(stderr, "final %zu: %s\n", i, finals[i].policy);
        CHECK_INT(policy_none_is_final(p, &t), finals[i].final);
        policy_unref(p);
    }
}

static void check_certain(void)
{
    static const struct {
        const char *policy, *names[3], *address;
        bool certain;
    } cases[] = {
        {"* verify", {"a", NULL}, "10.0.0.1", true},
        {"* verify", {NULL}, "10.0.0.1", true},
        {"* encrypt mode=testing", {NULL}, "10.0.0.1", true},
        {"localhost none\n* verify", {"a", NULL}, "10.0.0.1", true},
        {"localhost none\n* verify", {NULL}, "10.0.0.1", false}, /* Host may say localhost */
        {"localhost:81 none\n* verify", {NULL}, "10.0.0.1", true},
        {"a none\n* verify", {"a", "b", NULL}, "10.0.0.1", false},
        {"a none\n* verify", {"b", "c", NULL}, "10.0.0.1", true},
        {"a may\n* verify", {"a", NULL}, "10.0.0.1", false},
        {"a may\n10.0.0.1 encrypt", {"a", NULL}, "10.0.0.1", true},
        {"a reject\n* verify", {"a", NULL}, "10.0.0.1", false},
        {"* verify non-http=pass", {"a", NULL}, "10.0.0.1", false},
        {"* verify proxy=yes", {"a", NULL}, "10.0.0.1", false},
        {"a verify", {"b", NULL}, "10.0.0.1", false},
        {"a:81 verify", {NULL}, "10.0.0.1", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy *p = parse(cases[i].policy);
        const char *names[3];
        struct policy_target t = {.names = names, .port = 80};
        while (cases[i].names[t.n_names]) {
            names[t.n_names] = cases[i].names[t.n_names];
            t.n_names++;
        }
        CHECK(policy_parse_address(cases[i].address, &t.address));
        if (policy_tls_is_certain(p, &t) != cases[i].certain)
            fprintf(stderr, "certain %zu: %s\n", i, cases[i].policy);
        CHECK_INT(policy_tls_is_certain(p, &t), cases[i].certain);
        policy_unref(p);
    }
}

static void check_ports(void)
{
    struct policy *p = parse("a:1,631 none\n*:65535 verify");

    CHECK(policy_lists_port(p, 1) && policy_lists_port(p, 631) && policy_lists_port(p, 65535));
    CHECK(!policy_lists_port(p, 0) && !policy_lists_port(p, 80) && !policy_lists_port(p, 65534));
    policy_unref(p);
    p = parse("a:* none\n* verify");
    CHECK(policy_lists_port(p, 80) && policy_lists_port(p, 12345));
    policy_unref(p);
}

static void check_demands(void)
{
    static const struct {
        const char *policy;
        bool demands;
    } cases[] = {
        {"* none", false},
        {"* may", false},
        {"* encrypt", true},
        {"* none\na verify", true},
        {"* reject", true},
        {"* verify mode=testing", false},
        {"* may\na encrypt mode=testing\nb secure", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy *p = parse(cases[i].policy);

        CHECK_INT(policy_demands(p), cases[i].demands);
        policy_unref(p);
    }
    struct policy *p = policy_builtin();
    CHECK(policy_demands(p));
    policy_unref(p);
}

/* The origin's line is known even where another one decides. */
static void check_origin(void)
{
    struct policy *p = parse(PROXY "a encrypt implicit-port=8443 mode=testing\n");
    struct query q = {VIA, .origin = "a"};
    struct policy_target t = target_of(&q);
    struct policy_verdict v;

    policy_decide(p, &t, &v);
    CHECK(v.rule && v.rule->line == 1 && v.origin && v.origin->implicit_port == 8443);
    t.origin = "b";
    policy_decide(p, &t, &v);
    CHECK(v.rule && !v.origin);
    policy_unref(p);
}

static void check_no_address(void)
{
    struct policy *p = parse("::/0 reject\n* verify");
    struct policy_target t = {.request_name = "a", .no_address = true, .port = 80};
    struct policy_verdict v;

    policy_decide(p, &t, &v);
    CHECK_INT(v.level, LEVEL_VERIFY);
    t.no_address = false;
    policy_decide(p, &t, &v);
    CHECK_INT(v.level, LEVEL_REJECT);
    policy_unref(p);
}

int main(void)
{
    check_rows();
    check_too_many_pins();
    check_finals();
    check_certain();
    check_ports();
    check_demands();
    check_no_address();
    check_origin();
    return unit_done("policy_decide");
}
