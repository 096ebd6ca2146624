/* SPDX-License-Identifier: MIT */
/*
 * What we ask a server in the clear before TLS. It carries nothing of the program's.
 *
 * Pure: no blocking, no memory, safe before init and in signal handlers.
 */
#pragma once

#include "shim/http1/head.h"

#define HTTP1_ASK_TOKENS "TLS/1.2, TLS/1.0"

/* RFC 2817 section 3.2, mandatory upgrade. Byte for byte what servers in the field compare: nothing but
 * Upgrade in Connection. `tokens` is the Upgrade field, NULL: HTTP1_ASK_TOKENS. Returns the length; 0 if
 * `cap` is too small. */
size_t http1_ask_upgrade(const struct http1_authority *to, const char *tokens, char *out, size_t cap);
