/* SPDX-License-Identifier: MIT */
#include "tests/origin/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define BODY_MAX ((size_t)1 << 30)

/* ---- answers ---- */

static const char *reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } table[] = {{200, "OK"},
                 {204, "No Content"},
                 {206, "Partial Content"},
                 {302, "Found"},
                 {304, "Not Modified"},
                 {400, "Bad Request"},
                 {404, "Not Found"},
                 {416, "Range Not Satisfiable"},
                 {426, "Upgrade Required"},
                 {500, "Server Error"},
                 {501, "Not Implemented"}};

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].status == status)
            return table[i].text;
    return "Status";
}

static int format_head(const struct exchange *x, char *out, size_t size, int status, const char *type,
                       long long length, const char *extra)
{
    char date[64], type_line[128] = "", length_line[64] = "";
    time_t now = time(NULL);
    struct tm tm;

    gmtime_r(&now, &tm);
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (type)
        snprintf(type_line, sizeof(type_line), "Content-Type: %s\r\n", type);
    if (length >= 0)
        snprintf(length_line, sizeof(length_line), "Content-Length: %lld\r\n", length);
    return snprintf(out, size, "HTTP/1.1 %d %s\r\nDate: %s\r\nServer: origin\r\n%s%s%sConnection: %s\r\n\r\n",
                    status, reason(status), date, type_line, length_line, extra,
                    x->keep ? "keep-alive" : "close");
}

void http_reply(struct exchange *x, int status, const char *type, long long length, const char *extra,
                const void *body)
{
    char text[16384];
    size_t n = (size_t)format_head(x, text, sizeof(text), status, type, length, extra);
    size_t body_len = body && !x->no_body ? (size_t)length : 0;

    if (n >= sizeof(text)) {
        x->failed = true;
        return;
    }
    if (body_len > 0 && n + body_len <= sizeof(text)) {
        memcpy(text + n, body, body_len);
        n += body_len;
        body_len = 0;
    }
    x->failed = !stream_write(x->c, text, n) || (body_len > 0 && !stream_write(x->c, body, body_len));
}

void http_text(struct exchange *x, int status, const char *extra, const char *text)
{
    http_reply(x, status, "text/plain", (long long)strlen(text), extra, text);
}

/* ---- request bodies ---- */

static bool append(struct exchange *x, size_t more)
{
    unsigned char *grown;

    if (more > BODY_MAX - x->body_len || !(grown = realloc(x->body, x->body_len + more + 1)))
        return false;
    x->body = grown;
    while (more > 0) {
        ssize_t n = stream_read(x->c, x->body + x->body_len, more);
        if (n <= 0)
            return false;
        x->body_len += (size_t)n;
        more -= (size_t)n;
    }
    return true;
}

static bool read_line(struct conn *c, char *out, size_t size)
{
    struct ahead *a = stream_ahead(c);
    size_t at = 0;

    while (at + 1 < size && (a->at < a->end || stream_fill(c))) {
        out[at] = (char)a->data[a->at++];
        if (out[at] == '\n') {
            out[at] = '\0';
            return true;
        }
        at++;
    }
    return false;
}

/* RFC 9112 §7.1 */
static bool read_chunks(struct exchange *x)
{
    char line[1024], *end;

    for (;;) {
        unsigned long long size;
        if (!read_line(x->c, line, sizeof(line)))
            return false;
        size = strtoull(line, &end, 16);
        if (end == line)
            return false;
        if (size == 0)
            break;
        if (!append(x, (size_t)size) || !read_line(x->c, line, sizeof(line)))
            return false;
    }
    do {
        if (!read_line(x->c, line, sizeof(line)))
            return false;
    } while (strcmp(line, "\r") != 0 && line[0] != '\0');
    return true;
}

bool http_read_body(struct exchange *x)
{
    bool chunked = head_has(x->head, "Transfer-Encoding", "chunked", false);
    char text[64];
    unsigned long long length = 0;

    if (!chunked && head_field(x->head, "Content-Length", text, sizeof(text)))
        length = strtoull(text, NULL, 10);
    if (!chunked && length == 0)
        return true;
    if (head_has(x->head, "Expect", "100-continue", false) && x->head->minor > 0 &&
        !stream_puts(x->c, "HTTP/1.1 100 Continue\r\n\r\n"))
        return false;
    return chunked ? read_chunks(x) : append(x, (size_t)length);
}

/* ---- the loop ---- */

/* RFC 9112 §9.3; HTTP/1.0 clients such as ab ask for keep-alive by name */
static bool wants_keep(const struct head *h)
{
    if (head_has(h, "Connection", "close", false))
        return false;
    return h->minor > 0 || head_has(h, "Connection", "keep-alive", false);
}

static bool exchange_one(struct conn *c, const struct head *h)
{
    struct exchange x = {.c = c, .head = h, .keep = wants_keep(h)};
    char host[256];

    head_field(h, "Host", host, sizeof(host));
    journal_event(c->id, "request %s %s %s tls=%d host=%s", h->method, h->target, h->version, c->ssl != NULL,
                  host[0] ? host : "-");
    x.no_body = strcasecmp(h->method, "HEAD") == 0;
    if (http_read_body(&x))
        resource_answer(&x);
    else
        x.failed = true;
    free(x.body);
    return x.keep && !x.failed;
}

/* Somebody begins with TLS where HTTP is spoken: servers in the field answer that with 400. */
static bool speaks_http(struct conn *c)
{
    const struct ahead *a = stream_ahead(c);

    if (a->at == a->end && !stream_fill(c))
        return false;
    if (a->data[a->at] >= ' ' || a->data[a->at] == '\r' || a->data[a->at] == '\n')
        return true;
    journal_event(c->id, "not-http %02x", a->data[a->at]);
    stream_puts(c, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    return false;
}

bool http_serve(struct conn *c, const struct honest *honest, bool may_upgrade, long limit)
{
    long served = 0;
    struct head h;

    while (!stream_stopping() && speaks_http(c) && head_read(c, &h)) {
        bool go_on;
        if (!c->ssl && may_upgrade && !honest->no_upgrade && upgrade_wanted(&h))
            go_on = upgrade_do(c, honest);
        else
            go_on = exchange_one(c, &h);
        head_free(&h);
        if (!go_on)
            return false;
        if (limit > 0 && ++served == limit)
            return true;
    }
    return false;
}
