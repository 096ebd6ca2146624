/* SPDX-License-Identifier: MIT */
/* A conversation, '\0' between its turns: framing does not depend on how it is cut. */
#include "tests/fuzz/http1_checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    check_flow(data, len);
    return 0;
}
