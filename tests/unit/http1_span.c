/* SPDX-License-Identifier: MIT */
/* Classes of bytes, each where the grammar has it, wherever the byte stands in a span of any length. */
#include "shim/http1/chars.h"
#include "shim/http1/span.h"
#include "tests/unit/unit.h"

#define LONGEST 25U /* eight bytes are looked at at once */

/* RFC 9110 section 5.6.2, RFC 5234 appendix B.1 */
static bool is_tchar(unsigned c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && c < 0x80 && strchr("!#$%&'*+-.^_`|~", (int)c));
}

static bool is_ctl(unsigned c)
{
    return (c <= 0x1f && c != '\t') || c == 0x7f;
}

static void classes(void)
{
    for (unsigned c = 0; c < 256; c++) {
        CHECK_INT(http1_is_token((char)c), is_tchar(c));
        CHECK_INT(http1_is_control((char)c), is_ctl(c));
    }
}

static void spans(void)
{
    for (unsigned c = 0; c < 256; c++)
        for (size_t len = 1; len <= LONGEST; len++)
            for (size_t at = 0; at < len; at++) {
                char *text = malloc(len); /* so that a look behind its end is one */
                memset(text, at % 2 ? 'x' : '~', len);
                text[at] = (char)c;
                struct http1_span s = {text, len};
                CHECK_INT(http1_span_has_control(s), is_ctl(c));
                CHECK_INT(http1_span_control(s), is_ctl(c) ? at : len);
                CHECK_INT(http1_span_is_token(s), is_tchar(c));
                free(text);
            }
    struct http1_span none = {NULL, 0};
    CHECK(!http1_span_has_control(none));
    CHECK(!http1_span_is_token(none));
}

/* What the first look takes for a control byte, the second must not. */
static void mixtures(void)
{
    static const char bytes[] = {'\t', ' ', '!', '~', 'a', (char)0x80, (char)0x9f, (char)0xff};
    char text[16];
    uint64_t x = 7;
    for (unsigned n = 0; n < 20000; n++) {
        bool control = n % 4 == 0;
        for (size_t i = 0; i < sizeof text; i++) {
            x = x * 6364136223846793005U + 1442695040888963407U;
            text[i] = bytes[x >> 61 & 7];
        }
        if (control)
            text[x >> 40 & 15] = (char)(x >> 50 & 1 ? 0x7f : 0x1f);
        size_t first = 0;
        while (first < sizeof text && !is_ctl((unsigned char)text[first]))
            first++;
        CHECK_INT(first < sizeof text, control);
        CHECK_INT(http1_span_control((struct http1_span){text, sizeof text}), first);
    }
}

int main(void)
{
    classes();
    spans();
    mixtures();
    return unit_done("http1_span");
}
