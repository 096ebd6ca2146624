/* SPDX-License-Identifier: MIT */
#include "shim/http1/chars.h"
#include "shim/http1/head.h"

#include <arpa/inet.h>
#include <string.h>

#define LABEL_MAX 63U

/* DIGIT1-9 *DIGIT up to 65535. */
static bool read_port(struct http1_span text, uint16_t *port)
{
    unsigned n = 0;
    if (!text.len || text.len > 5 || text.at[0] == '0')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!http1_is_digit(text.at[i]))
            return false;
        n = n * 10 + (unsigned)(text.at[i] - '0');
    }
    *port = (uint16_t)n;
    return n <= UINT16_MAX;
}

/* Digits, or 0x and hex digits: inet_aton takes such a last label for a part of an address. */
static bool is_number(struct http1_span label)
{
    bool hex = label.len >= 2 && label.at[0] == '0' && label.at[1] == 'x';
    for (size_t i = hex ? 2 : 0; i < label.len; i++)
        if (hex ? http1_hex(label.at[i]) < 0 : !http1_is_digit(label.at[i]))
            return false;
    return true;
}

static bool is_label(struct http1_span label)
{
    if (!label.len || label.len > LABEL_MAX)
        return false;
    for (size_t i = 0; i < label.len; i++) {
        char c = label.at[i];
        if (!http1_is_digit(c) && !http1_is_alpha(c) && c != '-' && c != '_')
            return false;
    }
    return true;
}

/* A name of letters, digits, hyphens and underscores, or a dotted quad; `text` is lower case. */
static bool read_name(struct http1_span text, struct http1_authority *out)
{
    struct in_addr v4;
    struct http1_span label = {0};
    bool number = false;
    while (text.len) {
        label = http1_span_split(&text, '.');
        if (!is_label(label))
            return false;
        number = is_number(label);
    }
    out->kind = number ? HOST_IPV4 : HOST_NAME;
    return label.len && (!number || inet_pton(AF_INET, out->host, &v4) == 1);
}

static bool read_host(struct http1_span text, struct http1_authority *out)
{
    if (text.len > 1 && text.at[text.len - 1] == '.')
        text.len--;
    if (!text.len || text.len > HTTP1_HOST_MAX || text.at[text.len - 1] == '.')
        return false;
    for (size_t i = 0; i < text.len; i++)
        out->host[i] = http1_lower(text.at[i]);
    out->host[text.len] = '\0';
    return read_name((struct http1_span){out->host, text.len}, out);
}

/* `text` stands between brackets. inet_pton knows no zones. */
static bool read_v6(struct http1_span text, struct http1_authority *out)
{
    struct in6_addr v6;
    char copy[INET6_ADDRSTRLEN];
    if (text.len >= sizeof copy || memchr(text.at, '\0', text.len))
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    out->kind = HOST_IPV6;
    return inet_pton(AF_INET6, copy, &v6) == 1 && inet_ntop(AF_INET6, &v6, out->host, sizeof out->host);
}

bool http1_parse_authority(struct http1_span text, struct http1_authority *out)
{
    out->port = 0;
    if (!text.len || text.at[text.len - 1] == ':')
        return false;
    if (text.at[0] != '[') {
        struct http1_span host = http1_span_split(&text, ':');
        return read_host(host, out) && (!text.len || read_port(text, &out->port));
    }
    struct http1_span port = {text.at + 1, text.len - 1};
    struct http1_span host = http1_span_split(&port, ']');
    if (host.len == text.len - 1 || !read_v6(host, out))
        return false;
    if (!port.len)
        return true;
    return port.at[0] == ':' && read_port((struct http1_span){port.at + 1, port.len - 1}, &out->port);
}

/* Writes `port` as decimal digits; returns how many. */
static size_t write_port(char digits[5], unsigned port)
{
    size_t n = 0;
    for (unsigned scale = 10000; scale; scale /= 10)
        if (n || port >= scale)
            digits[n++] = (char)('0' + port / scale % 10);
    return n;
}

ssize_t http1_format_authority(const struct http1_authority *a, char *out, size_t cap)
{
    char digits[5];
    size_t host = strlen(a->host), port = write_port(digits, a->port), at = 0;
    size_t brackets = a->kind == HOST_IPV6 ? 2 : 0;
    if (host + brackets + (port ? 1 + port : 0) >= cap)
        return -1;
    if (brackets)
        out[at++] = '[';
    memcpy(out + at, a->host, host);
    at += host;
    if (brackets)
        out[at++] = ']';
    if (port) {
        out[at++] = ':';
        memcpy(out + at, digits, port);
        at += port;
    }
    out[at] = '\0';
    return (ssize_t)at;
}
