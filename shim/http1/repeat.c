/* SPDX-License-Identifier: MIT */
#include "shim/http1/repeat.h"

#include <string.h>

static bool begins_with(const struct http1_kept *head, const char *buf, size_t len)
{
    return head->len && len >= head->len && memcmp(head->at, buf, head->len) == 0;
}

/* False: it is too long, and nothing is kept. */
static bool keep(struct http1_kept *head, const char *at, size_t len)
{
    head->len = len <= sizeof head->at ? len : 0;
    memcpy(head->at, at, head->len);
    return head->len > 0;
}

/* The same span of the same bytes elsewhere. */
static struct http1_span moved(struct http1_span s, const char *from, const char *to)
{
    return (struct http1_span){to + (s.at - from), s.len};
}

static void move(struct http1_request *r, const char *from, const char *to)
{
    r->method = moved(r->method, from, to);
    r->target = moved(r->target, from, to);
}

enum http1_request_kind http1_repeat_request(struct http1_last_request *last, const char *buf, size_t len,
                                             struct http1_request *out)
{
    if (begins_with(&last->head, buf, len)) {
        *out = last->said;
        move(out, last->head.at, buf);
        return REQUEST_HTTP1;
    }
    enum http1_request_kind kind = http1_parse_request(buf, len, out);
    if (kind == REQUEST_HTTP1 && keep(&last->head, buf, out->head_len)) {
        last->said = *out;
        move(&last->said, buf, last->head.at);
    }
    return kind;
}

size_t http1_repeats_response(const struct http1_last_response *last, const char *buf, size_t len)
{
    return begins_with(&last->head, buf, len) ? last->head.len : 0;
}

void http1_keep_response(struct http1_last_response *last, const char *head, size_t len,
                         const struct http1_response *said)
{
    if (keep(&last->head, head, len))
        last->said = *said;
}
