/* SPDX-License-Identifier: MIT */
/* Conversations, at every cut, and what may be concluded at their end. */
#include "tests/fuzz/http1_driver.h"
#include "tests/unit/http1_heads.h"
#include "tests/unit/unit.h"

#define TURNS 6

/* Turns begin with '>' (program) or '<' (server). The verdict: q request complete, r response complete, u
 * read until the connection ends, T tunnel, L lost, S surplus. */
struct conversation {
    const char *verdict;
    const char *turn[TURNS];
};

#define GET        "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK5        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define OK_CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"

static const struct conversation conversations[] = {
    {"qr", {NULL}},
    {"q", {">" GET}},
    {"qr", {">" GET, "<" OK5}},
    {"qr", {">" GET, "<" OK5, ">" GET, "<" OK_CHUNKED}},
    {"qr", {">GET / HTTP/1.1\r\nHost:"}}, /* held, not given */
    /* half a response: H172, H177, H186 */
    {"q", {">" GET, "<HTTP/1.1 200 OK\r\nContent-Le"}},
    {"q", {">" GET, "<HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"}},
    {"q", {">" GET, "<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"}},
    {"q", {">" GET, "<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"}},
    {"qr", {">" GET, "<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTrailer: x\r\n\r\n"}},
    /* H175 */
    {"qu", {">" GET, "<HTTP/1.1 200 OK\r\n\r\nall of this"}},
    {"qu", {">" GET, "<HTTP/1.0 200 OK\r\n\r\n"}},
    /* no body: H180 */
    {"qr", {">HEAD / HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"}},
    {"qr", {">HEAD / HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\n\r\n"}},
    {"qr", {">" GET, "<HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"}},
    {"qr", {">" GET, "<HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"}},
    {"qr", {">HEAD / HTTP/1.1\r\n\r\n" GET, "<HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" OK5}},
    {"qL", {">head / HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"}},
    /* interim responses wait for the final one */
    {"q", {">" GET, "<HTTP/1.1 100 Continue\r\n\r\n"}},
    {"q", {">" GET, "<HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"}},
    {"qr", {">" GET, "<HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 x\r\n\r\n" OK5}},
    /* request bodies */
    {"", {">POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhell"}},
    {"q", {">POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"}},
    {"q", {">POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello" GET}},
    {"qr", {">POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello\r\n" GET, "<" OK5 OK5}},
    {"", {">POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"}},
    {"q", {">POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nGET /\r\n00\r\nX: y\r\n\r\n"}},
    /* an answer before the request is complete */
    {"r", {">POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhe", "<" OK5}},
    {"qr", {">POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhe", "<" OK5, ">llo"}},
    /* pipelining */
    {"q", {">" GET GET, "<" OK5}},
    {"qr", {">" GET GET, "<" OK5 "\r\n" OK_CHUNKED}},
    {"qr", {">" GET GET, "<HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"}},
    {"q", {">" GET GET, "<HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhell"}},
    {"q", {">" GET GET GET, "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" OK5}},
    {"q", {">" GET GET, "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\nHTTP/1.1 2"}},
    /* empty lines: H089 */
    {"qr", {">" GET, "<\r\n\n\r\n" OK5 "\r\n\r\n\n"}},
    {"qr", {">\r\n\n" GET, "<" OK5}},
    {"qr", {"<\r\n"}},
    /* surplus: H087, H089, cupsd's second head after HEAD */
    {"qLS", {"<HTTP/1.1 200 OK\r\n\r\n"}},
    {"qLS", {"<x"}},
    {"qLS", {">" GET, "<" OK5 "x"}},
    {"qLS", {">" GET, "<" OK5 OK5}},
    {"qLS", {">" GET, "<" OK5 "\r\r\n"}},
    {"qLS",
     {">HEAD / HTTP/1.1\r\n\r\n",
      "<HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\n"}},
    {"qLS", {">" GET, "<HTTP/1.1 501 x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno" OK5}},
    {"qLS", {">" GET, "<" OK5 "x", ">" GET, "<" OK5}},
    /* out of step */
    {"qL", {">" GET, "<ICY 200 OK\r\n\r\n"}},
    {"qL", {">" GET, "<HTTP/2 200\r\n\r\n"}},
    {"qL", {">" GET, "<\rHTTP/1.1 200 OK\r\n\r\n"}},
    {"qL", {">" GET, "<HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"}},
    {"qL", {">" GET, "<HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n"}},
    {"qL", {">" GET, "<HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello"}},
    {"qL", {">" GET, "<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz"}},
    {"qL", {">" GET, "<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloo"}},
    {"L", {">POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" GET, "<" OK5}},
    {"L", {">POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz", "<" OK5}},
    {"L", {">\x16\x03\x01", "<\x16\x03\x03"}},
    {"L", {">" GET "\x16\x03\x01", "<" OK5}},
    {"L", {">GET /\r\n", "<hello"}},
    {"L", {">" GET, "<HTTP/1.1 200 OK\r\n\r\nabc", ">\x16"}},
    /* tolerated heads */
    {"qr", {">" GET, "<HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"}},
    {"qr", {">" GET, "<HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 5\r\n\r\nhello"}},
    {"qr", {">GET / HTTP/1.0\n\n", "<HTTP/1.0 200 OK\nContent-Length: 5\n\nhello"}},
    /* tunnels */
    {"T",
     {">GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n", "<HTTP/1.1 101 x\r\nUpgrade: x\r\n\r\n\1\2", ">\3\4", "<\5"}},
    {"T", {">CONNECT a:443 HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", ">\x16\x03"}},
    {"T", {">CONNECT a:443 HTTP/1.1\r\n\r\n", "<HTTP/1.1 100 x\r\n\r\nHTTP/1.1 299 OK\r\n\r\n"}},
    {"qr", {">CONNECT a:443 HTTP/1.1\r\n\r\n", "<HTTP/1.1 407 x\r\nContent-Length: 5\r\n\r\nhello"}},
    {"qr", {">GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n", "<" OK5}},
};

static const char *verdict(const struct http1_flow *f)
{
    static char out[8];
    bool request = f->lost ? f->out.state == BODY_DONE && !f->tunnel : http1_flow_request_complete(f);
    snprintf(out, sizeof out, "%s%s%s%s%s%s", request ? "q" : "", http1_flow_response_complete(f) ? "r" : "",
             http1_flow_until_close(f) ? "u" : "", f->tunnel ? "T" : "", f->lost ? "L" : "",
             f->surplus ? "S" : "");
    return out;
}

/* Each turn in two pieces, the first of `cut` bytes; SIZE_MAX: byte by byte. Uncut, each head is read. */
static void run(struct http1_driver *d, const struct conversation *c, size_t cut)
{
    driver_init(d);
    if (cut)
        driver_remember(d);
    for (unsigned i = 0; i < TURNS && c->turn[i]; i++) {
        size_t len = strlen(c->turn[i]) - 1, first = cut < len ? cut : len;
        char *bytes = malloc(len);
        memcpy(bytes, c->turn[i] + 1, len);
        for (size_t at = 0; cut == SIZE_MAX && at < len; at++)
            driver_feed(d, c->turn[i][0], bytes + at, 1);
        if (cut != SIZE_MAX) {
            driver_feed(d, c->turn[i][0], bytes, first);
            driver_feed(d, c->turn[i][0], bytes + first, len - first);
        }
        free(bytes);
    }
}

static void test_conversations(void)
{
    static struct http1_driver whole, cut;
    for (size_t i = 0; i < COUNT(conversations); i++) {
        const struct conversation *c = &conversations[i];
        unsigned before = unit_failures;
        run(&whole, c, 0);
        CHECK_STR(verdict(&whole.flow), c->verdict);
        for (size_t at = 1; at < 160; at++) {
            run(&cut, c, at);
            CHECK(driver_same(&whole, &cut));
        }
        run(&cut, c, SIZE_MAX);
        CHECK(driver_same(&whole, &cut));
        CHECK_STR(verdict(&cut.flow), c->verdict);
        if (unit_failures != before)
            fprintf(stderr, "  in conversation %zu\n", i);
    }
}

/* Lost responses do not hide request heads, whose authority must be seen; an unknown request does. */
static void test_heads_seen(void)
{
    static struct http1_driver d;
    driver_init(&d);
    driver_in(&d, "surplus", 7);
    driver_out(&d, GET GET, 2 * strlen(GET));
    CHECK(d.flow.lost && d.heads == 2 && d.held == 0);
    driver_init(&d);
    static const char post[] = "POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n" GET GET;
    driver_out(&d, post, sizeof post - 1);
    CHECK(d.flow.lost && d.heads == 1 && d.passed == sizeof post - 1);
    CHECK(!http1_flow_request_complete(&d.flow));
}

static void test_pending_limit(void)
{
    static struct http1_driver d;
    driver_init(&d);
    for (unsigned i = 0; i < FLOW_PENDING_MAX; i++)
        driver_out(&d, GET, strlen(GET));
    CHECK(!d.flow.lost);
    for (unsigned round = 0; round < 3 * FLOW_PENDING_MAX; round++) {
        driver_in(&d, OK5, strlen(OK5));
        driver_out(&d, GET, strlen(GET));
    }
    CHECK(!d.flow.lost && d.flow.count == FLOW_PENDING_MAX);
    driver_out(&d, GET, strlen(GET));
    CHECK(d.flow.lost && !d.flow.surplus && d.heads == 4 * FLOW_PENDING_MAX + 1);
}

/* Memory is asked for only while a head is in pieces, and without having read anything. */
static void test_memory(void)
{
    static char head[HTTP1_HEAD_MAX];
    struct http1_flow f;
    struct http1_request r;
    http1_flow_init(&f);
    CHECK_INT(http1_parse_request(GET, strlen(GET), &r), REQUEST_HTTP1);
    http1_flow_request_head(&f, &r);
    http1_flow_request_head(&f, &r);
    CHECK(http1_flow_in(&f, OK5, strlen(OK5) - 1) && http1_flow_head_idle(&f));
    CHECK(!http1_flow_in(&f, "oHTTP/1.1 ", 10));
    CHECK(f.in.left == 1 && f.in.state == BODY_LENGTH && f.count == 1 && http1_flow_head_idle(&f));
    f.in_head = head;
    CHECK(http1_flow_in(&f, "oHTTP/1.1 ", 10) && !http1_flow_head_idle(&f) && f.in_head_len == 9);
    CHECK(http1_flow_in(&f, "204 x\r\n\r\n", 9) && http1_flow_head_idle(&f));
    CHECK(http1_flow_response_complete(&f));
}

static void test_head_limit(void)
{
    static struct http1_driver d;
    static char big[HTTP1_HEAD_MAX];
    memset(big, 'x', sizeof big);
    memcpy(big, "HTTP/1.1 200 OK\r\nX: ", 20);
    driver_init(&d);
    driver_out(&d, GET, strlen(GET));
    driver_in(&d, big, sizeof big - 1);
    CHECK(!d.flow.lost && d.flow.in_head);
    driver_in(&d, "x", 1);
    CHECK(d.flow.lost && http1_flow_head_idle(&d.flow) && !d.flow.in_head);
    driver_init(&d);
    driver_out(&d, GET, strlen(GET));
    driver_in(&d, big, sizeof big);
    CHECK(d.flow.lost && d.loans == 0);
}

int main(void)
{
    test_conversations();
    test_heads_seen();
    test_pending_limit();
    test_memory();
    test_head_limit();
    return unit_done("http1_flow");
}
