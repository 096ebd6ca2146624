/* SPDX-License-Identifier: MIT */
/* JSON (RFC 8259) of one line, token by token, without recursion. Strict: what is not JSON is JSON_BAD. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_token {
    JSON_BAD,
    JSON_END, /* nothing but white space is left */
    JSON_OBJECT,
    JSON_ARRAY,
    JSON_CLOSE, /* of either */
    JSON_KEY,   /* text is the name */
    JSON_STRING,
    JSON_NUMBER, /* text is as it is spelled */
    JSON_WORD,   /* true, false, null */
};

#define JSON_DEPTH_MAX 32U

struct json {
    const char *at, *end;
    char *text;       /* of the last token, NUL-terminated; room for the whole line */
    unsigned depth;   /* 0 outside */
    uint32_t objects; /* a bit a depth: object, not array */
    int expect;
};

/* `text` has room for len + 1 bytes and stays the caller's. */
void json_begin(struct json *j, const char *line, size_t len, char *text);
/* \u00NN is one byte, as records have it; other code points become UTF-8. */
enum json_token json_next(struct json *j);
