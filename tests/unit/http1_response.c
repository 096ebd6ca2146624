/* SPDX-License-Identifier: MIT */
/* Response heads, strictly and tolerantly. */
#include "shim/http1/head.h"

#include "tests/unit/http1_heads.h"
#include "tests/unit/unit.h"

static bool parse(const char *head, size_t len, struct http1_response *r)
{
    return http1_parse_response(unit_guarded(head, len), len, r);
}

static struct http1_span text_span(const char *text)
{
    return (struct http1_span){text, strlen(text)};
}

/* No strict prefix of a head is one. */
static void check_prefixes(const char *head)
{
    struct http1_response r;
    size_t len = strlen(head);
    char *copy = unit_guarded(head, len);
    for (size_t n = 0; n < len; n++) {
        CHECK(!http1_parse_response(copy, n, &r));
        CHECK(r.error != NULL);
    }
}

static void test_golden(void)
{
    struct http1_response r;
    for (size_t i = 0; i < COUNT(heads_101); i++) {
        const char *head = heads_101[i].head;
        CHECK(parse(head, strlen(head), &r));
        CHECK_INT(r.status, 101);
        CHECK_INT(r.minor, 1);
        CHECK(r.has_upgrade && !r.close && !r.error);
        CHECK_INT(http1_response_framing(&r, text_span("OPTIONS")), FRAMING_NONE);
        check_prefixes(head);
    }
    for (size_t i = 0; i < COUNT(heads_options); i++) {
        const char *head = heads_options[i].head;
        CHECK(parse(head, strlen(head), &r));
        CHECK(r.status == 200 && r.framing == FRAMING_LENGTH && r.length == 0 && !r.close);
        check_prefixes(head);
    }
    for (size_t i = 0; i < COUNT(heads_options_chunked); i++) {
        const char *head = heads_options_chunked[i].head;
        CHECK(parse(head, strlen(head), &r));
        CHECK(r.status == 200 && r.framing == FRAMING_CHUNKED && !r.close);
    }
    for (size_t i = 0; i < COUNT(heads_refusals); i++) {
        const char *head = heads_refusals[i].head;
        CHECK(parse(head, strlen(head), &r));
        CHECK_INT(r.status, heads_refusals[i].status);
        CHECK_INT(r.close, heads_refusals[i].close);
    }
}

struct status_case {
    const char *line; /* without its end */
    unsigned strict, tolerant;
};

static void test_status_line(void)
{
    static const struct status_case cases[] = {
        {"HTTP/1.1 200 OK", 200, 200},
        {"HTTP/1.1 200 ", 200, 200},
        {"HTTP/1.1 200", 200, 200},
        {"HTTP/1.0 204 a\tb", 204, 204},
        {"HTTP/1.1 101 \xc3\xa4ndern", 101, 101},
        {"HTTP/1.1 999 x", 999, 999},
        {"HTTP/1.1 099 x", 0, 0},
        {"HTTP/1.1 1010", 0, 0},
        {"HTTP/1.1 101x", 0, 0},
        {"HTTP/1.1 20", 0, 0},
        {"HTTP/1.1 2a0 OK", 0, 0},
        {"HTTP/1.1 +20 OK", 0, 0},
        {"HTTP/1.2 200 OK", 0, 200},
        {"HTTP/1.10 200 OK", 0, 0},
        {"HTTP/1.x 200 OK", 0, 0},
        {"HTTP/2 101", 0, 0},
        {"HTTP/2.0 200 OK", 0, 0},
        {"http/1.1 200 OK", 0, 0},
        {"HTTP/1.1  200 OK", 0, 200},
        {"HTTP/1.1\t200 OK", 0, 200},
        {"HTTP/1.1 200\tOK", 0, 200},
        {"HTTP/1.1200 OK", 0, 0},
        {"HTTP/1.1", 0, 0},
        {"HTTP/1.1 ", 0, 0},
        {"ICY 200 OK", 0, 0},
        {"ICY 101", 0, 0},
        {" HTTP/1.1 200 OK", 0, 0},
        {"HTTP/1.1 200 O\x01K", 0, 0},
        {"HTTP/1.1 200 O\x7fK", 0, 0},
        {"HTTP/1.1 200 O\rK", 0, 0},
        {"SSH-2.0-OpenSSH_9.2", 0, 0},
    };
    char head[128];
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http1_response r;
        size_t len = (size_t)snprintf(head, sizeof head, "%s\r\n\r\n", cases[i].line);
        CHECK_INT(parse(head, len, &r) ? r.status : 0, cases[i].strict);
        CHECK_INT(http1_read_response(unit_guarded(head, len), len, &r) ? r.status : 0, cases[i].tolerant);
    }
}

struct head_case {
    const char *head;
    bool strict, tolerant;
};

static void test_lines(void)
{
    static const struct head_case cases[] = {
        {"HTTP/1.1 200 OK\r\na: b\r\n\r\n", true, true},
        {"\r\nHTTP/1.1 200 OK\r\na: b\r\n\r\n", true, true},
        {"\r\n\r\nHTTP/1.1 200 OK\r\na: b\r\n\r\n", false, true},
        {"\nHTTP/1.1 200 OK\r\na: b\r\n\r\n", false, true},
        {"HTTP/1.1 200 OK\na: b\n\n", false, true},
        {"HTTP/1.1 200 OK\r\na: b\r\n\n", false, true},
        {"HTTP/1.1 200 OK\r\na: b\n\r\n", false, true},
        {"HTTP/1.1 200 OK\n\r\n", false, true},
        {"HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n", false, true},
        {"HTTP/1.1 200 OK\r\n a: b\r\n\r\n", false, false},
        {"HTTP/1.1 200 OK\r\na : b\r\n\r\n", false, false},
        {"HTTP/1.1 200 OK\r\na\r\n\r\n", false, false},
        {"HTTP/1.1 200 OK\r\n: b\r\n\r\n", false, false},
        {"HTTP/1.1 200 OK\r\na b: c\r\n\r\n", false, false},
        {"HTTP/1.1 200 OK\r\na\xe4: c\r\n\r\n", false, false},
        {"HTTP/1.1 200 OK\r\na(: c\r\n\r\n", false, false},
        {"HTTP/1.1 200 OK\r\na: b\rc\r\n\r\n", false, false},
        {"HTTP/1.1 200 OK\r\na: b\r\r\n\r\n", false, false},
        {"HTTP/1.1 200 OK\r\na: \x01\r\n\r\n", false, false},
        {"HTTP/1.1 200 OK\r\na: b\r\n c\x01\r\n\r\n", false, false},
        {"HTTP/1.1 200 OK\r\na: \x7f\r\n\r\n", false, false},
        {"HTTP/1.1 200 OK\r\na: \xff\tx\r\n\r\n", true, true},
        {"HTTP/1.1 200 OK\r\n!#$%&'*+-.^_`|~09azAZ: b\r\n\r\n", true, true},
        {"HTTP/1.1 200 OK\r\na: b\r\n\r\nx", false, true},
        {"HTTP/1.1 200 OK\r\na: b\r\n", false, false},
        {"HTTP/1.1 200 OK", false, false},
        {"\r\n", false, false},
        {"", false, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http1_response r;
        size_t len = strlen(cases[i].head);
        CHECK_INT(parse(cases[i].head, len, &r), cases[i].strict);
        CHECK((r.error == NULL) == cases[i].strict);
        CHECK_INT(http1_read_response(unit_guarded(cases[i].head, len), len, &r), cases[i].tolerant);
        CHECK((r.error == NULL) == cases[i].tolerant);
    }
    struct http1_response r;
    static const char nul[] = "HTTP/1.1 200 OK\r\na: b\0c\r\n\r\n",
                      nul_name[] = "HTTP/1.1 200 OK\r\na\0: b\r\n\r\n";
    CHECK(!parse(nul, sizeof nul - 1, &r));
    CHECK(!parse(nul_name, sizeof nul_name - 1, &r));
    CHECK(!http1_read_response(nul, sizeof nul - 1, &r));
}

static void test_field_count(void)
{
    static char head[HTTP1_HEAD_MAX];
    struct http1_response r;
    for (unsigned fields = HTTP1_FIELDS_MAX - 1; fields <= HTTP1_FIELDS_MAX + 1; fields++) {
        size_t at = (size_t)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n");
        for (unsigned i = 0; i < fields; i++)
            at += (size_t)snprintf(head + at, sizeof head - at, "x: y\r\n");
        at += (size_t)snprintf(head + at, sizeof head - at, "\r\n");
        CHECK_INT(parse(head, at, &r), fields <= HTTP1_FIELDS_MAX);
        CHECK(http1_read_response(head, at, &r));
    }
}

struct framing_case {
    const char *fields;
    enum http1_framing framing;
    uint64_t length;
    bool malformed; /* to the strict parser */
};

static const struct framing_case framings[] = {
    {"", FRAMING_CLOSE, 0, false},
    {"Content-Length: 5\r\n", FRAMING_LENGTH, 5, false},
    {"content-length:0\r\n", FRAMING_LENGTH, 0, false},
    {"Content-Length: 007\r\n", FRAMING_LENGTH, 7, false},
    {"Content-Length: 5, 5\r\n", FRAMING_LENGTH, 5, false},
    {"Content-Length: 5\t,5 ,\t05\r\n", FRAMING_LENGTH, 5, false},
    {"Content-Length: 5\r\nContent-Length: 5\r\n", FRAMING_LENGTH, 5, false},
    {"Content-Length: 18446744073709551615\r\n", FRAMING_LENGTH, UINT64_MAX, false},
    {"Content-Length: 18446744073709551616\r\n", FRAMING_UNKNOWN, 0, true},
    {"Content-Length: 99999999999999999999999999\r\n", FRAMING_UNKNOWN, 0, true},
    {"Content-Length: 5, 6\r\n", FRAMING_UNKNOWN, 0, true},
    {"Content-Length: 5\r\nContent-Length: 6\r\n", FRAMING_UNKNOWN, 0, true},
    {"Content-Length: x\r\nContent-Length: 6\r\n", FRAMING_UNKNOWN, 0, true},
    {"Content-Length: 6\r\nContent-Length:\r\n", FRAMING_UNKNOWN, 0, true},
    {"Content-Length: +5\r\n", FRAMING_UNKNOWN, 0, true},
    {"Content-Length: -5\r\n", FRAMING_UNKNOWN, 0, true},
    {"Content-Length: 0x5\r\n", FRAMING_UNKNOWN, 0, true},
    {"Content-Length: 5 5\r\n", FRAMING_UNKNOWN, 0, true},
    {"Content-Length: 5,\r\n", FRAMING_UNKNOWN, 0, true},
    {"Content-Length: ,5\r\n", FRAMING_UNKNOWN, 0, true},
    {"Content-Length: 5;\r\n", FRAMING_UNKNOWN, 0, true},
    {"Content-Length:\r\n", FRAMING_UNKNOWN, 0, true},
    {"Transfer-Encoding: chunked\r\n", FRAMING_CHUNKED, 0, false},
    {"Transfer-Encoding: CHUNKED\r\n", FRAMING_CHUNKED, 0, false},
    {"Transfer-Encoding: gzip, chunked\r\n", FRAMING_CHUNKED, 0, false},
    {"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", FRAMING_CHUNKED, 0, false},
    {"Transfer-Encoding: gzip\r\n", FRAMING_CLOSE, 0, false},
    {"Transfer-Encoding: xchunked\r\n", FRAMING_CLOSE, 0, false},
    {"Transfer-Encoding: chunked, gzip\r\n", FRAMING_UNKNOWN, 0, false},
    {"Transfer-Encoding: chunked, chunked\r\n", FRAMING_UNKNOWN, 0, false},
    {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", FRAMING_UNKNOWN, 0, false},
    {"Transfer-Encoding: chunked;q=1\r\n", FRAMING_UNKNOWN, 0, false},
    {"Transfer-Encoding: \"chunked\"\r\n", FRAMING_UNKNOWN, 0, false},
    {"Transfer-Encoding:\r\n", FRAMING_UNKNOWN, 0, false},
    {"Transfer-Encoding: ,\r\n", FRAMING_UNKNOWN, 0, false},
    {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", FRAMING_UNKNOWN, 0, false},
    {"Transfer-Encoding: gzip\r\nContent-Length: 5\r\n", FRAMING_UNKNOWN, 0, false},
};

static void test_framing(void)
{
    char head[256];
    for (size_t i = 0; i < COUNT(framings); i++) {
        const struct framing_case *c = &framings[i];
        struct http1_response strict, tolerant;
        size_t len = (size_t)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n%s\r\n", c->fields);
        CHECK_INT(parse(head, len, &strict), !c->malformed);
        CHECK_INT(strict.framing, c->framing);
        CHECK_INT(strict.length, c->length);
        CHECK(http1_read_response(head, len, &tolerant));
        CHECK_INT(tolerant.framing, c->framing);
        CHECK_INT(tolerant.length, c->length);
    }
}

/* RFC 9112 section 6.3 rules 1 and 2; HTTP/1.0 knows no transfer codings (section 6.1). */
static void test_framing_by_method(void)
{
    static const char get_head[] = "HTTP/1.1 %u x\r\nContent-Length: 5\r\n\r\n";
    static const struct {
        unsigned status;
        const char *method;
        enum http1_framing framing;
    } cases[] = {
        {200, "GET", FRAMING_LENGTH},   {200, "HEAD", FRAMING_NONE},      {404, "HEAD", FRAMING_NONE},
        {200, "head", FRAMING_LENGTH},  {204, "GET", FRAMING_NONE},       {304, "GET", FRAMING_NONE},
        {100, "GET", FRAMING_NONE},     {101, "OPTIONS", FRAMING_NONE},   {199, "GET", FRAMING_NONE},
        {200, "CONNECT", FRAMING_NONE}, {299, "CONNECT", FRAMING_NONE},   {407, "CONNECT", FRAMING_LENGTH},
        {205, "GET", FRAMING_LENGTH},   {300, "CONNECT", FRAMING_LENGTH},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http1_response r;
        char head[64];
        int len = snprintf(head, sizeof head, get_head, cases[i].status);
        CHECK(parse(head, (size_t)len, &r));
        CHECK_INT(http1_response_framing(&r, text_span(cases[i].method)), cases[i].framing);
    }
    struct http1_response r;
    static const char old[] = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    CHECK(parse(old, sizeof old - 1, &r));
    CHECK_INT(r.framing, FRAMING_UNKNOWN);
    static const char folded[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n chunked\r\n\r\n";
    CHECK(http1_read_response(folded, sizeof folded - 1, &r));
    CHECK_INT(r.framing, FRAMING_UNKNOWN);
}

static void test_close(void)
{
    static const struct {
        const char *head;
        bool close;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\n\r\n", false},
        {"HTTP/1.0 200 OK\r\n\r\n", true},
        {"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n", false},
        {"HTTP/1.0 200 OK\r\nConnection: Keep-Alive, close\r\n\r\n", true},
        {"HTTP/1.1 200 OK\r\nConnection: foo , Close\r\n\r\n", true},
        {"HTTP/1.1 200 OK\r\nConnection: foo\r\nConnection: close\r\n\r\n", true},
        {"HTTP/1.1 200 OK\r\nConnection: closed\r\n\r\n", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http1_response r;
        CHECK(parse(cases[i].head, strlen(cases[i].head), &r));
        CHECK_INT(r.close, cases[i].close);
    }
}

int main(void)
{
    test_golden();
    test_status_line();
    test_lines();
    test_field_count();
    test_framing();
    test_framing_by_method();
    test_close();
    return unit_done("http1_response");
}
