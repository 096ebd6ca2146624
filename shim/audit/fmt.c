/* SPDX-License-Identifier: MIT */
#include "shim/audit/fmt.h"

#include <string.h>

#define DECIMAL_MAX 20U /* digits of UINT64_MAX */
#define ESCAPE_MAX  6U  /* bytes of \u00NN */

static const char hex_digits[] = "0123456789abcdef";

void fmt_init(struct fmt *f, char *out, size_t cap)
{
    f->at = out;
    f->cap = cap;
    f->len = 0;
    f->cut = cap == 0;
    if (cap)
        out[0] = '\0';
}

static size_t room(const struct fmt *f)
{
    return f->cut ? 0 : f->cap - 1 - f->len;
}

static void append(struct fmt *f, const char *s, size_t len)
{
    memcpy(f->at + f->len, s, len);
    f->len += len;
    f->at[f->len] = '\0';
}

/* Appends all of `s`, or nothing and cuts. */
static void append_whole(struct fmt *f, const char *s, size_t len)
{
    if (len > room(f))
        f->cut = true;
    else
        append(f, s, len);
}

void fmt_strn(struct fmt *f, const char *s, size_t len)
{
    size_t fits = room(f);
    if (!f->cut && len)
        append(f, s, len < fits ? len : fits);
    if (len > fits)
        f->cut = true;
}

void fmt_char(struct fmt *f, char c)
{
    append_whole(f, &c, 1);
}

void fmt_str(struct fmt *f, const char *s)
{
    if (s)
        fmt_strn(f, s, strlen(s));
}

void fmt_u64_fill(struct fmt *f, uint64_t v, unsigned width, char fill)
{
    char digits[DECIMAL_MAX];
    unsigned first = DECIMAL_MAX;
    do {
        digits[--first] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    while (first && DECIMAL_MAX - first < width)
        digits[--first] = fill;
    append_whole(f, digits + first, DECIMAL_MAX - first);
}

void fmt_u64(struct fmt *f, uint64_t v)
{
    fmt_u64_fill(f, v, 1, '0');
}

void fmt_hex(struct fmt *f, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len && !f->cut; i++) {
        char pair[2] = {hex_digits[data[i] >> 4], hex_digits[data[i] & 15]};
        append_whole(f, pair, sizeof pair);
    }
}

void fmt_hex_u64(struct fmt *f, uint64_t v)
{
    char digits[16];
    for (size_t i = sizeof digits; i-- > 0; v >>= 4)
        digits[i] = hex_digits[v & 15];
    append_whole(f, digits, sizeof digits);
}

static bool is_printable(unsigned char c)
{
    return c >= 0x20 && c < 0x7f;
}

void fmt_printable(struct fmt *f, const char *text, size_t len)
{
    for (size_t i = 0; i < len && !f->cut; i++) {
        unsigned char c = (unsigned char)text[i];
        char escape[4] = {'\\', 'x', hex_digits[c >> 4], hex_digits[c & 15]};
        if (is_printable(c) && c != '\\')
            fmt_char(f, text[i]);
        else
            append_whole(f, escape, sizeof escape);
    }
}

void fmt_escaped(struct fmt *f, const char *text)
{
    for (const char *end; *text; text = end) {
        end = text + strcspn(text, "\\");
        fmt_printable(f, text, (size_t)(end - text));
        for (; *end == '\\'; end++)
            fmt_char(f, '\\');
    }
}

/* RFC 8259 section 7. Returns the length of one byte's form in a JSON string. */
static size_t json_form(unsigned char c, char out[ESCAPE_MAX])
{
    const char escape[ESCAPE_MAX] = {'\\', 'u', '0', '0', hex_digits[c >> 4], hex_digits[c & 15]};
    size_t len = ESCAPE_MAX;
    memcpy(out, escape, ESCAPE_MAX);
    if (c == '"' || c == '\\') {
        out[1] = (char)c;
        len = 2;
    } else if (is_printable(c)) {
        out[0] = (char)c;
        len = 1;
    }
    return len;
}

/* How many bytes of `text` fit into `max` bytes of JSON string. */
static size_t json_fit(const char *text, size_t len, size_t max)
{
    char form[ESCAPE_MAX];
    size_t used = 0, i = 0;
    for (; i < len; i++) {
        used += json_form((unsigned char)text[i], form);
        if (used > max)
            break;
    }
    return i;
}

void fmt_json_string(struct fmt *f, const char *text, size_t len, size_t max)
{
    static const char more[] = "...";
    size_t keep = json_fit(text, len, max);
    bool shortened = keep < len;
    if (shortened)
        keep = json_fit(text, len, max - (sizeof more - 1));
    fmt_char(f, '"');
    for (size_t i = 0; i < keep && !f->cut; i++) {
        char form[ESCAPE_MAX];
        size_t form_len = json_form((unsigned char)text[i], form);
        append_whole(f, form, form_len);
    }
    if (shortened)
        append_whole(f, more, sizeof more - 1);
    fmt_char(f, '"');
}

const char *fmt_text(const struct fmt *f)
{
    return f->cap ? f->at : "";
}
