/* SPDX-License-Identifier: MIT */
/* Edited request heads: whatever the target and the fields are. The first byte chooses the form. */
#include "tests/fuzz/http1_checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char *const starts[] = {"GET http://a", "OPTIONS http://a", "GET / HTTP/1.1\r\n",
                                         "POST http://a:8080/ HTTP/1.1\r\nHost: b\r\nUpgrade: h2c"};
    char head[4096];
    if (len == 0 || len > 2048)
        return 0;
    const char *start = starts[data[0] % 4];
    size_t n = strlen(start);
    memcpy(head, start, n);
    memcpy(head + n, data + 1, len - 1);
    check_heads((const uint8_t *)head, n + len - 1);
    memcpy(head + n + len - 1, "\r\n\r\n", 4);
    check_heads((const uint8_t *)head, n + len + 3);
    return 0;
}
