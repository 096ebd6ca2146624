/* SPDX-License-Identifier: MIT */
/* The end of a head, its fields, and comma lists. */
#include "shim/http1/head.h"

#include "tests/unit/http1_heads.h"
#include "tests/unit/unit.h"

static ssize_t end_of(const char *text, size_t len, unsigned skip)
{
    return http1_head_end(unit_guarded(text, len), len, skip);
}

/* At every prefix: more is needed, until the head is whole; what follows does not matter. */
static void check_end(const char *text, unsigned skip, ssize_t want)
{
    size_t len = strlen(text);
    char *copy = unit_guarded(text, len);
    for (size_t n = 0; n <= len; n++) {
        ssize_t got = http1_head_end(copy, n, skip);
        CHECK_INT(got, want && n >= (size_t)want ? want : 0);
    }
}

static void test_end(void)
{
    check_end("A\r\n\r\nrest", 0, 5);
    check_end("A\n\nrest", 0, 3);
    check_end("A\r\n\nrest", 0, 4);
    check_end("A\n\r\nrest", 0, 4);
    check_end("A\r\nb: c\r\n\r\n", 0, 11);
    check_end("A\r\r\n\r\n", 0, 6);
    check_end("A\r\n\r", 0, 0);
    check_end("A\r\n \r\nb", 0, 0);
    check_end("\r\nA\r\n\r\n", 0, 2);
    check_end("\r\nA\r\n\r\n", 1, 7);
    check_end("\r\n\r\nA\r\n\r\n", 1, 4);
    check_end("\n\r\nA\r\n\r\n", 2, 8);
    check_end("\r\n\r\nA\n\n", 99, 7);
    check_end("A\r\n\r\n\r\n", 99, 5);
    for (size_t i = 0; i < COUNT(heads_101); i++)
        check_end(heads_101[i].head, 0, (ssize_t)strlen(heads_101[i].head));
}

static void test_end_limit(void)
{
    static char big[HTTP1_HEAD_MAX + 8];
    memset(big, 'a', sizeof big);
    CHECK_INT(end_of(big, HTTP1_HEAD_MAX - 1, 0), 0);
    CHECK_INT(end_of(big, HTTP1_HEAD_MAX, 0), -1);
    CHECK_INT(end_of(big, sizeof big, 0), -1);
    memcpy(big + HTTP1_HEAD_MAX - 4, "\r\n\r\n", 4);
    CHECK_INT(end_of(big, HTTP1_HEAD_MAX, 0), HTTP1_HEAD_MAX);
    CHECK_INT(end_of(big, sizeof big, 0), HTTP1_HEAD_MAX);
    memcpy(big + HTTP1_HEAD_MAX - 4, "a\r\n\r\n", 5);
    CHECK_INT(end_of(big, sizeof big, 0), -1);
    memset(big, '\n', sizeof big);
    CHECK_INT(end_of(big, sizeof big, 100000), -1);
    CHECK_INT(end_of(big, HTTP1_HEAD_MAX - 1, 100000), 0);
}

/* Writes the fields as "name=value;" for comparison. */
static const char *fields_of(const char *head)
{
    static char out[512];
    struct http1_span name, value;
    size_t len = strlen(head), cursor = 0, at = 0;
    char *copy = unit_guarded(head, len);
    while (http1_next_field(copy, len, &cursor, &name, &value))
        at += (size_t)snprintf(out + at, sizeof out - at, "%.*s=%.*s;", (int)name.len, name.at,
                               (int)value.len, value.at);
    out[at] = '\0';
    return out;
}

static void test_fields(void)
{
    CHECK_STR(fields_of("HTTP/1.1 200\r\na: b\r\nC:d\r\n\r\n"), "a=b;C=d;");
    CHECK_STR(fields_of("HTTP/1.1 200\na:\t b \t\nC:d: e\n\nx: y\n"), "a=b;C=d: e;");
    CHECK_STR(fields_of("\r\n\r\nHTTP/1.1 200\r\na:\r\n: b\r\n\r\n"), "a=;=b;");
    CHECK_STR(fields_of("HTTP/1.1 200\r\na: b\r\n\tc: d\r\ne:f\r\n\r\n"), "a=b\r\n\tc: d;e=f;");
    CHECK_STR(fields_of("HTTP/1.1 200\r\nno colon\r\n b: c\r\na : b\r\n\r\n"), "no colon\r\n b=c;a =b;");
    CHECK_STR(fields_of("HTTP/1.1 200\r\na: b"), "");
    CHECK_STR(fields_of("HTTP/1.1 200\r\n\r\na: b\r\n\r\n"), "");
    CHECK_STR(fields_of(""), "");
    CHECK_STR(fields_of("\r\n"), "");
}

static const char *members_of(const char *list)
{
    static char out[256];
    struct http1_span rest = {unit_guarded(list, strlen(list)), strlen(list)}, member;
    size_t at = 0;
    while (http1_next_member(&rest, &member))
        at += (size_t)snprintf(out + at, sizeof out - at, "[%.*s]", (int)member.len, member.at);
    out[at] = '\0';
    return out;
}

static void test_members(void)
{
    CHECK_STR(members_of("a"), "[a]");
    CHECK_STR(members_of(" a , b,c\t"), "[a][b][c]");
    CHECK_STR(members_of(",, a ,, ,b,"), "[a][b]");
    CHECK_STR(members_of(""), "");
    CHECK_STR(members_of(" , "), "");
    CHECK_STR(members_of("a b, c"), "[a b][c]");
}

static void test_span_is(void)
{
    struct http1_span s = {unit_guarded("Close", 5), 5};
    CHECK(http1_span_is(s, "close") && http1_span_is(s, "CLOSE"));
    CHECK(!http1_span_is(s, "clos") && !http1_span_is(s, "closed") && !http1_span_is(s, ""));
    CHECK(http1_span_exactly(s, "Close") && !http1_span_exactly(s, "close"));
    struct http1_span nul = {"a\0b", 3};
    CHECK(!http1_span_is(nul, "a"));
    struct http1_span at = {"@", 1}; /* 0x40 and 0x60 differ by the bit of the case alone */
    CHECK(!http1_span_is(at, "`"));
}

int main(void)
{
    test_end();
    test_end_limit();
    test_fields();
    test_members();
    test_span_is();
    return unit_done("http1_head");
}
