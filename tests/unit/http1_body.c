/* SPDX-License-Identifier: MIT */
/* Where bodies end, and the dropped one. */
#include "shim/http1/body.h"

#include "shim/http1/drop.h"
#include "tests/unit/http1_heads.h"
#include "tests/unit/unit.h"

struct body_case {
    const char *bytes; /* what belongs to the body ends at '|', or at the end if it is not done there */
    enum http1_body_state state;
};

static const struct body_case chunked[] = {
    {"5\r\nhello\r\n0\r\n\r\n|HTTP", BODY_DONE},
    {"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n|", BODY_DONE},
    {"00005\r\nhello\r\n000\r\n\r\n|", BODY_DONE},
    {"5;x\r\nhello\r\n0;y=\"z;\"\r\n\r\n|", BODY_DONE},
    {"5 \t\r\nhello\r\n0 ; x = y\r\n\r\n|", BODY_DONE},
    {"0\r\nA: b\r\nC: d\r\n\r\n|x", BODY_DONE},
    {"0\r\nA: b\r\n c\r\n\r\n|x", BODY_DONE},
    {"5\nhello\n0\n\n|", BODY_DONE},
    {"0\nA: b\n\r\n|", BODY_DONE},
    {"5\r\nhello\n0\r\nx\n\n|", BODY_DONE},
    {"5\r\n\r\n\r\n\r\n\r\n0\r\n\r\n|", BODY_BROKEN},
    {"3\r\n\r\n\r\r\n0\r\n\r\n|", BODY_DONE},
    {"ffffffffffffffff\r\nx", BODY_CHUNK},
    {"FFFFFFFFFFFFFFFF\r\nx", BODY_CHUNK},
    {"0ffffffffffffffff", BODY_BROKEN},
    {"10000000000000000", BODY_BROKEN},
    {"00000000000000000", BODY_BROKEN},
    {"", BODY_SIZE},
    {"5", BODY_SIZE_MORE},
    {"5\r\nhello", BODY_CHUNK_END},
    {"5\r\nhello\r\n", BODY_SIZE},
    {"0\r\n", BODY_TRAILER},
    {"0\r\n\r", BODY_TRAILER_LF},
    {"0\r\nA", BODY_TRAILER_MORE},
    {"H", BODY_BROKEN},
    {"g", BODY_BROKEN},
    {"\r", BODY_BROKEN},
    {"\n", BODY_BROKEN},
    {" ", BODY_BROKEN},
    {";", BODY_BROKEN},
    {"-", BODY_BROKEN},
    {"+5", BODY_BROKEN},
    {"0x", BODY_BROKEN},
    {"5h", BODY_BROKEN},
    {"5 5", BODY_BROKEN},
    {"5\rx", BODY_BROKEN},
    {"5\r\r", BODY_BROKEN},
    {"5;x\n", BODY_BROKEN},
    {"5;x\x01", BODY_BROKEN},
    {"5;\rx", BODY_BROKEN},
    {"5\r\nhello0", BODY_BROKEN},
    {"5\r\nhello\rx", BODY_BROKEN},
    {"0\r\n\rx", BODY_BROKEN},
};

static void check_chunked(const struct body_case *c)
{
    char bytes[128];
    size_t len = 0, end = SIZE_MAX;
    for (const char *p = c->bytes; *p; p++) {
        if (*p == '|')
            end = len;
        else
            bytes[len++] = *p;
    }
    char *copy = unit_guarded(bytes, len);
    for (size_t cut = 0; cut <= len; cut++) {
        struct http1_body b;
        http1_body_begin(&b, FRAMING_CHUNKED, 0);
        size_t n = http1_body_feed(&b, copy, cut);
        n += http1_body_feed(&b, copy + n, len - n);
        CHECK_INT(b.state, c->state);
        if (c->state != BODY_BROKEN)
            CHECK_INT(n, end == SIZE_MAX ? len : end);
    }
    struct http1_body b;
    size_t n = 0;
    http1_body_begin(&b, FRAMING_CHUNKED, 0);
    for (size_t i = 0; i < len; i++)
        n += http1_body_feed(&b, copy + i, 1);
    CHECK_INT(b.state, c->state);
    if (c->state == BODY_DONE)
        CHECK_INT(n, end);
}

static void test_chunked(void)
{
    for (size_t i = 0; i < COUNT(chunked); i++) {
        unsigned before = unit_failures;
        check_chunked(&chunked[i]);
        if (unit_failures != before)
            fprintf(stderr, "  in \"%s\"\n", chunked[i].bytes);
    }
}

static void test_plain(void)
{
    struct http1_body b;
    http1_body_begin(&b, FRAMING_NONE, 7);
    CHECK_INT(b.state, BODY_DONE);
    CHECK_INT(http1_body_feed(&b, "x", 1), 0);
    http1_body_begin(&b, FRAMING_LENGTH, 0);
    CHECK_INT(b.state, BODY_DONE);
    http1_body_begin(&b, FRAMING_LENGTH, 3);
    CHECK_INT(http1_body_feed(&b, "ab", 2), 2);
    CHECK_INT(b.state, BODY_LENGTH);
    CHECK_INT(http1_body_feed(&b, "cd", 2), 1);
    CHECK_INT(b.state, BODY_DONE);
    http1_body_begin(&b, FRAMING_LENGTH, UINT64_MAX);
    CHECK_INT(http1_body_feed(&b, "cd", 2), 2);
    CHECK(b.left == UINT64_MAX - 2);
    http1_body_begin(&b, FRAMING_CLOSE, 0);
    CHECK_INT(http1_body_feed(&b, "cd", 2), 2);
    CHECK_INT(b.state, BODY_ENDLESS);
    http1_body_begin(&b, FRAMING_UNKNOWN, 0);
    CHECK_INT(b.state, BODY_BROKEN);
    CHECK_INT(http1_body_feed(&b, "cd", 2), 0);
}

/* Chunk lines and trailers are bounded, each for itself. */
static void test_line_limit(void)
{
    static char big[HTTP1_BODY_LINE_MAX + 2];
    struct http1_body b;
    memset(big, 'a', sizeof big);
    http1_body_begin(&b, FRAMING_CHUNKED, 0);
    CHECK_INT(http1_body_feed(&b, "0;", 2), 2);
    CHECK_INT(http1_body_feed(&b, big, HTTP1_BODY_LINE_MAX - 2), HTTP1_BODY_LINE_MAX - 2);
    CHECK_INT(b.state, BODY_EXTENSION);
    http1_body_feed(&b, "a", 1);
    CHECK_INT(b.state, BODY_BROKEN);
    http1_body_begin(&b, FRAMING_CHUNKED, 0);
    http1_body_feed(&b, "0\r\n", 3);
    for (unsigned i = 0; i < HTTP1_BODY_LINE_MAX / 4; i++)
        http1_body_feed(&b, "a:\r\n", 4);
    CHECK_INT(b.state, BODY_TRAILER);
    http1_body_feed(&b, "\r", 1);
    CHECK_INT(b.state, BODY_BROKEN);
}

static void begin_drop(struct http1_drop *d, const char *head)
{
    struct http1_response r;
    CHECK(http1_parse_response(head, strlen(head), &r));
    http1_drop_init(d, &r);
}

#define CHUNKED   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define LENGTH(n) "HTTP/1.1 404 Not Found\r\nContent-Length: " #n "\r\n\r\n"

static size_t feed(struct http1_drop *d, const char *text)
{
    return http1_drop_feed(d, unit_guarded(text, strlen(text)), strlen(text));
}

static void test_drop_golden(void)
{
    struct http1_drop d;
    for (size_t i = 0; i < COUNT(heads_options); i++) {
        begin_drop(&d, heads_options[i].head);
        CHECK(http1_drop_done(&d) && !http1_drop_optional(&d) && !http1_drop_failed(&d));
        CHECK_INT(feed(&d, "HTTP/1.1 200 OK\r\n\r\n"), 0);
    }
    for (size_t i = 0; i < COUNT(heads_options_chunked); i++) {
        begin_drop(&d, heads_options_chunked[i].head);
        CHECK(!http1_drop_done(&d) && http1_drop_optional(&d) && !http1_drop_failed(&d));
        CHECK_INT(feed(&d, ""), 0);
        CHECK(http1_drop_optional(&d));
        CHECK_INT(feed(&d, "HTTP/1.1 200 OK\r\n\r\n"), 0);
        CHECK(http1_drop_done(&d) && !http1_drop_optional(&d));
    }
}

static void test_drop(void)
{
    struct http1_drop d;
    begin_drop(&d, CHUNKED);
    CHECK_INT(feed(&d, "5"), 1);
    CHECK(!http1_drop_optional(&d) && !http1_drop_done(&d));
    CHECK_INT(feed(&d, "\r\nhello\r\n"), 9);
    CHECK(!http1_drop_optional(&d) && !http1_drop_done(&d));
    CHECK_INT(feed(&d, "0\r\n\r\nHTTP/1.1"), 5);
    CHECK(http1_drop_done(&d));
    begin_drop(&d, CHUNKED);
    feed(&d, "5\r\nhello\r\nHTTP/1.1 200");
    CHECK(http1_drop_failed(&d) && !http1_drop_done(&d));
    begin_drop(&d, CHUNKED);
    feed(&d, "x");
    CHECK(http1_drop_failed(&d) && !http1_drop_optional(&d));
    begin_drop(&d, LENGTH(5));
    CHECK(!http1_drop_done(&d) && !http1_drop_optional(&d));
    CHECK_INT(feed(&d, "Hel"), 3);
    CHECK_INT(feed(&d, "loHTTP"), 2);
    CHECK(http1_drop_done(&d));
    begin_drop(&d, "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n");
    CHECK(http1_drop_done(&d));
    begin_drop(&d, "HTTP/1.1 200 OK\r\n\r\n");
    CHECK(http1_drop_failed(&d));
    begin_drop(&d, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n");
    CHECK(http1_drop_failed(&d));
}

static void test_drop_limit(void)
{
    static char big[HTTP1_DROP_MAX + 1];
    struct http1_drop d;
    memset(big, 'a', sizeof big);
    begin_drop(&d, LENGTH(65537));
    CHECK(http1_drop_failed(&d));
    begin_drop(&d, LENGTH(65536));
    CHECK_INT(http1_drop_feed(&d, big, sizeof big), HTTP1_DROP_MAX);
    CHECK(http1_drop_done(&d));
    begin_drop(&d, CHUNKED);
    CHECK_INT(feed(&d, "10000\r\n"), 7);
    CHECK_INT(http1_drop_feed(&d, big, HTTP1_DROP_MAX - 7), HTTP1_DROP_MAX - 7);
    CHECK(!http1_drop_failed(&d));
    CHECK_INT(http1_drop_feed(&d, big, 1), 0);
    CHECK(http1_drop_failed(&d) && !http1_drop_done(&d));
}

int main(void)
{
    test_chunked();
    test_plain();
    test_line_limit();
    test_drop_golden();
    test_drop();
    test_drop_limit();
    return unit_done("http1_body");
}
