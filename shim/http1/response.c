/* SPDX-License-Identifier: MIT */
#include "shim/http1/chars.h"
#include "shim/http1/facts.h"
#include "shim/http1/head.h"
#include "shim/http1/reader.h"

#include <limits.h>
#include <string.h>

/* "HTTP/1." DIGIT at the start of a status line. */
static bool read_version(struct http1_span line, unsigned *minor)
{
    static const char name[] = "HTTP/1.";
    if (line.len < sizeof name || memcmp(line.at, name, sizeof name - 1) != 0)
        return false;
    if (!http1_is_digit(line.at[sizeof name - 1]))
        return false;
    *minor = (unsigned)(line.at[sizeof name - 1] - '0');
    return true;
}

/* 3DIGIT from 100, then SP or the end (RFC 9112 section 4). */
static bool read_status(struct http1_span text, unsigned *status)
{
    if (text.len < 3 || (text.len > 3 && !http1_is_blank(text.at[3])))
        return false;
    *status = 0;
    for (size_t i = 0; i < 3; i++) {
        if (!http1_is_digit(text.at[i]))
            return false;
        *status = *status * 10 + (unsigned)(text.at[i] - '0');
    }
    return *status >= 100;
}

/* The status line behind "HTTP/1.d": `blanks` of them at most, then the status. */
static bool read_status_line(struct http1_span line, size_t blanks, struct http1_response *out)
{
    if (!read_version(line, &out->minor))
        return false;
    line.at += sizeof "HTTP/1.1" - 1;
    line.len -= sizeof "HTTP/1.1" - 1;
    size_t n = 0;
    while (n < line.len && n < blanks && http1_is_blank(line.at[n]))
        n++;
    line.at += n;
    line.len -= n;
    return n && read_status(line, &out->status);
}

static const char *strict_status_line(struct http1_span line, struct http1_response *out)
{
    if (!read_status_line(line, 1, out) || out->minor > 1)
        return "status line is not http/1.0 or http/1.1 with three digits";
    if (line.at[8] != ' ' || (line.len > 12 && line.at[12] != ' '))
        return "tab in the status line";
    return http1_span_has_control(line) ? "control byte in the status line" : NULL;
}

static const char *strict_fields(const struct http1_reader *r, const struct http1_facts *f)
{
    if (!r->ended || r->at != r->len)
        return "head is not complete";
    if (r->liberties & LINE_LF)
        return "line ends in lf without cr";
    if (r->liberties & LIBERTY_FOLD)
        return "folded field";
    if (r->liberties & LIBERTY_NAME)
        return "field name is not a token";
    if (r->liberties & LIBERTY_BYTE)
        return "control byte in a field";
    if (f->fields > HTTP1_FIELDS_MAX)
        return "too many fields";
    return f->bad_length ? "content-length is not one number" : NULL;
}

static void conclude(struct http1_response *out, const struct http1_facts *f)
{
    out->framing = http1_facts_framing(f, out->minor, FRAMING_CLOSE);
    out->length = out->framing == FRAMING_LENGTH ? f->length : 0;
    out->close = http1_facts_close(f, out->minor);
    out->has_upgrade = f->upgrade;
}

bool http1_parse_response(const char *head, size_t len, struct http1_response *out)
{
    struct http1_reader r;
    struct http1_facts facts;
    struct http1_span line;
    *out = (struct http1_response){.framing = FRAMING_UNKNOWN};
    http1_reader_init(&r, head, len);
    if (!http1_reader_start(&r, 1, &line)) {
        out->error = "head is not complete";
        return false;
    }
    out->error = strict_status_line(line, out);
    if (out->error)
        return false;
    http1_facts_read(&facts, &r);
    out->error = strict_fields(&r, &facts);
    if (out->error)
        return false;
    conclude(out, &facts);
    return true;
}

bool http1_read_response(const char *head, size_t len, struct http1_response *out)
{
    struct http1_reader r;
    struct http1_facts facts;
    struct http1_span line;
    *out = (struct http1_response){.framing = FRAMING_UNKNOWN};
    http1_reader_init(&r, head, len);
    if (!http1_reader_start(&r, UINT_MAX, &line) || !read_status_line(line, line.len, out) ||
        http1_span_has_control(line)) {
        out->error = "not an http/1 status line";
        return false;
    }
    http1_facts_read(&facts, &r);
    if (!r.ended || !http1_reader_sound(&r)) {
        out->error = "fields that readers may split differently";
        return false;
    }
    conclude(out, &facts);
    return true;
}

enum http1_framing http1_response_framing(const struct http1_response *r, struct http1_span method)
{
    if (r->status / 100 == 1 || r->status == 204 || r->status == 304 || http1_span_exactly(method, "HEAD"))
        return FRAMING_NONE;
    if (r->status / 100 == 2 && http1_span_exactly(method, "CONNECT"))
        return FRAMING_NONE;
    return r->framing;
}
