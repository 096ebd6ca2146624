/* SPDX-License-Identifier: MIT */
#include "shim/http1/ask.h"

#include <string.h>

/* Appends `text` if all of it fits; *at stays behind the end once something did not. */
static void put(char *out, size_t cap, size_t *at, const char *text)
{
    size_t len = strlen(text);
    if (*at <= cap && len <= cap - *at)
        memcpy(out + *at, text, len);
    else
        len = cap - *at + 1;
    *at += len;
}

size_t http1_ask_upgrade(const struct http1_authority *to, const char *tokens, char *out, size_t cap)
{
    char host[HTTP1_HOST_MAX + sizeof "[]:65535"];
    struct http1_authority named = *to;
    size_t at = 0;
    if (named.port == 80) /* the scheme's default (RFC 9110 section 4.2.1) */
        named.port = 0;
    if (http1_format_authority(&named, host, sizeof host) < 0)
        return 0;
    const char *const parts[] = {"OPTIONS * HTTP/1.1\r\nHost: ", host,
                                 "\r\nUpgrade: ", tokens ? tokens : HTTP1_ASK_TOKENS,
                                 "\r\nConnection: Upgrade\r\n\r\n"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        put(out, cap, &at, parts[i]);
    return at <= cap ? at : 0;
}
