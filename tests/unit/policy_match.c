/* SPDX-License-Identifier: MIT */
/* Destinations: what is accepted, what each matches, which make others useless. SECURITY rows A31 and A42. */
#include "policy/pattern.h"

#include "tests/unit/unit.h"

static struct arena arena;

static bool parse(const char *text, struct pattern *out, struct policy_diagnostics *diag)
{
    struct lex lex;
    struct lex_word w;
    size_t len = strlen(text);
    char *copy = arena_copy(&arena, text, len);

    memset(diag, 0, sizeof(*diag));
    lex_begin(&lex, copy, len);
    return lex_next(&lex, &w) && pattern_parse(out, &w, &arena, diag);
}

static struct pattern good(const char *text)
{
    static struct policy_diagnostics diag;
    struct pattern p = {0};

    if (!parse(text, &p, &diag))
        fprintf(stderr, "%s: %s\n", text, diag.errors[0].text);
    CHECK(diag.n_errors == 0);
    return p;
}

static void check_names(void)
{
    static const struct {
        const char *pattern, *name;
        bool matches;
    } rows[] = {
        {"example.org", "example.org", true},
        {"Example.ORG.", "example.org", true},
        {"example.org", "www.example.org", false},
        {"example.org", "example.orgx", false},
        {".example.org", "example.org", true},
        {".example.org", "a.b.example.org", true},
        {".example.org", "badexample.org", false},
        {".example.org", "org", false},
        {"*.example.org", "a.example.org", true},
        {"*.example.org", "a.b.example.org", true},
        {"*.example.org", "example.org", false},
        {"*.example.org", ".example.org", true}, /* no such name is ever asked for */
        {"printer-*.corp", "printer-1.corp", true},
        {"printer-*.corp", "printer-.corp", true},
        {"printer-*.corp", "printer-1.corp.evil", false},
        {"printer-?.corp", "printer-1.corp", true},
        {"printer-?.corp", "printer-12.corp", false},
        {"printer-?.corp", "printer-..corp", false},
        {"*a*b*", "xxaxxbxx", true},
        {"*a*b*", "xxbxxaxx", false},
        {"a*", "b", false},
        {"*x", "aaax", true},
        {"*", "anything.at.all", true},
        {"localhost", "localhost", true},
        {"LocalHost.", "app.localhost", true},
        {"localhost", "localhost.example.org", false},
        {"localhost", "mylocalhost", false},
        {"10.0.0.0/8", "10.0.0.1", false},
        {"xn--bcher-kva.example", "xn--bcher-kva.example", true},
        {"under_score.example", "under_score.example", true},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pattern p = good(rows[i].pattern);

        if (pattern_matches_name(&p, rows[i].name) != rows[i].matches)
            fprintf(stderr, "%s on %s\n", rows[i].pattern, rows[i].name);
        CHECK_INT(pattern_matches_name(&p, rows[i].name), rows[i].matches);
    }
}

static void check_addresses(void)
{
    static const struct {
        const char *pattern, *address;
        bool matches;
    } rows[] = {
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "::ffff:10.0.0.1", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.128/25", "192.0.2.200", true},
        {"192.0.2.128/25", "192.0.2.100", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"[::1]", "::1", true},
        {"[::1]", "::2", false},
        {"[2001:db8::/32]", "2001:db8:ffff::1", true},
        {"2001:db8::/32", "2001:db9::1", false},
        {"2001:db8::/32:631", "2001:db8::1", true},
        {"::/0", "2001:db8::1", true},
        {"::/0", "10.0.0.1", false},
        {"[::ffff:10.0.0.0/104]", "10.1.2.3", true},
        {"[::ffff:192.0.2.1]", "192.0.2.1", true},
        {"localhost", "127.255.0.1", true},
        {"localhost", "::1", true},
        {"localhost", "128.0.0.1", false},
        {"localhost", "::ffff:127.0.0.1", true},
        {"*", "10.0.0.1", false},
        {"example.org", "10.0.0.1", false},
        {"10.0.0.1/32", "10.0.0.1", true},
        {"[2001:DB8::1]", "2001:db8::1", true},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pattern p = good(rows[i].pattern);
        struct policy_address a;

        CHECK(policy_parse_address(rows[i].address, &a));
        if (pattern_matches_address(&p, &a) != rows[i].matches)
            fprintf(stderr, "%s on %s\n", rows[i].pattern, rows[i].address);
        CHECK_INT(pattern_matches_address(&p, &a), rows[i].matches);
    }
}

static void check_ports(void)
{
    struct pattern p = good("example.org");

    CHECK(pattern_has_port(&p, 80) && !pattern_has_port(&p, 8080) && p.n_ports == 1);
    p = good("example.org:1,65535,631");
    CHECK(pattern_has_port(&p, 65535) && pattern_has_port(&p, 1) && pattern_has_port(&p, 631));
    CHECK(!pattern_has_port(&p, 80));
    p = good("*:*");
    CHECK(p.all_ports && pattern_has_port(&p, 1));
    p = good("[::1]:8080");
    CHECK(pattern_has_port(&p, 8080) && !pattern_has_port(&p, 80));
}

static const struct {
    const char *text;
    unsigned column;
    const char *says;
} refused[] = {
    {"a:", 3, "a port is a number"},
    {"a:0", 3, "a port is a number"},
    {"a:65536", 3, "a port is a number"},
    {"a:80,", 6, "a port is a number"},
    {"a:80,,90", 6, "a port is a number"},
    {"a:80,80", 6, "listed twice"},
    {"a:80-90", 3, "no ranges"},
    {"a:+80", 3, "a port is a number"},
    {"a:*,80", 3, "a port is a number"},
    {":80", 1, "a name or '*' is missing"},
    {"::1", 1, "in brackets"},
    {"2001:db8::1", 1, "in brackets"},
    {"[::1", 1, "[address]:port"},
    {"[::1]x", 1, "[address]:port"},
    {"[]", 2, "not an IPv6 address"},
    {"[10.0.0.1]", 2, "not an IPv6 address"},
    {"[fe80::1%eth0]", 2, "not an IPv6 address"},
    {"[::1/129]", 6, "0 to 128"},
    {"[2001:db8::1/32]", 2, "behind its prefix"},
    {"10.0.0.1/8", 1, "behind its prefix"},
    {"10.0.0.0/33", 10, "0 to 32"},
    {"10.0.0.0/", 10, "0 to 32"},
    {"10.0.0.0/8x", 1, "not a name"},
    {"010.0.0.1", 1, "without leading zeros"},
    {"10.1", 1, "not an IPv4 address"},
    {"256.0.0.1", 1, "not an IPv4 address"},
    {"1.2.3.4.5", 1, "not an IPv4 address"},
    {"2130706433", 1, "not an IPv4 address"},
    {"10.0.0.*", 1, "matches names only"},
    {"1?.*", 1, "matches names only"},
    {"**", 1, "write one '*'"},
    {".", 1, "not a name"},
    {"..", 1, "not a name"},
    {".*.x", 1, "no wildcards"},
    {"a..b", 1, "not a name"},
    {"a b", 0, ""},
    {"http://example.org/", 1, "not a URL"},
    {"example.org/path", 1, "not a URL"},
    {"user@example.org", 1, "not a name"},
    {"b\xc3\xbc"
     "cher.example",
     2, "xn--"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example", 1, "not a name"},
};

static void check_refused(void)
{
    static struct policy_diagnostics diag;

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct pattern p = {0};

        if (!refused[i].column)
            continue;
        CHECK(!parse(refused[i].text, &p, &diag));
        CHECK_INT(diag.n_errors, 1);
        if (diag.errors[0].column != refused[i].column || !strstr(diag.errors[0].text, refused[i].says))
            fprintf(stderr, "%s: %u: %s\n", refused[i].text, diag.errors[0].column, diag.errors[0].text);
        CHECK_INT(diag.errors[0].column, refused[i].column);
        CHECK(strstr(diag.errors[0].text, refused[i].says));
    }
}

static void check_covers(void)
{
    static const struct {
        const char *wide, *narrow;
        bool covers;
    } rows[] = {
        {"*", "a.b", true},
        {"*", ".b", true},
        {"*", "*.b", true},
        {"*", "10.0.0.0/8", false},
        {"*", "localhost", false},
        {".b", "a.b", true},
        {".b", "b", true},
        {".b", ".a.b", true},
        {".b", "*.b", true},
        {".b", "x*.b", true},
        {".b", "*b", false},
        {"*.b", ".b", false},
        {"*b", ".b", true},
        {"*b", "*.b", true},
        {"*.b", "x-*.b", true},
        {"x-*.b", "*.b", false},
        {"?.b", "*.b", false},
        {"*.b", "?.b", true},
        {"?.b", "?.b", true},
        {"?.b", "a.b", true},
        {"a.b", ".b", false},
        {"a.b", "?.b", false},
        {"localhost", "localhost", true},
        {"localhost", "x.localhost", true},
        {"localhost", ".localhost", true},
        {"localhost", "*.localhost", true},
        {".localhost", "localhost", false},
        {"localhost", "127.0.0.1", true},
        {"localhost", "127.0.0.0/8", true},
        {"localhost", "126.0.0.0/7", false},
        {"localhost", "[::1]", true},
        {"127.0.0.0/8", "localhost", false},
        {"10.0.0.0/8", "10.1.0.0/16", true},
        {"10.1.0.0/16", "10.0.0.0/8", false},
        {"10.0.0.0/8", "11.0.0.0/16", false},
        {"::/0", "10.0.0.0/8", false},
        {"::/0", "2001:db8::/32", true},
        {"0.0.0.0/0", "[::ffff:1.2.3.4]", true},
        {"a.b", "*", false},
        {"10.0.0.0/8", "a", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pattern wide = good(rows[i].wide), narrow = good(rows[i].narrow);

        if (pattern_covers(&wide, &narrow) != rows[i].covers)
            fprintf(stderr, "%s over %s\n", rows[i].wide, rows[i].narrow);
        CHECK_INT(pattern_covers(&wide, &narrow), rows[i].covers);
    }
}

static void check_normalise(void)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"A.Example", "a.example"},
        {"a.example.", "a.example"},
        {"a.example..", ""},
        {"", ""},
        {".", ""},
        {".a", ""},
        {"a..b", ""},
        {"a b", ""},
        {"a\tb", ""},
        {"a:80", ""},
        {"a/b", ""},
        {"[::1]", ""},
        {"a%41", ""},
        {"_dmarc.a", "_dmarc.a"},
        {"*.a", ""},
        {"a\xc4\xb0", ""},
        {"1.2.3.4", "1.2.3.4"},
        {"a@b", ""},
        {"a,b", ""},
        {"-", "-"},
    };
    char name[POLICY_NAME_MAX + 1], text[300];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = strlen(rows[i].in);

        CHECK_INT(policy_normalise_name(unit_guarded(rows[i].in, len), len, name), rows[i].out[0] != 0);
        CHECK_STR(name, rows[i].out);
    }
    CHECK(!policy_normalise_name("a\0b", 3, name));
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 64 == 63 ? '.' : 'a';
    CHECK(policy_normalise_name(text, 253, name));
    CHECK_INT(strlen(name), 253);
    CHECK(!policy_normalise_name(text, 254, name));
    memset(text, 'a', sizeof(text));
    CHECK(policy_normalise_name(text, 63, name));
    CHECK(!policy_normalise_name(text, 64, name));
}

/* The worst glob for a matcher that goes back more than once. */
static void check_long_glob(void)
{
    char name[POLICY_NAME_MAX + 1];
    struct pattern p = good("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b");

    memset(name, 'a', POLICY_NAME_MAX);
    name[POLICY_NAME_MAX] = '\0';
    for (int i = 0; i < 1000; i++)
        CHECK(!pattern_matches_name(&p, name));
}

int main(void)
{
    check_names();
    check_addresses();
    check_ports();
    check_refused();
    check_covers();
    check_normalise();
    check_long_glob();
    arena_free(&arena);
    return unit_done("policy_match");
}
