/* SPDX-License-Identifier: MIT */
/* The small tools of the policy language: text, numbers, base64, SHA-256, suggestions. */
#include "policy/text.h"

#include "policy/base64.h"
#include "policy/number.h"
#include "policy/sha256.h"
#include "policy/suggest.h"
#include "tests/unit/unit.h"

static void check_text(void)
{
    char buf[8], number[TEXT_UINT_MAX], quoted[TEXT_QUOTE_MAX];
    char long_word[200];
    struct text t = text_on(buf, sizeof(buf));

    text_add(&t, "abc");
    text_add_uint(&t, 1234567);
    CHECK_STR(buf, "abc1234");
    text_add(&t, "x");
    CHECK_INT(t.len, 7);
    CHECK_STR(text_uint(number, 0), "0");
    CHECK_STR(text_uint(number, UINT64_MAX), "18446744073709551615");
    CHECK_STR(text_quote(quoted, ""), "''");
    CHECK_STR(text_quote(quoted, "a\033b\xc3"), "'a?b?'");
    memset(long_word, 'x', sizeof(long_word) - 1);
    long_word[sizeof(long_word) - 1] = '\0';
    text_quote(quoted, long_word);
    CHECK_INT(strlen(quoted), TEXT_QUOTE_MAX - 1);
    CHECK_STR(quoted + TEXT_QUOTE_MAX - 6, "x...'");
    long_word[TEXT_QUOTE_MAX - sizeof("'...'")] = '\0';
    text_quote(quoted, long_word);
    CHECK(!strstr(quoted, "..."));
}

static void check_numbers(void)
{
    static const struct {
        const char *text;
        unsigned ms;
    } seconds[] = {
        {"10", 10000},  {"2.5", 2500}, {"0.001", 1}, {"3600", 3600000}, {"3600.0", 3600000}, {"1.25", 1250},
        {"0.120", 120}, {"0", 0},      {"0.0", 0},   {"3600.001", 0},   {"3601", 0},         {"1.", 0},
        {".5", 0},      {"1.0001", 0}, {"-1", 0},    {"+1", 0},         {" 1", 0},           {"1s", 0},
        {"1e3", 0},     {"", 0},       {"1.2.3", 0}, {"9999999999", 0}, {"inf", 0},          {"0x10", 0},
    };
    uint64_t n;

    for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
        unsigned ms = 0;

        CHECK_INT(number_parse_seconds(seconds[i].text, &ms), seconds[i].ms != 0);
        CHECK_INT(ms, seconds[i].ms);
    }
    CHECK(number_parse(unit_guarded("123456789", 9), 9, &n) && n == 123456789);
    CHECK(!number_parse("1234567890", 10, &n));
    CHECK(!number_parse("", 0, &n));
    CHECK(!number_parse("1a", 2, &n));
}

static void check_sha256(void)
{
    /* FIPS 180-4 examples, and lengths around the padding's edges against sha256sum(1) */
    static const struct {
        const char *text;
        uint8_t first[4];
    } known[] = {
        {"", {0xe3, 0xb0, 0xc4, 0x42}},
        {"abc", {0xba, 0x78, 0x16, 0xbf}},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", {0x24, 0x8d, 0x6a, 0x61}},
    };
    static const struct {
        size_t len;
        uint8_t first[4];
    } runs[] = {
        {1, {0xca, 0x97, 0x81, 0x12}},   {54, {0xa3, 0xf0, 0x1b, 0x69}},  {55, {0x9f, 0x43, 0x90, 0xf8}},
        {56, {0xb3, 0x54, 0x39, 0xa4}},  {57, {0xf1, 0x3b, 0x2d, 0x72}},  {63, {0x7d, 0x3e, 0x74, 0xa0}},
        {64, {0xff, 0xe0, 0x54, 0xfe}},  {65, {0x63, 0x53, 0x61, 0xc4}},  {119, {0x31, 0xeb, 0xa5, 0x1c}},
        {120, {0x2f, 0x3d, 0x33, 0x54}}, {127, {0xc5, 0x7e, 0x92, 0x78}}, {128, {0x68, 0x36, 0xcf, 0x13}},
        {129, {0xc1, 0x2c, 0xb0, 0x24}}, {200, {0xc2, 0xa9, 0x08, 0xd9}},
    };
    uint8_t out[SHA256_BYTES];
    char a[200];

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        size_t len = strlen(known[i].text);

        sha256(unit_guarded(known[i].text, len), len, out);
        CHECK(memcmp(out, known[i].first, 4) == 0);
    }
    memset(a, 'a', sizeof(a));
    for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        sha256(unit_guarded(a, runs[i].len), runs[i].len, out);
        CHECK(memcmp(out, runs[i].first, 4) == 0);
    }
}

static void check_pins(void)
{
    static const char good[] = "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=";
    static const char *const bad[] = {
        "",
        "=",
        "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg",
        "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg==",
        "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgh=", /* unused bits set */
        "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg=", /* base64url */
        "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCg==",
        "n4bQgYhMfWWaL+qgxVrQFaO/Txsr C4Is0V1sFbDwCg=",
    };
    struct policy_pin pin;
    char back[BASE64_PIN_CHARS + 1];

    CHECK(base64_parse_pin(good, &pin));
    CHECK_INT(pin.sha256[0], 0x9f); /* SHA-256 of "test" */
    CHECK_INT(pin.sha256[31], 0x08);
    base64_write_pin(&pin, back);
    CHECK_STR(back, good);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(!base64_parse_pin(bad[i], &pin));
}

static void check_suggest(void)
{
    static const char *const words[] = {"timeout", "try", "ca", "crl", "premature-close", "connect-timeout"};
    static const struct {
        const char *word, *near;
    } rows[] = {
        {"tmeout", "timeout"},
        {"timeuot", "timeout"},
        {"timeoutt", "timeout"},
        {"tryy", "try"},
        {"tyr", "try"},
        {"c", "ca"},
        {"cr", "ca"},
        {"xyz", NULL},
        {"conect-timeot", "connect-timeout"},
        {"premature_close", "premature-close"},
        {"totally", NULL},
        {"", NULL},
        {"a-word-that-is-much-too-long-for-the-table", NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *near = suggest(rows[i].word, words, 6);

        CHECK_STR(near ? near : "-", rows[i].near ? rows[i].near : "-");
    }
}

int main(void)
{
    check_text();
    check_numbers();
    check_sha256();
    check_pins();
    check_suggest();
    return unit_done("policy_text");
}
