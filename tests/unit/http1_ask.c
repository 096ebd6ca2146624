/* SPDX-License-Identifier: MIT */
/* What we ask in the clear, byte for byte. */

#include "shim/http1/ask.h"
#include "tests/unit/unit.h"

static void asks(const char *text, const char *tokens, const char *host, const char *upgrade)
{
    struct http1_authority to;
    char want[640], got[640];
    CHECK(http1_parse_authority((struct http1_span){text, strlen(text)}, &to));
    int len = snprintf(want, sizeof want,
                       "OPTIONS * HTTP/1.1\r\nHost: %s\r\nUpgrade: %s\r\nConnection: Upgrade\r\n\r\n", host,
                       upgrade);
    memset(got, 0, sizeof got);
    CHECK_INT(http1_ask_upgrade(&to, tokens, got, sizeof got - 1), len);
    CHECK_STR(got, want);
    /* all of it or nothing, and no byte behind the end */
    char *exact = unit_guarded(want, (size_t)len);
    CHECK_INT(http1_ask_upgrade(&to, tokens, exact, (size_t)len), len);
    for (size_t cap = 0; cap < (size_t)len; cap++)
        CHECK_INT(http1_ask_upgrade(&to, tokens, unit_guarded(want, cap), cap), 0);
}

int main(void)
{
    asks("a.test", NULL, "a.test", "TLS/1.2, TLS/1.0");
    asks("a.test:80", NULL, "a.test", "TLS/1.2, TLS/1.0");
    asks("A.test.:8080", NULL, "a.test:8080", "TLS/1.2, TLS/1.0");
    asks("[::1]:631", "TLS/1.3", "[::1]:631", "TLS/1.3");
    asks("192.0.2.7", "TLS/1.0", "192.0.2.7", "TLS/1.0");
    return unit_done("http1_ask");
}
