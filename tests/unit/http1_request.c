/* SPDX-License-Identifier: MIT */
/* Request heads: what programs send, rows H230-H240 of odd clients among it. */
#include "shim/http1/head.h"

#include "tests/unit/http1_heads.h"
#include "tests/unit/unit.h"

struct kind_case {
    const char *head;
    enum http1_request_kind kind;
};

static const struct kind_case kinds[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", REQUEST_HTTP1},
    {"GET / HTTP/1.0\r\n\r\n", REQUEST_HTTP1},
    {"GET / HTTP/1.1\n\n", REQUEST_HTTP1},
    {"\r\n\n\r\nGET / HTTP/1.1\r\n\r\n", REQUEST_HTTP1},
    {"get  /a b\t HTTP/1.1 \t\r\n\r\n", REQUEST_HTTP1},
    {"GET\t/\tHTTP/1.1\r\n\r\n", REQUEST_HTTP1},
    {"GET /\xc3\xa4 HTTP/1.1\r\n\r\n", REQUEST_HTTP1},
    {"X-Y!~ * HTTP/1.9\r\n\r\n", REQUEST_HTTP1},
    {"GET / HTTP/1.1\r\nbad line\r\n\r\n", REQUEST_HTTP1},
    {"", REQUEST_PARTIAL},
    {"\r", REQUEST_PARTIAL},
    {"\r\n", REQUEST_PARTIAL},
    {"G", REQUEST_PARTIAL},
    {"GET /", REQUEST_PARTIAL},
    {"GET /\r", REQUEST_PARTIAL},
    {"GET / HTTP/1.1\r\n", REQUEST_PARTIAL},
    {"GET / HTTP/1.1\r\nHost: a\r\n\r", REQUEST_PARTIAL},
    {"GET /\r\n", REQUEST_OTHER},
    {"GET\r\n", REQUEST_OTHER},
    {"GET\n", REQUEST_OTHER},
    {"GET HTTP/1.1\r\n\r\n", REQUEST_OTHER},
    {"GET  HTTP/1.1\r\n\r\n", REQUEST_OTHER},
    {"GET /HTTP/1.1\r\n\r\n", REQUEST_OTHER},
    {"GET / HTTP/1.\r\n\r\n", REQUEST_OTHER},
    {"GET / HTTP/1.11\r\n\r\n", REQUEST_OTHER},
    {"GET / http/1.1\r\n\r\n", REQUEST_OTHER},
    {"GET / HTTP/2.0\r\n\r\n", REQUEST_OTHER},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", REQUEST_HTTP2},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\22\4", REQUEST_HTTP2},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n", REQUEST_PARTIAL},
    {"PRI * HTTP/2.0\r\n\r\nSX", REQUEST_OTHER},
    {"PRI * HTTP/2.0\r\nHost: a\r\n\r\n", REQUEST_OTHER},
    {"GET / \x01", REQUEST_OTHER},
    {"GET /\rx", REQUEST_OTHER},
    {"\rG", REQUEST_OTHER},
    {"\r\r\n", REQUEST_OTHER},
    {" GET / HTTP/1.1\r\n\r\n", REQUEST_OTHER},
    {":", REQUEST_OTHER},
    {"G(", REQUEST_OTHER},
    {"\x16\x03\x01", REQUEST_OTHER},
    {"\x80", REQUEST_OTHER},
    {"{\"a\":1}", REQUEST_OTHER},
    {"SSH-2.0-x\r\n", REQUEST_OTHER},
    {"EHLO a\r\n", REQUEST_OTHER},
};

/* What is said of a prefix stays said; a head is whole at its last byte and not before. */
static void test_kinds(void)
{
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct http1_request r;
        size_t len = strlen(kinds[i].head);
        enum http1_request_kind settled = REQUEST_PARTIAL;
        for (size_t n = 0; n <= len; n++) {
            enum http1_request_kind kind = http1_parse_request(unit_guarded(kinds[i].head, n), n, &r);
            CHECK(settled == REQUEST_PARTIAL || kind == settled);
            settled = kind;
        }
        CHECK_INT(settled, kinds[i].kind);
        if (settled == REQUEST_HTTP1)
            CHECK_INT(r.head_len, len);
        if (settled != (enum http1_request_kind)kinds[i].kind)
            fprintf(stderr, "  in \"%s\"\n", kinds[i].head);
    }
    struct http1_request r;
    CHECK_INT(http1_parse_request("\0", 1, &r), REQUEST_OTHER);
    CHECK_INT(http1_parse_request("GET /\0", 6, &r), REQUEST_OTHER);
}

static void test_parts(void)
{
    struct http1_request r;
    static const char head[] = "\r\nOPTIONS \t*  HTTP/1.1\r\nUpgrade: TLS/1.2\r\n\r\nGET";
    CHECK_INT(http1_parse_request(head, sizeof head - 1, &r), REQUEST_HTTP1);
    CHECK(http1_span_exactly(r.method, "OPTIONS") && http1_span_exactly(r.target, "*") && r.minor == 1);
    CHECK_INT(r.head_len, sizeof head - 4);
    CHECK(r.upgrade && !r.has_authority && !r.bad_authority && !r.close && r.framing == FRAMING_NONE);
    static const char old[] = "GET /a b HTTP/1.0\r\n\r\n";
    CHECK_INT(http1_parse_request(old, sizeof old - 1, &r), REQUEST_HTTP1);
    CHECK(http1_span_exactly(r.target, "/a b") && r.close && !r.upgrade && r.minor == 0);
    static const char kept[] = "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n";
    CHECK_INT(http1_parse_request(kept, sizeof kept - 1, &r), REQUEST_HTTP1);
    CHECK(!r.close);
}

static void test_too_large(void)
{
    static char big[HTTP1_HEAD_MAX + 100];
    struct http1_request r;
    memset(big, 'a', sizeof big);
    CHECK_INT(http1_parse_request(big, HTTP1_HEAD_MAX - 1, &r), REQUEST_PARTIAL);
    CHECK_INT(http1_parse_request(big, HTTP1_HEAD_MAX, &r), REQUEST_TOO_LARGE);
    CHECK_INT(http1_parse_request(big, sizeof big, &r), REQUEST_TOO_LARGE);
    big[HTTP1_HEAD_MAX] = '('; /* behind the limit nothing matters */
    CHECK_INT(http1_parse_request(big, sizeof big, &r), REQUEST_TOO_LARGE);
    memcpy(big, "GET / HTTP/1.1\r\nX: ", 19);
    CHECK_INT(http1_parse_request(big, sizeof big, &r), REQUEST_TOO_LARGE);
    memcpy(big + HTTP1_HEAD_MAX - 4, "\r\n\r\n", 4);
    CHECK_INT(http1_parse_request(big, sizeof big, &r), REQUEST_HTTP1);
    CHECK_INT(r.head_len, HTTP1_HEAD_MAX);
    memset(big, '\n', sizeof big);
    CHECK_INT(http1_parse_request(big, sizeof big, &r), REQUEST_TOO_LARGE);
}

enum name { NONE, GOOD, BAD };

struct authority_case {
    const char *head; /* without its blank line */
    enum name name;
    const char *authority;
    const char *flags; /* a: absolute-form, d: Host differs, s: https */
};

static const struct authority_case authorities[] = {
    {"GET / HTTP/1.1\r\nHost: A.example\r\n", GOOD, "a.example", ""},
    {"GET / HTTP/1.1\r\nHOST:a:80\r\n", GOOD, "a:80", ""},
    {"GET / HTTP/1.1\r\nhost:  a:8080 \r\n", GOOD, "a:8080", ""},
    {"GET / HTTP/1.1\r\nHost: [::1]:80\r\n", GOOD, "[::1]:80", ""},
    {"GET / HTTP/1.1\r\nHost: a.\r\n", GOOD, "a", ""},
    {"GET / HTTP/1.1\nHost: a\n", GOOD, "a", ""},
    {"GET / HTTP/1.1\r\nX: y\r\n z\r\nHost: a\r\n", GOOD, "a", ""},
    {"GET //b/c HTTP/1.1\r\nHost: a\r\n", GOOD, "a", ""},
    {"GET b HTTP/1.1\r\nHost: a\r\n", GOOD, "a", ""},
    {"GET 1http://b/ HTTP/1.1\r\nHost: a\r\n", GOOD, "a", ""},
    {"GET mailto:b HTTP/1.1\r\nHost: a\r\n", GOOD, "a", ""},
    {"GET / HTTP/1.0\r\n", NONE, "", ""},
    {"GET / HTTP/1.1\r\nHost:\r\n", NONE, "", ""},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n", BAD, "", ""},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost:\r\n", BAD, "", ""},
    {"GET / HTTP/1.1\r\nHost: a, b\r\n", BAD, "", ""},
    {"GET / HTTP/1.1\r\nHost: user@a\r\n", BAD, "", ""},
    {"GET / HTTP/1.1\r\nHost: a\nX: y\r\n", BAD, "", ""},
    {"GET / HTTP/1.1\r\nX: y\nHost: a\r\n", BAD, "", ""},
    {"GET / HTTP/1.1\r\nHost: a\r\n b\r\n", BAD, "", ""},
    {"GET / HTTP/1.1\r\nHost : a\r\n", BAD, "", ""},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost\t: b\r\n", BAD, "", ""},
    {"GET / HTTP/1.1\r\n Host: a\r\n", BAD, "", ""},
    {"GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n", BAD, "", ""},
    {"GET / HTTP/1.1\r\nHost: a\rHost: b\r\n", BAD, "", ""},
    {"GET http://b/x HTTP/1.1\r\nHost: b\r\n", GOOD, "b", "a"},
    {"GET http://b/x HTTP/1.1\r\nHost: b:80\r\n", GOOD, "b", "a"},
    {"GET HTTP://B:8080?x HTTP/1.1\r\nHost: b:8080\r\n", GOOD, "b:8080", "a"},
    {"GET http://b HTTP/1.1\r\n", GOOD, "b", "a"},
    {"GET http://b# HTTP/1.1\r\nHost:\r\n", GOOD, "b", "a"},
    {"GET http://b/ HTTP/1.1\r\nHost: a\r\n", GOOD, "b", "ad"},
    {"GET http://b:81/ HTTP/1.1\r\nHost: b\r\n", GOOD, "b:81", "ad"},
    {"GET http://b/ HTTP/1.1\r\nHost: b:81\r\n", GOOD, "b", "ad"},
    {"GET https://b/ HTTP/1.1\r\nHost: b:443\r\n", GOOD, "b", "as"},
    {"GET https://b/ HTTP/1.1\r\nHost: b:80\r\n", GOOD, "b", "ads"},
    {"GET http://[::1]/ HTTP/1.1\r\nHost: [0::1]\r\n", GOOD, "[::1]", "a"},
    {"GET http://b/ HTTP/1.1\r\nHost: a b\r\n", BAD, "", "a"},
    {"GET http://b/ HTTP/1.1\r\nHost: b\r\nHost: b\r\n", BAD, "", ""},
    {"GET http://u:p@b/ HTTP/1.1\r\nHost: b\r\n", BAD, "", "a"},
    {"GET http:///x HTTP/1.1\r\nHost: b\r\n", BAD, "", "a"},
    {"GET http:// HTTP/1.1\r\nHost: b\r\n", BAD, "", "a"},
    {"GET http://b c/ HTTP/1.1\r\nHost: b\r\n", BAD, "", "a"},
    {"GET http://b\\c/ HTTP/1.1\r\nHost: b\r\n", BAD, "", "a"},
    {"CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n", GOOD, "b:443", ""},
    {"CONNECT b:443 HTTP/1.1\r\nHost: b\r\n", GOOD, "b:443", ""},
    {"CONNECT b:443 HTTP/1.1\r\nHost: a:443\r\n", GOOD, "b:443", "d"},
    {"CONNECT b:443 HTTP/1.1\r\nHost: b:80\r\n", GOOD, "b:443", "d"},
    {"CONNECT b:443 HTTP/1.0\r\n", GOOD, "b:443", ""},
    {"CONNECT b HTTP/1.1\r\nHost: b\r\n", BAD, "", ""},
    {"CONNECT /x HTTP/1.1\r\nHost: b\r\n", BAD, "", ""},
};

static void check_authority(const struct authority_case *c)
{
    struct http1_request r;
    char head[256], flags[4], text[HTTP1_HOST_MAX + 9] = "";
    bool bare = !strstr(c->head, "\r\n");
    size_t len = (size_t)snprintf(head, sizeof head, "%s%s", c->head, bare ? "\n" : "\r\n");
    CHECK_INT(http1_parse_request(unit_guarded(head, len), len, &r), REQUEST_HTTP1);
    CHECK_INT(r.has_authority ? GOOD : r.bad_authority ? BAD : NONE, c->name);
    CHECK(!r.has_authority || !r.bad_authority);
    if (r.has_authority)
        CHECK(http1_format_authority(&r.authority, text, sizeof text) > 0);
    CHECK_STR(text, c->authority);
    snprintf(flags, sizeof flags, "%s%s%s", r.absolute_form ? "a" : "", r.host_differs ? "d" : "",
             r.https_target ? "s" : "");
    CHECK_STR(flags, c->flags);
    CHECK_INT(r.upgrade, strncmp(c->head, "CONNECT", 7) == 0);
}

static void test_authorities(void)
{
    for (size_t i = 0; i < COUNT(authorities); i++) {
        unsigned before = unit_failures;
        check_authority(&authorities[i]);
        if (unit_failures != before)
            fprintf(stderr, "  in \"%s\"\n", authorities[i].head);
    }
    char head[512];
    struct http1_request r;
    int len = snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: %0300d\r\n\r\n", 0);
    CHECK_INT(http1_parse_request(head, (size_t)len, &r), REQUEST_HTTP1);
    CHECK(r.bad_authority && !r.has_authority);
    static const char nul[] = "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n";
    CHECK_INT(http1_parse_request(nul, sizeof nul - 1, &r), REQUEST_HTTP1);
    CHECK(r.bad_authority && r.framing == FRAMING_UNKNOWN);
}

static void test_framing(void)
{
    static const struct {
        const char *head;
        enum http1_framing framing;
        uint64_t length;
    } cases[] = {
        {"POST / HTTP/1.1\r\n\r\n", FRAMING_NONE, 0},
        {"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", FRAMING_LENGTH, 5},
        {"POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n", FRAMING_LENGTH, 5},
        {"POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\n", FRAMING_LENGTH, 5},
        {"POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n", FRAMING_UNKNOWN, 0},
        {"POST / HTTP/1.1\r\nContent-Length: 0x5\r\n\r\n", FRAMING_UNKNOWN, 0},
        {"POST / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n", FRAMING_UNKNOWN, 0},
        {"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", FRAMING_UNKNOWN, 0},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", FRAMING_CHUNKED, 0},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n", FRAMING_CHUNKED, 0},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", FRAMING_UNKNOWN, 0},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", FRAMING_UNKNOWN, 0},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", FRAMING_UNKNOWN, 0},
        {"POST / HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n", FRAMING_UNKNOWN, 0},
        {"POST / HTTP/1.1\r\nTransfer-Encoding:\r\n chunked\r\n\r\n", FRAMING_UNKNOWN, 0},
        {"POST / HTTP/1.1\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n", FRAMING_UNKNOWN, 0},
        {"POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n", FRAMING_CHUNKED, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http1_request r;
        size_t len = strlen(cases[i].head);
        CHECK_INT(http1_parse_request(unit_guarded(cases[i].head, len), len, &r), REQUEST_HTTP1);
        CHECK_INT(r.framing, cases[i].framing);
        CHECK_INT(r.length, cases[i].length);
    }
}

int main(void)
{
    test_kinds();
    test_parts();
    test_too_large();
    test_authorities();
    test_framing();
    return unit_done("http1_request");
}
