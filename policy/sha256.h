/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4), for the digest of a policy text. Does not block or allocate; safe anywhere. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32U

void sha256(const void *data, size_t len, uint8_t out[SHA256_BYTES]);
