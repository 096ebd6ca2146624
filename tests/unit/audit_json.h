/* SPDX-License-Identifier: MIT */
/* A checker of RFC 8259, strict and only as large as records need, and the event that the tests of records
 * share. */
#pragma once

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "shim/audit/record.h"

static const char *json_value(const char *p);

static const char *json_text(const char *p)
{
    if (!p || *p++ != '"')
        return NULL;
    while (*p != '"') {
        if (*p < 0x20 || *p > 0x7e) /* stricter than JSON: records are printable ASCII */
            return NULL;
        if (*p++ != '\\')
            continue;
        if (*p == 'u') {
            for (int i = 1; i <= 4; i++)
                if (!isxdigit((unsigned char)p[i]))
                    return NULL;
            p += 5;
        } else if (*p == '"' || *p == '\\') {
            p++;
        } else {
            return NULL;
        }
    }
    return p + 1;
}

static const char *json_number(const char *p)
{
    const char *start = p;
    while (isdigit((unsigned char)*p))
        p++;
    if (p == start || (*start == '0' && p - start > 1))
        return NULL;
    if (*p == '.') {
        const char *fraction = ++p;
        while (isdigit((unsigned char)*p))
            p++;
        if (p == fraction)
            return NULL;
    }
    return p;
}

static const char *json_list(const char *p, char end)
{
    for (p++;; p++) {
        if (end == '}') {
            p = json_text(p);
            if (!p || *p++ != ':')
                return NULL;
        }
        p = json_value(p);
        if (!p)
            return NULL;
        if (*p == end)
            return p + 1;
        if (*p != ',')
            return NULL;
    }
}

static const char *json_value(const char *p)
{
    switch (*p) {
    case '{': return json_list(p, '}');
    case '[': return json_list(p, ']');
    case '"': return json_text(p);
    case 't': return strncmp(p, "true", 4) ? NULL : p + 4;
    case 'f': return strncmp(p, "false", 5) ? NULL : p + 5;
    default: return json_number(p);
    }
}

/* True if `text` is exactly one object. */
static inline bool is_json_object(const char *text)
{
    const char *end = *text == '{' ? json_value(text) : NULL;
    return end && *end == '\0';
}

static inline struct audit_event sample_event(void)
{
    static const uint8_t spki[32] = {0xde, 0xad, 0xbe, 0xef, [31] = 0x01};
    return (struct audit_event){
        .id = 0x1f,
        .destination = "192.0.2.1:80",
        .names = {{"api.example", "host"}, {"www.example", "resolver"}},
        .n_names = 2,
        .policy = "/etc/tlsup/policy.conf",
        .policy_digest = "00ff",
        .rule_line = 12,
        .has_rule = true,
        .level = "verify",
        .mode = "enforce",
        .strategy = "implicit",
        .fallback_from = "upgrade",
        .action = "upgraded",
        .result_type = "success",
        .tls_version = "TLSv1.3",
        .cipher = "TLS_AES_256_GCM_SHA384",
        .group = "x25519",
        .peer_spki = spki,
        .connect_us = 123,
        .negotiate_us = 4005,
        .handshake_us = 1000000,
    };
}
