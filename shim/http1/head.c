/* SPDX-License-Identifier: MIT */
#include "shim/http1/head.h"

#include <limits.h>
#include <string.h>

#include "shim/http1/reader.h"

/* The bytes of an empty line at the start of buf, 0 if there is none. */
static size_t empty_line(const char *buf, size_t len)
{
    if (len >= 1 && buf[0] == '\n')
        return 1;
    return len >= 2 && buf[0] == '\r' && buf[1] == '\n' ? 2 : 0;
}

ssize_t http1_head_end(const char *buf, size_t len, unsigned skip_crlf)
{
    size_t cap = len, at = 0;
    if (cap > HTTP1_HEAD_MAX)
        cap = HTTP1_HEAD_MAX;
    while (at < cap) {
        size_t empty = empty_line(buf + at, cap - at);
        if (empty && !skip_crlf)
            return (ssize_t)(at + empty);
        if (empty) {
            at += empty;
            skip_crlf--;
            continue;
        }
        const char *lf = memchr(buf + at, '\n', cap - at);
        if (!lf)
            break;
        at = (size_t)(lf - buf) + 1;
        skip_crlf = 0;
    }
    return len < HTTP1_HEAD_MAX ? 0 : -1;
}

bool http1_next_field(const char *head, size_t len, size_t *cursor, struct http1_span *name,
                      struct http1_span *value)
{
    struct http1_reader r;
    struct http1_span line;
    http1_reader_init(&r, head, len);
    r.at = *cursor;
    if (r.at == 0 && !http1_reader_start(&r, UINT_MAX, &line))
        return false;
    bool found = http1_reader_field(&r, name, value);
    *cursor = r.at;
    return found;
}
