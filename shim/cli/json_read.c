/* SPDX-License-Identifier: MIT */
#include "shim/cli/json_read.h"

#include <string.h>

enum { VALUE, VALUE_OR_CLOSE, KEY, KEY_OR_CLOSE, COMMA_OR_CLOSE, NOTHING };

void json_begin(struct json *j, const char *line, size_t len, char *text)
{
    *j = (struct json){.at = line, .end = line + len, .text = text, .expect = VALUE};
    *text = '\0';
}

static void skip_space(struct json *j)
{
    while (j->at < j->end && strchr(" \t\r\n", *j->at) && *j->at)
        j->at++;
}

static bool take(struct json *j, char c)
{
    skip_space(j);
    if (j->at == j->end || *j->at != c)
        return false;
    j->at++;
    return true;
}

static enum json_token bad(struct json *j)
{
    j->at = j->end;
    j->expect = NOTHING;
    j->depth = JSON_DEPTH_MAX; /* so that the end is not taken for a good one */
    return JSON_BAD;
}

/* What may follow a whole value. */
static enum json_token after_value(struct json *j, enum json_token token)
{
    j->expect = j->depth ? COMMA_OR_CLOSE : NOTHING;
    return token;
}

/* ---- strings ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 32) >= 'a' && (c | 32) <= 'f')
        return (c | 32) - 'a' + 10;
    return -1;
}

/* Behind "\u". A code point of a pair is left as two of three bytes each: nobody reads it but people. */
static char *code_point(struct json *j, char *to)
{
    unsigned code = 0;

    if (j->end - j->at < 4)
        return NULL;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(*j->at++);

        if (digit < 0)
            return NULL;
        code = 16 * code + (unsigned)digit;
    }
    if (code == 0)
        *to++ = '?'; /* no NUL in a text */
    else if (code < 0x100)
        *to++ = (char)code;
    else if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
        *to++ = (char)(0x80 | (code & 63));
    } else {
        *to++ = (char)(0xe0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 63));
        *to++ = (char)(0x80 | (code & 63));
    }
    return to;
}

static char *escape(struct json *j, char *to)
{
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    const char *at;
    char c;

    if (j->at == j->end)
        return NULL;
    c = *j->at++;
    if (c == 'u')
        return code_point(j, to);
    at = c ? strchr(from, c) : NULL;
    if (!at)
        return NULL;
    *to++ = into[at - from];
    return to;
}

/* Behind its first quote. */
static bool string(struct json *j)
{
    char *to = j->text;

    while (to && j->at < j->end && *j->at != '"') {
        char c = *j->at++;

        if (c == '\\')
            to = escape(j, to);
        else if ((unsigned char)c < 0x20)
            return false;
        else
            *to++ = c;
    }
    if (!to || j->at == j->end)
        return false;
    j->at++;
    *to = '\0';
    return true;
}

/* ---- the others ---- */

static bool plain(struct json *j, const char *bytes)
{
    size_t len = 0, left = (size_t)(j->end - j->at);

    while (len < left && j->at[len] && strchr(bytes, j->at[len]))
        len++;
    memcpy(j->text, j->at, len);
    j->text[len] = '\0';
    j->at += len;
    return len > 0;
}

static bool is_number(const char *text)
{
    text += *text == '-';
    if (*text < '0' || *text > '9' || (*text == '0' && text[1] >= '0' && text[1] <= '9'))
        return false;
    text += strspn(text, "0123456789");
    if (*text == '.' && !strspn(text + 1, "0123456789"))
        return false;
    text += *text == '.';
    text += strspn(text, "0123456789");
    if (*text == 'e' || *text == 'E') {
        text++;
        text += *text == '+' || *text == '-';
        return *text && !text[strspn(text, "0123456789")];
    }
    return !*text;
}

static enum json_token open_one(struct json *j, bool object)
{
    if (j->depth >= JSON_DEPTH_MAX - 1)
        return bad(j);
    j->objects &= ~(1U << j->depth);
    j->objects |= (uint32_t)object << j->depth;
    j->depth++;
    j->expect = object ? KEY_OR_CLOSE : VALUE_OR_CLOSE;
    return object ? JSON_OBJECT : JSON_ARRAY;
}

static bool in_object(const struct json *j)
{
    return j->objects >> (j->depth - 1) & 1;
}

static enum json_token value(struct json *j)
{
    if (take(j, '{'))
        return open_one(j, true);
    if (take(j, '['))
        return open_one(j, false);
    if (take(j, '"'))
        return string(j) ? after_value(j, JSON_STRING) : bad(j);
    if (j->at < j->end && strchr("-0123456789", *j->at) && *j->at)
        return plain(j, "+-.0123456789eE") && is_number(j->text) ? after_value(j, JSON_NUMBER) : bad(j);
    if (plain(j, "abcdefghijklmnopqrstuvwxyz") &&
        (strcmp(j->text, "true") == 0 || strcmp(j->text, "false") == 0 || strcmp(j->text, "null") == 0))
        return after_value(j, JSON_WORD);
    return bad(j);
}

static enum json_token key(struct json *j)
{
    if (!take(j, '"') || !string(j) || !take(j, ':'))
        return bad(j);
    j->expect = VALUE;
    return JSON_KEY;
}

enum json_token json_next(struct json *j)
{
    bool may_close = j->expect == COMMA_OR_CLOSE || j->expect == KEY_OR_CLOSE || j->expect == VALUE_OR_CLOSE;

    if (j->expect == NOTHING) {
        skip_space(j);
        return j->at == j->end && !j->depth ? JSON_END : bad(j);
    }
    if (may_close && take(j, in_object(j) ? '}' : ']')) {
        j->depth--;
        return after_value(j, JSON_CLOSE);
    }
    if (j->expect == COMMA_OR_CLOSE) {
        if (!take(j, ','))
            return bad(j);
        j->expect = in_object(j) ? KEY : VALUE;
    }
    return j->expect == KEY || j->expect == KEY_OR_CLOSE ? key(j) : value(j);
}
