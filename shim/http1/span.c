/* SPDX-License-Identifier: MIT */
#include "shim/http1/span.h"

#include <string.h>

#include "shim/http1/chars.h"

bool http1_span_is(struct http1_span s, const char *text)
{
    size_t i = 0;
    while (i < s.len && text[i] && http1_lower(s.at[i]) == http1_lower(text[i]))
        i++;
    return i == s.len && !text[i];
}

bool http1_span_exactly(struct http1_span s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

struct http1_span http1_span_trim(struct http1_span s)
{
    while (s.len && http1_is_blank(s.at[0])) {
        s.at++;
        s.len--;
    }
    while (s.len && http1_is_blank(s.at[s.len - 1]))
        s.len--;
    return s;
}

bool http1_span_has_control(struct http1_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (http1_is_control(s.at[i]))
            return true;
    return false;
}

bool http1_span_is_token(struct http1_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!http1_is_token(s.at[i]))
            return false;
    return s.len > 0;
}

struct http1_span http1_span_split(struct http1_span *s, char mark)
{
    const char *found = s->len ? memchr(s->at, mark, s->len) : NULL;
    struct http1_span first = *s;
    if (found)
        first.len = (size_t)(found - s->at);
    size_t gone = found ? first.len + 1 : s->len;
    s->at += gone;
    s->len -= gone;
    return first;
}

bool http1_next_member(struct http1_span *list, struct http1_span *member)
{
    while (list->len) {
        *member = http1_span_trim(http1_span_split(list, ','));
        if (member->len)
            return true;
    }
    return false;
}
