/* SPDX-License-Identifier: MIT */
/* What the honest server has to offer, one line a resource. */
#include "tests/origin/http.h"
#include "tests/origin/pattern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BYTES_MAX (1LL << 30)

static bool parse_size(const char *text, long long *out)
{
    char *end;

    *out = strtoll(text, &end, 10);
    return end != text && (*end == '\0' || *end == '?') && *out >= 0 && *out <= BYTES_MAX;
}

static void send_pattern(struct exchange *x, long long from, long long len)
{
    while (len > 0 && !x->failed && !x->no_body) {
        size_t piece = len < (long long)PATTERN_BLOCK ? (size_t)len : PATTERN_BLOCK;
        x->failed = !stream_write(x->c, pattern_at((unsigned long long)from), piece);
        from += (long long)piece;
        len -= (long long)piece;
    }
}

/* RFC 9110 §14: one range. 0: none, or more than one, which may be ignored; 1: [from, to]; -1: not
 * satisfiable */
static int parse_range(const struct head *h, long long size, long long *from, long long *to)
{
    char text[128], *end;
    const char *p = text + 6;

    if (!head_field(h, "Range", text, sizeof(text)) || strncmp(text, "bytes=", 6) != 0 || strchr(text, ','))
        return 0;
    *to = size - 1;
    if (*p == '-') {
        long long last = strtoll(p + 1, &end, 10);
        *from = last < size ? size - last : 0;
        return last > 0 && size > 0 ? 1 : -1;
    }
    *from = strtoll(p, &end, 10);
    if (end == p || *end != '-')
        return 0;
    if (end[1]) {
        long long last = strtoll(end + 1, NULL, 10);
        *to = last < *to ? last : *to;
    }
    return *from < size && *from <= *to ? 1 : -1;
}

static void get_bytes(struct exchange *x)
{
    long long size, from = 0, to;
    char extra[128] = "Accept-Ranges: bytes\r\n";
    int ranged;

    if (!parse_size(x->path, &size)) {
        http_text(x, 400, "", "bytes/N: N is 0 to 1073741824\n");
        return;
    }
    ranged = parse_range(x->head, size, &from, &to);
    if (ranged < 0) {
        snprintf(extra, sizeof(extra), "Content-Range: bytes */%lld\r\n", size);
        http_text(x, 416, extra, "");
        return;
    }
    if (ranged > 0)
        snprintf(extra, sizeof(extra), "Content-Range: bytes %lld-%lld/%lld\r\n", from, to, size);
    else
        to = size - 1;
    size = to - from + 1;
    http_reply(x, ranged ? 206 : 200, "application/octet-stream", size, extra,
               size <= 8192 ? pattern_at((unsigned long long)from) : NULL);
    if (size > 8192)
        send_pattern(x, from, size);
}

static void get_eof(struct exchange *x)
{
    long long size;

    if (!parse_size(x->path, &size)) {
        http_text(x, 400, "", "eof/N: N is 0 to 1073741824\n");
        return;
    }
    x->keep = false;
    http_reply(x, 200, "application/octet-stream", -1, "", NULL);
    send_pattern(x, 0, size);
}

static void get_chunked(struct exchange *x)
{
    long long size, at = 0;
    char line[32];

    if (x->head->minor == 0 || !parse_size(x->path, &size)) {
        get_eof(x);
        return;
    }
    http_reply(x, 200, "application/octet-stream", -1, "Transfer-Encoding: chunked\r\n", NULL);
    while (at < size && !x->failed && !x->no_body) {
        long long piece = size - at < 65536 ? size - at : 65536;
        snprintf(line, sizeof(line), "%llx\r\n", (unsigned long long)piece);
        x->failed = !stream_puts(x->c, line);
        send_pattern(x, at, piece);
        x->failed = x->failed || !stream_puts(x->c, "\r\n");
        at += piece;
    }
    if (!x->failed && !x->no_body)
        x->failed = !stream_puts(x->c, "0\r\n\r\n");
}

static void echo(struct exchange *x)
{
    http_reply(x, 200, "application/octet-stream", (long long)x->body_len, "",
               x->body ? x->body : (void *)"");
}

static void get_slow(struct exchange *x)
{
    stream_sleep(strtol(x->path, NULL, 10));
    http_text(x, 200, "", "slow\n");
}

static void get_status(struct exchange *x)
{
    int status = (int)strtol(x->path, NULL, 10);

    if (status < 200 || status > 599)
        http_text(x, 400, "", "status/NNN: NNN is 200 to 599\n");
    else if (status == 204 || status == 304)
        http_reply(x, status, NULL, -1, "", NULL);
    else
        http_text(x, status, "", "status\n");
}

static void get_headers(struct exchange *x)
{
    http_reply(x, 200, "text/plain", (long long)x->head->len, "", x->head->raw);
}

static void get_redirect(struct exchange *x)
{
    char extra[4096];

    if (snprintf(extra, sizeof(extra), "Location: %s\r\n", x->path) >= (int)sizeof(extra))
        http_text(x, 400, "", "redirect?to=URL: URL is too long\n");
    else
        http_text(x, 302, extra, "");
}

static void get_root(struct exchange *x)
{
    static const char page[] = "<!DOCTYPE html>\n<title>origin</title>\n<p>It works.</p>\n";

    http_reply(x, 200, "text/html", sizeof(page) - 1, "", page);
}

static void options(struct exchange *x)
{
    http_reply(x, 200, NULL, 0, "Allow: GET, HEAD, POST, PUT, OPTIONS\r\n", NULL);
}

static const struct {
    const char *prefix;
    bool whole; /* the path is all of it */
    void (*answer)(struct exchange *x);
} resources[] = {
    {"/bytes/", false, get_bytes},   {"/chunked/", false, get_chunked},
    {"/eof/", false, get_eof},       {"/slow/", false, get_slow},
    {"/status/", false, get_status}, {"/redirect?to=", false, get_redirect},
    {"/headers", true, get_headers}, {"/echo", true, echo},
    {"/files/", false, get_file},    {"/", true, get_root},
};

/* RFC 9112 §3.2.2: a server accepts the absolute form */
static const char *path_of(const char *target)
{
    const char *slash;

    if (strncasecmp(target, "http://", 7) != 0 && strncasecmp(target, "https://", 8) != 0)
        return target;
    slash = strchr(strchr(target, ':') + 3, '/');
    return slash ? slash : "/";
}

void resource_answer(struct exchange *x)
{
    const char *path = path_of(x->head->target);

    if (strcmp(x->head->method, "OPTIONS") == 0) {
        options(x);
        return;
    }
    for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
        size_t n = strlen(resources[i].prefix);
        bool match = resources[i].whole
                         ? strncmp(path, resources[i].prefix, n) == 0 && (path[n] == '\0' || path[n] == '?')
                         : strncmp(path, resources[i].prefix, n) == 0;
        if (match) {
            x->path = path + n;
            resources[i].answer(x);
            return;
        }
    }
    http_text(x, 404, "", "not found\n");
}
