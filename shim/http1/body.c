/* SPDX-License-Identifier: MIT */
#include "shim/http1/body.h"

#include "shim/http1/chars.h"

#define SIZE_DIGITS_MAX 16U /* leading zeros counted: more than 64 bits is refused, not wrapped */

void http1_body_begin(struct http1_body *b, enum http1_framing framing, uint64_t length)
{
    static const enum http1_body_state first[] = {
        [FRAMING_NONE] = BODY_DONE,     [FRAMING_LENGTH] = BODY_LENGTH,  [FRAMING_CHUNKED] = BODY_SIZE,
        [FRAMING_CLOSE] = BODY_ENDLESS, [FRAMING_UNKNOWN] = BODY_BROKEN,
    };
    *b = (struct http1_body){.state = first[framing]};
    if (framing == FRAMING_LENGTH && length)
        b->left = length;
    else if (framing == FRAMING_LENGTH)
        b->state = BODY_DONE;
}

/* The chunk line is complete. */
static enum http1_body_state begin_chunk(struct http1_body *b)
{
    b->line = b->digits = 0;
    return b->left ? BODY_CHUNK : BODY_TRAILER;
}

static enum http1_body_state next_chunk(struct http1_body *b)
{
    b->line = b->digits = 0;
    return BODY_SIZE;
}

/* chunk-size [BWS] [";" chunk-ext] CRLF (RFC 9112 section 7.1). */
static enum http1_body_state size_step(struct http1_body *b, char c)
{
    int value = http1_hex(c);
    if (value >= 0 && b->state != BODY_SIZE_BLANK) {
        b->left = b->left << 4 | (unsigned)value;
        return ++b->digits > SIZE_DIGITS_MAX ? BODY_BROKEN : BODY_SIZE_MORE;
    }
    if (b->state == BODY_SIZE)
        return BODY_BROKEN;
    switch (c) {
    case ' ':
    case '\t': return BODY_SIZE_BLANK;
    case ';': return BODY_EXTENSION;
    case '\r': return BODY_SIZE_LF;
    case '\n': return begin_chunk(b);
    default: return BODY_BROKEN;
    }
}

/* One byte of a line of the chunked coding; what it leads to. */
static enum http1_body_state step(struct http1_body *b, char c)
{
    switch (b->state) {
    case BODY_SIZE:
    case BODY_SIZE_MORE:
    case BODY_SIZE_BLANK: return size_step(b, c);
    case BODY_EXTENSION:
        if (c == '\r')
            return BODY_SIZE_LF;
        return http1_is_control(c) ? BODY_BROKEN : BODY_EXTENSION;
    case BODY_SIZE_LF: return c == '\n' ? begin_chunk(b) : BODY_BROKEN;
    case BODY_CHUNK_END:
        if (c == '\r')
            return BODY_CHUNK_LF;
        return c == '\n' ? next_chunk(b) : BODY_BROKEN;
    case BODY_CHUNK_LF: return c == '\n' ? next_chunk(b) : BODY_BROKEN;
    case BODY_TRAILER:
        if (c == '\r')
            return BODY_TRAILER_LF;
        return c == '\n' ? BODY_DONE : BODY_TRAILER_MORE;
    case BODY_TRAILER_MORE: return c == '\n' ? BODY_TRAILER : BODY_TRAILER_MORE;
    case BODY_TRAILER_LF: return c == '\n' ? BODY_DONE : BODY_BROKEN;
    default: return b->state;
    }
}

/* Bytes that are counted, not looked at. */
static size_t skip_data(struct http1_body *b, size_t len)
{
    size_t n = b->left < len ? (size_t)b->left : len;
    b->left -= n;
    if (!b->left)
        b->state = b->state == BODY_CHUNK ? BODY_CHUNK_END : BODY_DONE;
    return n;
}

size_t http1_body_feed(struct http1_body *b, const char *buf, size_t len)
{
    size_t at = 0;
    while (at < len && b->state != BODY_DONE && b->state != BODY_BROKEN) {
        if (b->state == BODY_ENDLESS)
            return len;
        if (b->state == BODY_LENGTH || b->state == BODY_CHUNK) {
            at += skip_data(b, len - at);
            continue;
        }
        b->line++;
        b->state = step(b, buf[at++]);
        if (b->line > HTTP1_BODY_LINE_MAX)
            b->state = BODY_BROKEN;
    }
    return at;
}
