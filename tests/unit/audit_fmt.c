/* SPDX-License-Identifier: MIT */
#include "tests/unit/unit.h"

#include "shim/audit.h"
#include "shim/audit/civil.h"
#include "tests/unit/audit_json.h"

static char out[256];

static struct fmt fresh(size_t cap)
{
    struct fmt f;
    memset(out, 'Z', sizeof out);
    fmt_init(&f, out, cap);
    return f;
}

static void numbers(void)
{
    struct fmt f = fresh(sizeof out);
    fmt_u64(&f, 0);
    fmt_char(&f, ' ');
    fmt_u64(&f, UINT64_MAX);
    fmt_char(&f, ' ');
    fmt_u64_fill(&f, 7, 3, '0');
    fmt_u64_fill(&f, 1234, 3, '0');
    fmt_u64_fill(&f, 5, 2, ' ');
    fmt_char(&f, ' ');
    fmt_hex(&f, (const uint8_t *)"\x00\x9f\xff", 3);
    fmt_char(&f, ' ');
    fmt_hex_u64(&f, 0xabc);
    CHECK_STR(fmt_text(&f), "0 18446744073709551615 0071234 5 009fff 0000000000000abc");
    CHECK(!f.cut);
    CHECK_INT(f.len, strlen(out));
}

static void cuts_and_stays_cut(void)
{
    struct fmt f = fresh(5);
    fmt_str(&f, "abcdef");
    CHECK_STR(fmt_text(&f), "abcd");
    CHECK(f.cut);
    CHECK(out[5] == 'Z');

    f = fresh(5);
    fmt_str(&f, "abc");
    fmt_u64(&f, 42); /* whole or not at all */
    fmt_char(&f, 'x');
    fmt_str(&f, "y");
    CHECK_STR(fmt_text(&f), "abc");
    CHECK(f.cut);

    f = fresh(0);
    fmt_str(&f, "a");
    fmt_json_string(&f, "a", 1, 8);
    CHECK(f.cut && out[0] == 'Z');
    CHECK_STR(fmt_text(&f), "");

    f = fresh(4);
    fmt_str(&f, NULL);
    fmt_strn(&f, "abc", 3); /* exactly full is not cut */
    fmt_strn(&f, "", 0);
    CHECK(!f.cut);
    CHECK_STR(fmt_text(&f), "abc");
}

static void printable(void)
{
    static const char hostile[] = "a\n\x1b[2J\\\"\x7f\xff ~";
    char text[64];
    CHECK_INT(audit_printable(hostile, sizeof hostile - 1, text, sizeof text), 27);
    CHECK_STR(text, "a\\x0a\\x1b[2J\\x5c\"\\x7f\\xff ~");
    CHECK_INT(audit_printable("ab\n", 3, text, 6), 2); /* an escape is whole or absent */
    CHECK_STR(text, "ab");
    CHECK_INT(audit_printable("ab\n", 3, text, 7), 6);
    CHECK_INT(audit_printable("ab", 2, text, 0), 0);
    for (size_t len = 0; len < sizeof hostile; len++)
        CHECK(audit_printable(unit_guarded(hostile, len), len, text, sizeof text) < sizeof text);
}

static void escaped_once(void)
{
    char text[64];
    struct fmt f;
    audit_printable("a\0\\b\n", 5, text, sizeof text);
    f = fresh(sizeof out);
    fmt_escaped(&f, text);
    CHECK_STR(fmt_text(&f), "a\\x00\\x5cb\\x0a");
    f = fresh(sizeof out);
    fmt_escaped(&f, "\\\\\x1b[2J\\");
    CHECK_STR(fmt_text(&f), "\\\\\\x1b[2J\\");
}

static void json_strings(void)
{
    struct fmt f = fresh(sizeof out);
    fmt_json_string(&f, "a\"b\\c\n\xff", 7, 64);
    CHECK_STR(fmt_text(&f), "\"a\\\"b\\\\c\\u000a\\u00ff\"");

    f = fresh(sizeof out);
    fmt_json_string(&f, "abcdefgh", 8, 8);
    fmt_json_string(&f, "abcdefghi", 9, 8);
    fmt_json_string(&f, "abcd\nfghi", 9, 8); /* the escape would stand in the dots' place */
    fmt_json_string(&f, "", 0, 8);
    CHECK_STR(fmt_text(&f), "\"abcdefgh\"\"abcde...\"\"abcd...\"\"\"");

    for (unsigned c = 0; c < 256; c++) {
        char byte = (char)c;
        f = fresh(sizeof out);
        fmt_json_string(&f, &byte, 1, 16);
        CHECK(json_text(fmt_text(&f)) == out + f.len);
    }
}

static void civil_case(uint64_t seconds, uint32_t microseconds, const char *want, const char *want_syslog)
{
    struct fmt f = fresh(sizeof out);
    civil_rfc3339(&f, seconds, microseconds);
    CHECK_STR(fmt_text(&f), want);
    f = fresh(sizeof out);
    civil_rfc3164(&f, seconds);
    CHECK_STR(fmt_text(&f), want_syslog);
}

static void civil(void)
{
    civil_case(0, 0, "1970-01-01T00:00:00.000000Z", "Jan  1 00:00:00");
    civil_case(951782399, 1, "2000-02-28T23:59:59.000001Z", "Feb 28 23:59:59");
    civil_case(951782400, 999999, "2000-02-29T00:00:00.999999Z", "Feb 29 00:00:00");
    civil_case(1709251199, 0, "2024-02-29T23:59:59.000000Z", "Feb 29 23:59:59");
    civil_case(1735689599, 0, "2024-12-31T23:59:59.000000Z", "Dec 31 23:59:59");
    civil_case(1795230564, 0, "2026-11-21T03:09:24.000000Z", "Nov 21 03:09:24");
    civil_case(4107542400, 0, "2100-03-01T00:00:00.000000Z", "Mar  1 00:00:00"); /* 2100 is no leap year */
    civil_case(253402300799, 0, "9999-12-31T23:59:59.000000Z", "Dec 31 23:59:59");
}

int main(void)
{
    numbers();
    cuts_and_stays_cut();
    printable();
    escaped_once();
    json_strings();
    civil();
    return unit_done("audit_fmt");
}
