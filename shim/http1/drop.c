/* SPDX-License-Identifier: MIT */
#include "shim/http1/drop.h"

void http1_drop_init(struct http1_drop *d, const struct http1_response *r)
{
    struct http1_span options = {"OPTIONS", sizeof "OPTIONS" - 1};
    enum http1_framing framing = http1_response_framing(r, options);
    *d = (struct http1_drop){0};
    if (framing == FRAMING_CLOSE || (framing == FRAMING_LENGTH && r->length > HTTP1_DROP_MAX))
        framing = FRAMING_UNKNOWN;
    http1_body_begin(&d->body, framing, r->length);
}

size_t http1_drop_feed(struct http1_drop *d, const char *buf, size_t len)
{
    if (len && http1_drop_optional(d) && buf[0] == 'H') {
        d->body.state = BODY_DONE;
        return 0;
    }
    size_t room = HTTP1_DROP_MAX - d->dropped;
    size_t n = http1_body_feed(&d->body, buf, len < room ? len : room);
    d->dropped += n;
    if (n == room && n < len && !http1_drop_done(d))
        d->body.state = BODY_BROKEN;
    return n;
}

bool http1_drop_done(const struct http1_drop *d)
{
    return d->body.state == BODY_DONE;
}

bool http1_drop_optional(const struct http1_drop *d)
{
    return d->body.state == BODY_SIZE && d->dropped == 0;
}

bool http1_drop_failed(const struct http1_drop *d)
{
    return d->body.state == BODY_BROKEN;
}
