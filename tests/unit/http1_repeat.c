/* SPDX-License-Identifier: MIT */
/* A head that is the last one is not read again, and any other is. What was remembered is falsified here, to
 * see which of the two it was. */
#include "shim/http1/flow.h"

#include "tests/unit/unit.h"

#define GET "GET /a HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"
#define OK  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"

static void test_request(void)
{
    static struct http1_last_request last;
    struct http1_request r;
    size_t len = sizeof GET - 1;
    const char *first = unit_guarded(GET, len), *body = unit_guarded(GET "body", len + 4);
    CHECK_INT(http1_repeat_request(&last, first, len, &r), REQUEST_HTTP1);
    CHECK(r.target.at == first + 4 && r.target.len == 2 && r.head_len == len);
    last.said.minor = 9;
    CHECK_INT(http1_repeat_request(&last, body, len + 4, &r), REQUEST_HTTP1);
    CHECK(r.minor == 9 && r.method.at == body && r.target.at == body + 4 && r.head_len == len);
    CHECK_STR(r.authority.host, "a");
    CHECK_INT(http1_repeat_request(&last, first, len - 1, &r), REQUEST_PARTIAL);
    CHECK_INT(http1_repeat_request(&last, first, len, &r), REQUEST_HTTP1);
    CHECK_INT(r.minor, 9);
}

/* One byte makes another head, wherever it is. */
static void test_other_request(void)
{
    static const char chars[] = "gA \n";
    for (size_t at = 0; at < sizeof GET - 1; at++) {
        static struct http1_last_request last;
        struct http1_request r, fresh;
        char other[] = GET;
        last.head.len = 0;
        http1_repeat_request(&last, GET, sizeof GET - 1, &r);
        last.said.minor = 9;
        other[at] = chars[at % (sizeof chars - 1)];
        if (strcmp(other, GET) == 0)
            continue;
        enum http1_request_kind kind = http1_repeat_request(&last, other, sizeof other - 1, &r);
        CHECK_INT(kind, http1_parse_request(other, sizeof other - 1, &fresh));
        CHECK(kind != REQUEST_HTTP1 || r.minor == fresh.minor);
    }
}

static void test_long_request(void)
{
    static struct http1_last_request last;
    static char big[HTTP1_REPEAT_MAX + sizeof GET];
    struct http1_request r;
    CHECK_INT(http1_repeat_request(&last, GET, sizeof GET - 1, &r), REQUEST_HTTP1);
    int len = snprintf(big, sizeof big, "GET / HTTP/1.1\r\nX: %0*d\r\n\r\n", (int)HTTP1_REPEAT_MAX, 1);
    CHECK_INT(http1_repeat_request(&last, big, (size_t)len, &r), REQUEST_HTTP1);
    CHECK(r.head_len == (size_t)len && last.head.len == 0);
    CHECK_INT(http1_repeat_request(&last, GET, sizeof GET - 1, &r), REQUEST_HTTP1);
    CHECK(r.has_authority && last.head.len == sizeof GET - 1);
}

/* GET, and OK with a body of two bytes, of which `said` is remembered; how many bytes of it were read? */
static uint64_t left_after(struct http1_last_response *last, const char *head)
{
    struct http1_flow f;
    struct http1_request r;
    http1_flow_init(&f);
    f.last = last;
    http1_parse_request(GET, sizeof GET - 1, &r);
    http1_flow_request_head(&f, &r);
    CHECK(http1_flow_in(&f, head, strlen(head)) && !f.lost);
    return f.in.left;
}

static void test_response(void)
{
    static struct http1_last_response last;
    CHECK_INT(left_after(&last, OK), 2);
    last.said.length = 7;
    CHECK_INT(left_after(&last, OK), 7);
    CHECK_INT(left_after(&last, OK "x"), 6);
    CHECK_INT(left_after(&last, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"), 3);
    CHECK_INT(left_after(&last, OK), 2);
    CHECK_INT(left_after(&last, "HTTP/1.1 100 Continue\r\n\r\n" OK), 2);
}

int main(void)
{
    test_request();
    test_other_request();
    test_long_request();
    test_response();
    return unit_done("http1_repeat");
}
