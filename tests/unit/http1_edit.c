/* SPDX-License-Identifier: MIT */
/* Edited request heads: what goes, what comes, and that the rest stays byte for byte. */
#include "shim/http1/edit.h"

#include "tests/unit/unit.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])
#define ALL          (EDIT_PROXY_FIELDS | EDIT_TARGET | EDIT_H2C)

struct edit_case {
    unsigned edits;
    const char *head, *edited; /* without the blank line, which ends as the last line does */
};

static const struct edit_case cases[] = {
    /* what names nothing is left alone, whatever it looks like */
    {ALL, "\r\n\nget  /a b\t HTTP/1.1 \t\r\nHOST:a\nX:  y\t\r\nz: \r\n w\r\n",
     "\r\n\nget  /a b\t HTTP/1.1 \t\r\nHOST:a\nX:  y\t\r\nz: \r\n w\r\n"},
    {ALL, "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: keep-alive,,Upgrade\r\n",
     "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: keep-alive,,Upgrade\r\n"},
    {ALL, "GET / HTTP/1.1\r\nX-Proxy-A: b\r\nproxy: c\r\n", "GET / HTTP/1.1\r\nX-Proxy-A: b\r\nproxy: c\r\n"},
    {0, "GET http://a/ HTTP/1.1\r\nProxy-Authorization: x\r\nUpgrade: h2c\r\n",
     "GET http://a/ HTTP/1.1\r\nProxy-Authorization: x\r\nUpgrade: h2c\r\n"},
    /* the proxy's fields */
    {EDIT_PROXY_FIELDS,
     "GET / HTTP/1.1\r\nproxy-authorization: Basic eDp5\r\nHost: a\r\nProxy-Connection: keep-alive\r\n"
     "PROXY-X: y\r\n z\r\nAccept: *\r\n",
     "GET / HTTP/1.1\r\nHost: a\r\nAccept: *\r\n"},
    {EDIT_PROXY_FIELDS, "GET / HTTP/1.1\r\nConnection: Proxy-Authorization , close\r\nHost: a\r\n",
     "GET / HTTP/1.1\r\nConnection: close\r\nHost: a\r\n"},
    {EDIT_PROXY_FIELDS, "GET / HTTP/1.1\nConnection:proxy-authorization\nHost: a\n",
     "GET / HTTP/1.1\nHost: a\n"},
    /* the target */
    {EDIT_TARGET, "GET http://a.example/b?c#d HTTP/1.1\r\nHost: a.example\r\n",
     "GET /b?c#d HTTP/1.1\r\nHost: a.example\r\n"},
    {EDIT_TARGET, "GET \t HTTP://A.example:8080/  HTTP/1.0\r\nHost: a.example:8080\r\n",
     "GET \t /  HTTP/1.0\r\nHost: a.example:8080\r\n"},
    {EDIT_TARGET, "GET http://a HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nHost: a\r\n"},
    {EDIT_TARGET, "GET http://a?b=/c HTTP/1.1\r\nHost: a\r\n", "GET /?b=/c HTTP/1.1\r\nHost: a\r\n"},
    {EDIT_TARGET, "GET http://[::1]:81//x HTTP/1.1\r\nHost: [::1]:81\r\n",
     "GET //x HTTP/1.1\r\nHost: [::1]:81\r\n"},
    {EDIT_TARGET, "OPTIONS http://a HTTP/1.1\r\nHost: a\r\n", "OPTIONS * HTTP/1.1\r\nHost: a\r\n"},
    {EDIT_TARGET, "OPTIONS http://a/ HTTP/1.1\r\nHost: a\r\n", "OPTIONS / HTTP/1.1\r\nHost: a\r\n"},
    {EDIT_TARGET, "OPTIONS http://a?b HTTP/1.1\r\nHost: a\r\n", "OPTIONS /?b HTTP/1.1\r\nHost: a\r\n"},
    {EDIT_TARGET, "options http://a HTTP/1.1\r\nHost: a\r\n", "options / HTTP/1.1\r\nHost: a\r\n"},
    {EDIT_TARGET, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n"},
    /* whose Host it is */
    {EDIT_TARGET, "GET http://a:8080/ HTTP/1.0\r\nX: y\r\n", "GET / HTTP/1.0\r\nHost: a:8080\r\nX: y\r\n"},
    {EDIT_TARGET, "GET http://a/ HTTP/1.0\nX: y\n", "GET / HTTP/1.0\nHost: a\nX: y\n"},
    {EDIT_TARGET, "GET http://a/ HTTP/1.1\r\nX: y\r\nHost:\r\nZ:\r\n",
     "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nZ:\r\n"},
    {EDIT_TARGET, "GET http://a/ HTTP/1.1\r\nhost: b\r\n", "GET / HTTP/1.1\r\nHost: a\r\n"},
    {EDIT_TARGET, "GET http://a/ HTTP/1.1\r\nHost: A:80\r\n", "GET / HTTP/1.1\r\nHost: A:80\r\n"},
    {EDIT_TARGET, "GET http://a:81/ HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nHost: a:81\r\n"},
    {EDIT_TARGET, "GET / HTTP/1.0\r\nX: y\r\n", "GET / HTTP/1.0\r\nX: y\r\n"},
    /* h2c */
    {EDIT_H2C,
     "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
     "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
     "GET / HTTP/1.1\r\nHost: a\r\n"},
    {EDIT_H2C,
     "GET / HTTP/1.1\r\nConnection: keep-alive, upgrade , http2-settings\r\nUpgrade: H2C, websocket\r\n"
     "HTTP2-Settings: A\r\nX: y\r\n",
     "GET / HTTP/1.1\r\nConnection: keep-alive, upgrade\r\nUpgrade: websocket\r\nX: y\r\n"},
    {EDIT_H2C, "GET / HTTP/1.1\nUpgrade: h2c\nUpgrade: websocket\nConnection: Upgrade\n",
     "GET / HTTP/1.1\nUpgrade: websocket\nConnection: Upgrade\n"},
    {EDIT_H2C, "GET / HTTP/1.1\r\nUpgrade: websocket,\r\n h2c\r\nConnection: a,\r\n HTTP2-Settings\r\n",
     "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: a\r\n"},
    /* nothing but a fold is no member, and a fold before a line end would end the head */
    {EDIT_H2C, "GET / HTTP/1.1\r\nUpgrade: h2c,\r\n \r\nConnection: Upgrade\r\nX: y\r\n",
     "GET / HTTP/1.1\r\nX: y\r\n"},
    {EDIT_H2C, "GET / HTTP/1.1\r\nUpgrade: h2c, websocket\r\n \r\nX: y\r\n",
     "GET / HTTP/1.1\r\nUpgrade: websocket\r\nX: y\r\n"},
    {EDIT_H2C, "GET / HTTP/1.1\nUpgrade: h2c, a\n b,\n\t,\n c\nX: y\n",
     "GET / HTTP/1.1\nUpgrade: a\n b, c\nX: y\n"},
    {EDIT_H2C, "GET / HTTP/1.1\r\nUpgrade: h2c2, h2\r\nConnection: Upgrade\r\n",
     "GET / HTTP/1.1\r\nUpgrade: h2c2, h2\r\nConnection: Upgrade\r\n"},
    {EDIT_PROXY_FIELDS | EDIT_TARGET, "GET http://a/ HTTP/1.1\r\nUpgrade: h2c\r\nProxy-A: b\r\n",
     "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n"},
    {ALL,
     "POST http://a/ HTTP/1.1\r\nProxy-A: b\r\nConnection: upgrade,proxy-a\r\nUpgrade: h2c\r\n"
     "Content-Length: 3\r\n",
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"},
};

/* The head with its blank line, and a byte of the body. */
static size_t complete(char *out, const char *head)
{
    size_t len = strlen(head);
    memcpy(out, head, len);
    bool crlf = len > 1 && head[len - 2] == '\r';
    memcpy(out + len, crlf ? "\r\n" : "\n", crlf ? 2 : 1);
    return len + (crlf ? 2 : 1);
}

static void test_cases(void)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        char head[512], want[512], got[1024] = "";
        size_t len = complete(head, cases[i].head), n = complete(want, cases[i].edited);
        struct http1_request r;
        const char *guarded = unit_guarded(head, len);
        CHECK_INT(http1_parse_request(guarded, len, &r), REQUEST_HTTP1);
        CHECK_INT(http1_edit_request(guarded, &r, cases[i].edits, got, sizeof got), n);
        CHECK(memcmp(got, want, n) == 0);
        if (memcmp(got, want, n) != 0)
            fprintf(stderr, "  \"%s\" became \"%.*s\"\n", cases[i].head, (int)n, got);
        for (size_t cap = 0; cap < n; cap++)
            CHECK_INT(http1_edit_request(guarded, &r, cases[i].edits, got, cap), 0);
    }
}

/* The largest head with the longest name still fits where the header says. */
static void test_room(void)
{
    static char head[HTTP1_HEAD_MAX], out[HTTP1_HEAD_MAX + HTTP1_EDIT_MORE];
    struct http1_request r;
    memset(head, 'x', sizeof head);
    memcpy(head, "GET http://", 11);
    for (size_t i = 0; i < HTTP1_HOST_MAX; i++)
        head[11 + i] = i % 50 == 49 ? '.' : 'a';
    memcpy(head + 11 + HTTP1_HOST_MAX, ":65535 HTTP/1.0\r\nX: ", 20);
    memcpy(head + sizeof head - 4, "\r\n\r\n", 4);
    CHECK_INT(http1_parse_request(head, sizeof head, &r), REQUEST_HTTP1);
    CHECK(r.has_authority);
    CHECK_INT(http1_edit_request(head, &r, ALL, out, r.head_len + HTTP1_EDIT_MORE),
              sizeof head - strlen("http://:65535") - HTTP1_HOST_MAX + strlen("/Host: :65535\r\n") +
                  HTTP1_HOST_MAX);
}

int main(void)
{
    test_cases();
    test_room();
    return unit_done("http1_edit");
}
