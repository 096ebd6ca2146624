/* SPDX-License-Identifier: MIT */
#include "shim/http1/chars.h"
#include "shim/http1/facts.h"
#include "shim/http1/head.h"
#include "shim/http1/reader.h"

#include <limits.h>
#include <string.h>

#define PORT_HTTP  80U
#define PORT_HTTPS 443U

/* Where the request line begins: behind empty lines (RFC 9112 section 2.2). A CR that nothing follows yet may
 * still become one. */
static size_t skip_empty_lines(const char *buf, size_t len)
{
    size_t at = 0;
    while (at < len && (buf[at] == '\n' || (buf[at] == '\r' && (at + 1 == len || buf[at + 1] == '\n'))))
        at++;
    return at;
}

/* Whether buf, at the start of a request line, can become one, has become one (*line), or never will. The
 * method is a token, then a blank; no control bytes up to the line's end. */
static enum http1_request_kind sniff_line(const char *buf, size_t len, struct http1_span *line)
{
    size_t at = 0;
    while (at < len && http1_is_token(buf[at]))
        at++;
    if (at < len && (at == 0 || !http1_is_blank(buf[at])))
        return REQUEST_OTHER;
    at += http1_span_control((struct http1_span){buf + at, len - at});
    *line = (struct http1_span){buf, at};
    if (at < len && buf[at] == '\r')
        at++;
    if (at == len)
        return REQUEST_PARTIAL;
    return buf[at] == '\n' ? REQUEST_HTTP1 : REQUEST_OTHER;
}

/* method 1*blank target 1*blank "HTTP/1." DIGIT *blank. Blanks inside the target stay: that is for the server
 * to judge. */
static bool split_line(struct http1_span line, struct http1_request *out)
{
    static const char version[] = "HTTP/1.";
    const size_t version_len = sizeof version; /* the digit stands for the NUL */
    line = http1_span_trim(line);
    size_t method = 0;
    while (method < line.len && !http1_is_blank(line.at[method]))
        method++;
    out->method = (struct http1_span){line.at, method};
    line = http1_span_trim((struct http1_span){line.at + method, line.len - method});
    if (line.len < version_len)
        return false;
    const char *last = line.at + line.len - version_len;
    if (memcmp(last, version, version_len - 1) != 0 || !http1_is_digit(last[version_len - 1]))
        return false;
    out->minor = (unsigned)(last[version_len - 1] - '0');
    struct http1_span target = {line.at, line.len - version_len};
    out->target = http1_span_trim(target);
    return out->target.len && out->target.len < target.len;
}

/* The authority in an absolute-form target (RFC 9112 section 3.2.2): scheme "://" authority. */
static bool absolute_authority(struct http1_span target, struct http1_span *scheme,
                               struct http1_span *authority)
{
    *scheme = http1_span_split(&target, ':');
    if (!scheme->len || !http1_is_alpha(scheme->at[0]))
        return false;
    for (size_t i = 0; i < scheme->len; i++) {
        char c = scheme->at[i];
        if (!http1_is_alpha(c) && !http1_is_digit(c) && c != '+' && c != '-' && c != '.')
            return false;
    }
    if (target.len < 2 || target.at[0] != '/' || target.at[1] != '/')
        return false;
    *authority = (struct http1_span){target.at + 2, 0};
    while (authority->len < target.len - 2 && !strchr("/?#", authority->at[authority->len]))
        authority->len++;
    return true;
}

/* `port` is meant where none is given; 0: what a missing one means is not known, so it agrees with any. */
static bool same_authority(const struct http1_authority *target, const struct http1_authority *host,
                           unsigned port)
{
    unsigned target_port = target->port ? target->port : port;
    unsigned host_port = host->port ? host->port : port ? port : target_port;
    return target->kind == host->kind && strcmp(target->host, host->host) == 0 && target_port == host_port;
}

/* The authority in the target wins, but a Host field must be sound all the same (RFC 9112 section 3.2).
 * `port` is meant where none is given. False: never guess. */
static bool target_authority(struct http1_request *out, struct http1_span text, unsigned port,
                             const struct http1_facts *facts)
{
    struct http1_authority host;
    if (!http1_parse_authority(text, &out->authority))
        return false;
    if (!facts->host.len)
        return true;
    if (!http1_parse_authority(facts->host, &host))
        return false;
    out->host_differs = !same_authority(&out->authority, &host, port);
    return true;
}

/* False: never guess. */
static bool learn_authority(struct http1_request *out, const struct http1_facts *facts)
{
    struct http1_span scheme, text;
    if (facts->hosts > 1)
        return false;
    if (http1_span_is(out->method, "CONNECT")) {
        out->has_authority = true;
        return target_authority(out, out->target, 0, facts) && out->authority.port != 0;
    }
    out->absolute_form = absolute_authority(out->target, &scheme, &text);
    if (out->absolute_form) {
        out->has_authority = true;
        out->https_target = http1_span_is(scheme, "https");
        return target_authority(out, text, out->https_target ? PORT_HTTPS : PORT_HTTP, facts);
    }
    out->has_authority = facts->host.len > 0;
    return !out->has_authority || http1_parse_authority(facts->host, &out->authority);
}

static void learn_fields(struct http1_request *out, struct http1_reader *r)
{
    struct http1_facts facts;
    http1_facts_read(&facts, r);
    bool mixed = (r->liberties & LINE_LF) && (r->liberties & LINE_CRLF);
    bool sound = http1_reader_sound(r) && !mixed;
    out->framing = sound ? http1_facts_framing(&facts, out->minor, FRAMING_NONE) : FRAMING_UNKNOWN;
    out->length = out->framing == FRAMING_LENGTH ? facts.length : 0;
    out->close = http1_facts_close(&facts, out->minor);
    out->upgrade = facts.upgrade || http1_span_is(out->method, "CONNECT");
    out->bad_authority = !learn_authority(out, &facts) || !sound;
    out->has_authority &= !out->bad_authority;
}

/* RFC 9113 section 3.4 */
static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
#define PREFACE_BYTES (sizeof preface - 1)

static bool begins_http2(const char *buf, size_t len)
{
    return len && memcmp(buf, preface, len < PREFACE_BYTES ? len : PREFACE_BYTES) == 0;
}

enum http1_request_kind http1_parse_request(const char *buf, size_t len, struct http1_request *out)
{
    struct http1_reader r;
    struct http1_span line = {0};
    size_t cap = len < HTTP1_HEAD_MAX ? len : HTTP1_HEAD_MAX;
    size_t start = skip_empty_lines(buf, cap);
    *out = (struct http1_request){.framing = FRAMING_UNKNOWN};
    if (begins_http2(buf, len))
        return len < PREFACE_BYTES ? REQUEST_PARTIAL : REQUEST_HTTP2;
    enum http1_request_kind kind = sniff_line(buf + start, cap - start, &line);
    if (kind == REQUEST_HTTP1 && !split_line(line, out))
        kind = REQUEST_OTHER;
    if (kind == REQUEST_OTHER)
        return kind;
    ssize_t end = http1_head_end(buf, len, UINT_MAX);
    if (end <= 0 || kind == REQUEST_PARTIAL)
        return end < 0 ? REQUEST_TOO_LARGE : REQUEST_PARTIAL;
    out->head_len = (size_t)end;
    http1_reader_init(&r, buf + start, out->head_len - start);
    if (http1_reader_start(&r, 0, &line))
        learn_fields(out, &r);
    return REQUEST_HTTP1;
}
