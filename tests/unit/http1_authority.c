/* SPDX-License-Identifier: MIT */
#include "shim/http1/head.h"

#include "tests/unit/http1_heads.h"
#include "tests/unit/unit.h"

struct authority_case {
    const char *text, *host; /* host NULL: refused */
    enum http1_host_kind kind;
    unsigned port;
    const char *again; /* formatted */
};

#define L63 "a23456789012345678901234567890123456789012345678901234567890123"

static const struct authority_case cases[] = {
    {"a", "a", HOST_NAME, 0, "a"},
    {"API.Example", "api.example", HOST_NAME, 0, "api.example"},
    {"a:80", "a", HOST_NAME, 80, "a:80"},
    {"a:8080", "a", HOST_NAME, 8080, "a:8080"},
    {"a:65535", "a", HOST_NAME, 65535, "a:65535"},
    {"a:1", "a", HOST_NAME, 1, "a:1"},
    {"a.", "a", HOST_NAME, 0, "a"},
    {"a.b.:100", "a.b", HOST_NAME, 100, "a.b:100"},
    {"_x-y.a--b", "_x-y.a--b", HOST_NAME, 0, "_x-y.a--b"},
    {"1.2.3.4", "1.2.3.4", HOST_IPV4, 0, "1.2.3.4"},
    {"1.2.3.4:9", "1.2.3.4", HOST_IPV4, 9, "1.2.3.4:9"},
    {"1.2.3.4.", "1.2.3.4", HOST_IPV4, 0, "1.2.3.4"},
    {"1.2.3.example", "1.2.3.example", HOST_NAME, 0, "1.2.3.example"},
    {"3com", "3com", HOST_NAME, 0, "3com"},
    {"0xyz", "0xyz", HOST_NAME, 0, "0xyz"},
    {"[::1]", "::1", HOST_IPV6, 0, "[::1]"},
    {"[::1]:80", "::1", HOST_IPV6, 80, "[::1]:80"},
    {"[2001:DB8:0:0:0::1]:631", "2001:db8::1", HOST_IPV6, 631, "[2001:db8::1]:631"},
    {"[::ffff:1.2.3.4]", "::ffff:1.2.3.4", HOST_IPV6, 0, "[::ffff:1.2.3.4]"},
    {"[::]", "::", HOST_IPV6, 0, "[::]"},
    {L63 ".x", L63 ".x", HOST_NAME, 0, L63 ".x"},
    {"", NULL, 0, 0, NULL},
    {".", NULL, 0, 0, NULL},
    {"..", NULL, 0, 0, NULL},
    {"a..", NULL, 0, 0, NULL},
    {".a", NULL, 0, 0, NULL},
    {"a..b", NULL, 0, 0, NULL},
    {":80", NULL, 0, 0, NULL},
    {"a:", NULL, 0, 0, NULL},
    {"a:0", NULL, 0, 0, NULL},
    {"a:080", NULL, 0, 0, NULL},
    {"a:65536", NULL, 0, 0, NULL},
    {"a:99999", NULL, 0, 0, NULL},
    {"a:123456", NULL, 0, 0, NULL},
    {"a:80:80", NULL, 0, 0, NULL},
    {"a:+8", NULL, 0, 0, NULL},
    {"a:8x", NULL, 0, 0, NULL},
    {"a: 80", NULL, 0, 0, NULL},
    {"a b", NULL, 0, 0, NULL},
    {" a", NULL, 0, 0, NULL},
    {"a, b", NULL, 0, 0, NULL},
    {"a,b", NULL, 0, 0, NULL},
    {"user@a", NULL, 0, 0, NULL},
    {"user:pw@a", NULL, 0, 0, NULL},
    {"a/b", NULL, 0, 0, NULL},
    {"a%41", NULL, 0, 0, NULL},
    {"a\r\nX", NULL, 0, 0, NULL},
    {"\xc3\xa4.example", NULL, 0, 0, NULL},
    {"*.example", NULL, 0, 0, NULL},
    {"x" L63, NULL, 0, 0, NULL},
    {"1.2.3", NULL, 0, 0, NULL},
    {"1.2.3.4.5", NULL, 0, 0, NULL},
    {"1.2.3.256", NULL, 0, 0, NULL},
    {"1.2.3.04", NULL, 0, 0, NULL},
    {"127.1", NULL, 0, 0, NULL},
    {"2130706433", NULL, 0, 0, NULL},
    {"0x7f000001", NULL, 0, 0, NULL},
    {"127.0.0.0X1", NULL, 0, 0, NULL},
    {"a.1", NULL, 0, 0, NULL},
    {"::1", NULL, 0, 0, NULL},
    {"2001:db8::1", NULL, 0, 0, NULL},
    {"[::1", NULL, 0, 0, NULL},
    {"[", NULL, 0, 0, NULL},
    {"[]", NULL, 0, 0, NULL},
    {"[]:80", NULL, 0, 0, NULL},
    {"[::1]x", NULL, 0, 0, NULL},
    {"[::1]:", NULL, 0, 0, NULL},
    {"[::1]80", NULL, 0, 0, NULL},
    {"[::1]:0", NULL, 0, 0, NULL},
    {"[::1]]", NULL, 0, 0, NULL},
    {"[fe80::1%eth0]", NULL, 0, 0, NULL},
    {"[fe80::1%25eth0]", NULL, 0, 0, NULL},
    {"[1.2.3.4]", NULL, 0, 0, NULL},
    {"[v1.x]", NULL, 0, 0, NULL},
    {"[::1::]", NULL, 0, 0, NULL},
    {"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]", NULL, 0, 0, NULL},
    {"]", NULL, 0, 0, NULL},
};

static bool parse(const char *text, size_t len, struct http1_authority *a)
{
    return http1_parse_authority((struct http1_span){unit_guarded(text, len), len}, a);
}

static void test_cases(void)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct authority_case *c = &cases[i];
        struct http1_authority a, b;
        char out[HTTP1_HOST_MAX + 9];
        unsigned before = unit_failures;
        bool ok = parse(c->text, strlen(c->text), &a);
        CHECK_INT(ok, c->host != NULL);
        if (ok && c->host) {
            CHECK_STR(a.host, c->host);
            CHECK_INT(a.kind, c->kind);
            CHECK_INT(a.port, c->port);
            CHECK_INT(http1_format_authority(&a, out, sizeof out), strlen(c->again));
            CHECK_STR(out, c->again);
            CHECK(parse(out, strlen(out), &b) && b.port == a.port && b.kind == a.kind);
            CHECK_STR(b.host, a.host);
        }
        if (unit_failures != before)
            fprintf(stderr, "  in \"%s\"\n", c->text);
    }
}

static void test_lengths(void)
{
    char name[300];
    struct http1_authority a;
    for (size_t i = 0; i < sizeof name; i++)
        name[i] = i % 60 == 59 ? '.' : 'a';
    CHECK(parse(name, 253, &a) && strlen(a.host) == 253);
    CHECK(!parse(name, 254, &a));
    CHECK(!parse(name, 299, &a));
    name[253] = '.';
    CHECK(parse(name, 254, &a) && strlen(a.host) == 253);
    CHECK(!parse("a\0b", 3, &a));
    CHECK(!parse("[::1\0]", 6, &a));
    CHECK(!parse("a\0", 2, &a));
}

static void test_format(void)
{
    struct http1_authority a = {.host = "ab", .kind = HOST_NAME, .port = 80};
    char out[6] = "";
    CHECK_INT(http1_format_authority(&a, out, 6), 5);
    CHECK_STR(out, "ab:80");
    CHECK_INT(http1_format_authority(&a, out, 5), -1);
    CHECK_INT(http1_format_authority(&a, out, 0), -1);
    a.port = 0;
    CHECK_INT(http1_format_authority(&a, out, 3), 2);
    CHECK_STR(out, "ab");
    CHECK_INT(http1_format_authority(&a, out, 2), -1);
}

int main(void)
{
    test_cases();
    test_lengths();
    test_format();
    return unit_done("http1_authority");
}
