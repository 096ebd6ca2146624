/* SPDX-License-Identifier: MIT */
/*
 * Heads that come again. Over a connection that stays open a program mostly asks with the same bytes, and is
 * mostly answered with the same. What a head says depends on its bytes alone: one that is the last one byte
 * for byte need not be read again.
 *
 * The memory is the caller's, zeroed before its first use; it is part of its owner and needs the owner's
 * lock. Nothing here blocks or allocates: safe before init, but not in a signal handler.
 */
#pragma once

#include "shim/http1/head.h"

#define HTTP1_REPEAT_MAX 1024U /* bytes of a head that is kept; a longer one is read each time */

struct http1_kept {
    size_t len; /* 0: none */
    char at[HTTP1_REPEAT_MAX];
};

struct http1_last_request {
    struct http1_kept head;
    struct http1_request said; /* its spans are of `head` */
};

struct http1_last_response {
    struct http1_kept head;
    struct http1_response said;
};

/* As http1_parse_request(), and as fast as a comparison if the head at buf is the last one. */
enum http1_request_kind http1_repeat_request(struct http1_last_request *last, const char *buf, size_t len,
                                             struct http1_request *out);

/* Does buf begin with the last head? Then last->said is what it says, and its bytes are returned; else 0. */
size_t http1_repeats_response(const struct http1_last_response *last, const char *buf, size_t len);
/* http1_read_response() took `head` for *said, which is kept. */
void http1_keep_response(struct http1_last_response *last, const char *head, size_t len,
                         const struct http1_response *said);
