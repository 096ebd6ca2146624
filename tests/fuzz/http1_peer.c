/* SPDX-License-Identifier: MIT */
/*
 * Our readers of heads beside another implementation, http-parser (its strict build): what we take for a
 * message, it takes too, with the same end, the same framing and the same fate of the connection. Where it
 * refuses what we accept, the reason stands here:
 *   methods      we take any token (RFC 9110 section 9.1), it knows a list
 *   versions     we read HTTP/1.x alike, it keeps apart no more than digits
 *   blanks       several between the parts of the request line, empty lines before it: servers take them, so
 *                the program may send them; and it looks into targets, which are opaque to us
 *   lists        empty members of Transfer-Encoding do not count (RFC 9110 section 5.6.1.2), it stumbles over
 *                them, over a second field, and over a member that is the beginning of "chunked" and no more;
 *                a name that only begins so is taken for it
 *   lengths      equal ones are one (RFC 9110 section 8.6), and a tab beside one is white space (5.6.3)
 *   fields       a program's head may have lines that end in LF, or no colon: its authority is not usable
 *                then (bad_authority), which is refused where that matters
 */
#include "shim/http1/head.h"
#include "tests/fuzz/must.h"

#include <ctype.h>
#include <http_parser.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

struct told {
    bool whole;
    uint64_t length; /* of the body, ULLONG_MAX: no Content-Length */
    bool chunked, keep_alive;
    unsigned minor, status;
};

static int headers_done(http_parser *p)
{
    struct told *t = p->data;
    t->whole = true;
    t->length = p->content_length;
    t->chunked = p->flags & F_CHUNKED;
    t->minor = p->http_minor;
    t->status = p->status_code;
    t->keep_alive = http_should_keep_alive(p);
    http_parser_pause(p, 1);
    return 0;
}

/* What http-parser says of the head: errno, and HPE_PAUSED where the head is whole. */
static enum http_errno ask(enum http_parser_type type, const char *head, size_t len, struct told *t,
                           size_t *end)
{
    http_parser p;
    http_parser_settings s;
    http_parser_settings_init(&s);
    s.on_headers_complete = headers_done;
    http_parser_init(&p, type);
    *t = (struct told){false, 0, false, false, 0, 0};
    p.data = t;
    *end = http_parser_execute(&p, &s, head, len);
    return HTTP_PARSER_ERRNO(&p);
}

static bool is_known_method(struct http1_span m)
{
    for (unsigned i = 0; i <= HTTP_SOURCE; i++)
        if (http1_span_exactly(m, http_method_str((enum http_method)i)))
            return true;
    return false;
}

/* A request line as RFC 9112 section 3 writes it, with a target that http-parser need not look into. */
static bool is_plain(const char *head, const struct http1_request *r)
{
    size_t method = r->method.len, target = r->target.len;
    if (r->method.at != head || head[method] != ' ' || r->target.at != head + method + 1 ||
        r->target.at[0] != '/')
        return false;
    for (size_t i = 0; i < target; i++)
        if (r->target.at[i] <= 0x20 || r->target.at[i] > 0x7e)
            return false;
    const char *rest = head + method + 1 + target;
    return memcmp(rest, " HTTP/1.", 8) == 0 && rest[9] == '\r';
}

/* Around the value, or behind it. */
static bool has_tab(struct http1_span value, const char *end)
{
    return (value.len && value.at[-1] == '\t') || (value.at + value.len < end && value.at[value.len] == '\t');
}

static bool begins_chunked(struct http1_span list)
{
    struct http1_span member;
    while (http1_next_member(&list, &member))
        if (member.len < strlen("chunked") && strncasecmp(member.at, "chunked", member.len) == 0)
            return true;
    return false;
}

/* Contradictory, which we say, or a list that http-parser has no patience for. */
static bool is_odd(enum http1_framing f, const char *head, size_t len)
{
    struct http1_span name, value;
    unsigned lists = 0, lengths = 0;
    for (size_t cursor = 0; http1_next_field(head, len, &cursor, &name, &value);) {
        bool empty = true;
        if (name.len > 17 && http1_span_is((struct http1_span){name.at, 17}, "transfer-encoding"))
            return true;
        if (http1_span_is(name, "content-length") && has_tab(value, head + len))
            return true;
        lengths += http1_span_is(name, "content-length");
        lengths += http1_span_is(name, "content-length") && memchr(value.at, ',', value.len);
        if (!http1_span_is(name, "transfer-encoding"))
            continue;
        if (begins_chunked(value))
            return true;
        lists++;
        for (size_t i = 0; i < value.len; i++) {
            if (value.at[i] == ',' && empty)
                return true;
            if (value.at[i] != ' ' && value.at[i] != '\t')
                empty = value.at[i] == ',';
        }
        lists += empty;
    }
    return f == FRAMING_UNKNOWN || lists > 1 || lengths > 1;
}

static void check_request(const char *head, size_t len)
{
    struct http1_request r;
    struct told t;
    size_t end;
    if (http1_parse_request(head, len, &r) != REQUEST_HTTP1 || r.bad_authority)
        return;
    if (is_odd(r.framing, head, r.head_len))
        return;
    if (!is_plain(head, &r) || !is_known_method(r.method) || http1_span_exactly(r.method, "CONNECT"))
        return;
    enum http_errno e = ask(HTTP_REQUEST, head, r.head_len, &t, &end);
    MUST(e == HPE_PAUSED && t.whole && end + 1 >= r.head_len && end <= r.head_len);
    MUST(t.minor == r.minor && t.chunked == (r.framing == FRAMING_CHUNKED));
    MUST(r.framing != FRAMING_LENGTH || t.length == r.length);
    MUST(r.framing != FRAMING_NONE || t.length == 0 || t.length == UINT64_MAX);
}

static void check_response(const char *head, size_t len)
{
    struct http1_response r;
    struct told t;
    size_t end;
    ssize_t n = http1_head_end(head, len, 1);
    if (n <= 0 || !http1_parse_response(head, (size_t)n, &r) || is_odd(r.framing, head, (size_t)n))
        return;
    enum http_errno e = ask(HTTP_RESPONSE, head, (size_t)n, &t, &end);
    MUST(e == HPE_PAUSED && t.whole && end + 1 >= (size_t)n && end <= (size_t)n);
    MUST(t.status == r.status && t.minor == r.minor);
    MUST(t.chunked == (r.framing == FRAMING_CHUNKED));
    MUST(r.framing != FRAMING_LENGTH || t.length == r.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len > HTTP1_HEAD_MAX)
        return 0;
    const char *head = guarded(data, len);
    check_request(head, len);
    check_response(head, len);
    return 0;
}
