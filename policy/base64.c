/* SPDX-License-Identifier: MIT */
#include "policy/base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool base64_parse_pin(const char *text, struct policy_pin *out)
{
    uint32_t bits = 0;
    unsigned n_bits = 0;
    size_t n = 0;

    if (strlen(text) != BASE64_PIN_CHARS || text[BASE64_PIN_CHARS - 1] != '=')
        return false;
    for (size_t i = 0; i < BASE64_PIN_CHARS - 1; i++) {
        const char *at = strchr(alphabet, text[i]);

        if (!at)
            return false;
        bits = bits << 6 | (uint32_t)(at - alphabet);
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            out->sha256[n++] = (uint8_t)(bits >> n_bits);
        }
    }
    return (bits & ((1U << n_bits) - 1)) == 0;
}

void base64_write_pin(const struct policy_pin *pin, char out[BASE64_PIN_CHARS + 1])
{
    for (size_t i = 0; i < BASE64_PIN_CHARS - 1; i++) {
        size_t byte = i * 6 / 8, bit = i * 6 % 8;
        unsigned pair = (unsigned)pin->sha256[byte] << 8;

        if (byte + 1 < POLICY_PIN_BYTES)
            pair |= pin->sha256[byte + 1];
        out[i] = alphabet[pair >> (10 - bit) & 63U];
    }
    memcpy(out + BASE64_PIN_CHARS - 1, "=", 2);
}
