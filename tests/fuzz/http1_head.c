/* SPDX-License-Identifier: MIT */
/* Heads of requests and responses, and authorities: any bytes. */
#include "tests/fuzz/http1_checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    check_heads(data, len);
    return 0;
}
