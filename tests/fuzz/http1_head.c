/* SPDX-License-Identifier: MIT */
/* clang -g -fsanitize=fuzzer,address,undefined -std=gnu11 -D_GNU_SOURCE -I. tests/fuzz/http1_head.c
 * shim/http1/[a-z]*.c */
#include "tests/fuzz/http1_checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    check_heads(data, len);
    return 0;
}
