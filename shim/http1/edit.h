/* SPDX-License-Identifier: MIT */
/*
 * What a request head becomes on its way out, where it may not go as the program wrote it: behind a proxy's
 * tunnel, and inside TLS. What is not named here stays byte for byte.
 *
 * Pure: nothing here blocks, allocates or keeps state; safe before init and in signal handlers.
 */
#pragma once

#include "shim/http1/head.h"

enum http1_edit {
    /* Proxy-Authorization, Proxy-Connection and all else that begins with Proxy- is for the proxy (RFC 9110
     * section 11.7): those fields go, and the options of Connection that name them. */
    EDIT_PROXY_FIELDS = 1,
    /* A target in absolute-form becomes origin-form, or asterisk-form (RFC 9112 section 3.2.4). Its authority
     * becomes the Host if there is none, or one that says something else (section 3.2.2). */
    EDIT_TARGET = 2,
    /* RFC 7540 section 3.2.1: h2c is HTTP/2 in the clear, which nothing inside TLS may become. That member of
     * Upgrade goes, HTTP2-Settings, and what Connection says of both. */
    EDIT_H2C = 4,
};

#define HTTP1_EDIT_MORE (HTTP1_HOST_MAX + 32U) /* an edited head is at most that much longer */

/* `head` was parsed to `r` by http1_parse_request(). Writes the edited head to `out`. Returns its length; 0:
 * `cap` is too small, which r->head_len + HTTP1_EDIT_MORE never is. */
size_t http1_edit_request(const char *head, const struct http1_request *r, unsigned edits, char *out,
                          size_t cap);
