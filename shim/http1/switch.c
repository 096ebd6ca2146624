/* SPDX-License-Identifier: MIT */
/* The answer that switches to TLS (RFC 2817 section 3.3). */
#include "shim/http1/chars.h"
#include "shim/http1/head.h"

#include <string.h>

/* "TLS/" DIGIT "." DIGIT in any case. The token is a label: the version is negotiated by the handshake. */
static bool is_tls(struct http1_span token)
{
    if (token.len != sizeof "TLS/1.2" - 1 || token.at[5] != '.')
        return false;
    return http1_span_is((struct http1_span){token.at, 4}, "TLS/") && http1_is_digit(token.at[4]) &&
           http1_is_digit(token.at[6]);
}

/* The list names layers from the bottom: TLS first, then what runs over it (RFC 2817 section 3.3). `seen`
 * counts the members over all Upgrade fields. */
static const char *check_upgrade(struct http1_span list, unsigned *seen)
{
    struct http1_span member;
    while (http1_next_member(&list, &member)) {
        if (!is_tls(member) && *seen == 0)
            return "101 switches to something else than tls";
        if (!is_tls(member) && !http1_span_is(member, "HTTP/1.1"))
            return "101 switches to something else on top of tls";
        ++*seen;
    }
    return NULL;
}

static const char *check_connection(struct http1_span list)
{
    struct http1_span member;
    while (http1_next_member(&list, &member))
        if (http1_span_is(member, "close"))
            return "101 with connection: close";
    return NULL;
}

static bool is_101(const char *head, size_t len)
{
    static const char line[] = "HTTP/1.1 101";
    size_t skip = len >= 2 && head[0] == '\r' && head[1] == '\n' ? 2 : 0;
    return len >= skip + sizeof line - 1 && memcmp(head + skip, line, sizeof line - 1) == 0;
}

bool http1_switches_to_tls(const char *head, size_t len, const char **error)
{
    struct http1_span name, value;
    size_t cursor = 0;
    unsigned seen = 0;
    *error = is_101(head, len) ? NULL : "not a 101 of http/1.1";
    while (!*error && http1_next_field(head, len, &cursor, &name, &value)) {
        if (http1_span_is(name, "upgrade"))
            *error = check_upgrade(value, &seen);
        else if (http1_span_is(name, "connection"))
            *error = check_connection(value);
    }
    if (!*error && seen == 0)
        *error = "101 without upgrade field";
    return !*error;
}

bool http1_offers_tls(const char *head, size_t len)
{
    struct http1_span name, value, member;
    size_t cursor = 0;
    while (http1_next_field(head, len, &cursor, &name, &value)) {
        if (!http1_span_is(name, "upgrade"))
            continue;
        while (http1_next_member(&value, &member))
            if (is_tls(member))
                return true;
    }
    return false;
}
