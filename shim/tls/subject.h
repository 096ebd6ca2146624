/* SPDX-License-Identifier: MIT */
/*
 * Which subject does a certificate have? Told from its DER without parsing it, as a number that is the same
 * for all spellings that OpenSSL takes for one name (RFC 5280 section 7.1: letter case, white space, kind of
 * string), and may be the same for others. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of an encoded Name, which may be followed by anything. False: none, or not in definite-length DER. */
bool subject_of_name(const uint8_t *der, size_t len, uint64_t *out);
/* Of the certificate that begins with those `len` bytes. False: none, or its subject is not among them. */
bool subject_of_certificate(const uint8_t *der, size_t len, uint64_t *out);
