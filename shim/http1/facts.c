/* SPDX-License-Identifier: MIT */
#include "shim/http1/facts.h"

#include "shim/http1/chars.h"

/* Cuts 1*DIGIT off the text. False: no digit there, or more than 64 bits hold. */
static bool take_number(struct http1_span *text, uint64_t *number)
{
    size_t digits = 0;
    uint64_t n = 0;
    for (; digits < text->len && http1_is_digit(text->at[digits]); digits++) {
        uint64_t digit = (uint64_t)(text->at[digits] - '0');
        if (n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    text->at += digits;
    text->len -= digits;
    *number = n;
    return digits > 0;
}

/* Content-Length: a number, or a list of equal ones (RFC 9110 section 8.6). Empty members are not taken:
 * others refuse them. */
static bool read_length(struct http1_facts *f, struct http1_span value)
{
    uint64_t n;
    for (;;) {
        value = http1_span_trim(value);
        if (!take_number(&value, &n) || (f->has_length && n != f->length))
            return false;
        f->has_length = true;
        f->length = n;
        value = http1_span_trim(value);
        if (!value.len)
            return true;
        if (value.at[0] != ',')
            return false;
        value.at++;
        value.len--;
    }
}

/* chunked comes last and once (RFC 9112 section 6.1). A coding with parameters is not chunked. */
static void read_coding(struct http1_facts *f, struct http1_span value)
{
    struct http1_span member;
    bool any = false;
    while (http1_next_member(&value, &member)) {
        any = true;
        if (f->chunked || !http1_span_is_token(member))
            f->bad_coding = true;
        f->chunked = http1_span_is(member, "chunked");
    }
    f->has_coding = true;
    f->bad_coding |= !any;
}

static void read_connection(struct http1_facts *f, struct http1_span value)
{
    struct http1_span member;
    while (http1_next_member(&value, &member)) {
        f->close |= http1_span_is(member, "close");
        f->keep_alive |= http1_span_is(member, "keep-alive");
    }
}

/* Nearly every field is none of them, and most are not even as long. */
#define is_named(name, text) ((name).len == sizeof(text) - 1 && http1_span_is(name, text))

static void read_field(struct http1_facts *f, struct http1_span name, struct http1_span value)
{
    f->fields++;
    if (is_named(name, "content-length")) {
        f->bad_length |= !read_length(f, value);
        f->has_length = true;
    } else if (is_named(name, "transfer-encoding")) {
        read_coding(f, value);
    } else if (is_named(name, "connection")) {
        read_connection(f, value);
    } else if (is_named(name, "upgrade")) {
        f->upgrade = true;
    } else if (is_named(name, "host")) {
        f->hosts++;
        f->host = value;
    }
}

void http1_facts_read(struct http1_facts *f, struct http1_reader *r)
{
    struct http1_span name, value;
    *f = (struct http1_facts){0};
    while (http1_reader_field(r, &name, &value))
        read_field(f, name, value);
}

enum http1_framing http1_facts_framing(const struct http1_facts *f, unsigned minor,
                                       enum http1_framing otherwise)
{
    if (f->bad_length || f->bad_coding)
        return FRAMING_UNKNOWN;
    if (!f->has_coding)
        return f->has_length ? FRAMING_LENGTH : otherwise;
    /* Both at once is how messages are smuggled, and HTTP/1.0 has no codings (RFC 9112 section 6.1): readers
     * differ. */
    if (f->has_length || minor == 0)
        return FRAMING_UNKNOWN;
    if (f->chunked)
        return FRAMING_CHUNKED;
    /* RFC 9112 section 6.3 rule 4: another last coding runs to the end of the connection, and no request can.
     */
    return otherwise == FRAMING_CLOSE ? FRAMING_CLOSE : FRAMING_UNKNOWN;
}

bool http1_facts_close(const struct http1_facts *f, unsigned minor)
{
    return f->close || (minor == 0 && !f->keep_alive);
}
