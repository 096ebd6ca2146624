/* SPDX-License-Identifier: MIT */
/* Pins in base64 (RFC 4648 section 4): exactly 32 bytes, one spelling only. Pure; safe anywhere. */
#pragma once

#include "policy/policy.h"

#define BASE64_PIN_CHARS 44U

/* `text` is 43 characters and one '='; the unused bits of the last character must be zero. */
bool base64_parse_pin(const char *text, struct policy_pin *out);
void base64_write_pin(const struct policy_pin *pin, char out[BASE64_PIN_CHARS + 1]);
