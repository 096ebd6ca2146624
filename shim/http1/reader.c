/* SPDX-License-Identifier: MIT */
#include "shim/http1/reader.h"

#include <string.h>

#include "shim/http1/chars.h"

void http1_reader_init(struct http1_reader *r, const char *head, size_t len)
{
    *r = (struct http1_reader){.head = head, .len = len};
}

static bool take_line(struct http1_reader *r, struct http1_span *line)
{
    const char *from = r->head + r->at;
    const char *lf = r->at < r->len ? memchr(from, '\n', r->len - r->at) : NULL;
    if (!lf)
        return false;
    size_t len = (size_t)(lf - from);
    r->at += len + 1;
    bool crlf = len && from[len - 1] == '\r';
    r->liberties |= crlf ? LINE_CRLF : LINE_LF;
    *line = (struct http1_span){from, crlf ? len - 1 : len};
    return true;
}

bool http1_reader_start(struct http1_reader *r, unsigned skip, struct http1_span *line)
{
    while (take_line(r, line)) {
        if (line->len || !skip)
            return true;
        skip--;
    }
    return false;
}

/* A continuation is part of the value, line end and all: whoever needs that value finds bytes in it that fit
 * no grammar and concludes nothing. */
static void take_folds(struct http1_reader *r, struct http1_span *line)
{
    struct http1_span more;
    while (r->at < r->len && http1_is_blank(r->head[r->at]) && take_line(r, &more)) {
        r->liberties |= LIBERTY_FOLD;
        if (http1_span_has_control(more))
            r->liberties |= LIBERTY_BYTE;
        line->len = (size_t)(more.at - line->at) + more.len;
    }
}

/* The line of a sender that takes no liberty, in one pass: token ":" value CRLF, and no continuation behind
 * it. False: nothing was read. */
static bool take_plain_field(struct http1_reader *r, struct http1_span *name, struct http1_span *value)
{
    const char *from = r->head + r->at, *end = r->head + r->len, *at = from;
    while (at < end && http1_is_token(*at))
        at++;
    if (at == from || at == end || *at != ':')
        return false;
    struct http1_span rest = {at + 1, (size_t)(end - at) - 1};
    size_t len = http1_span_control(rest);
    const char *stop = rest.at + len;
    if (end - stop < 3 || stop[0] != '\r' || stop[1] != '\n' || http1_is_blank(stop[2]))
        return false;
    r->liberties |= LINE_CRLF;
    r->at = (size_t)(stop - r->head) + 2;
    *name = (struct http1_span){from, (size_t)(at - from)};
    *value = http1_span_trim((struct http1_span){rest.at, len});
    return true;
}

bool http1_reader_field(struct http1_reader *r, struct http1_span *name, struct http1_span *value)
{
    struct http1_span line;
    if (!r->ended && take_plain_field(r, name, value))
        return true;
    if (r->ended || !take_line(r, &line))
        return false;
    if (!line.len) {
        r->ended = true;
        return false;
    }
    if (http1_span_has_control(line))
        r->liberties |= LIBERTY_BYTE;
    const char *colon = memchr(line.at, ':', line.len);
    take_folds(r, &line);
    *value = line;
    if (colon) {
        *name = (struct http1_span){line.at, (size_t)(colon - line.at)};
        *value = (struct http1_span){colon + 1, line.len - name->len - 1};
    } else {
        *name = http1_span_split(value, ':');
    }
    if (!colon || !http1_span_is_token(*name))
        r->liberties |= LIBERTY_NAME;
    *value = http1_span_trim(*value);
    return true;
}

bool http1_reader_sound(const struct http1_reader *r)
{
    return !(r->liberties & (LIBERTY_NAME | LIBERTY_BYTE));
}
