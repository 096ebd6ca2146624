/* SPDX-License-Identifier: MIT */
/* Names and addresses in one spelling, so that no second spelling of a destination slips past a rule. */
#include <arpa/inet.h>
#include <string.h>

#include "policy/policy.h"

#define LABEL_MAX 63U

/* LDH (RFC 1123 section 2.1) and '_', which real hosts use; 0 for any other byte. No locale. */
static char normal(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.')
        return c;
    return 0;
}

bool policy_normalise_name(const char *name, size_t len, char out[POLICY_NAME_MAX + 1])
{
    size_t label = 0, i;

    out[0] = '\0';
    if (len && name[len - 1] == '.')
        len--;
    if (len == 0 || len > POLICY_NAME_MAX)
        return false;
    for (i = 0; i < len; i++) {
        out[i] = normal(name[i]);
        if (out[i] == '.' ? label == 0 : !out[i] || label == LABEL_MAX)
            break;
        label = out[i] == '.' ? 0 : label + 1;
    }
    if (i < len || label == 0) {
        out[0] = '\0';
        return false;
    }
    out[len] = '\0';
    return true;
}

bool policy_parse_address(const char *text, struct policy_address *out)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (inet_pton(AF_INET6, text, out->bytes) == 1)
        return true;
    if (inet_pton(AF_INET, text, out->bytes + 12) != 1)
        return false;
    memcpy(out->bytes, mapped, sizeof(mapped));
    return true;
}

bool policy_address_is_loopback(const struct policy_address *a)
{
    static const uint8_t v4[13] = {[10] = 0xff, [11] = 0xff, [12] = 127};
    static const uint8_t v6[16] = {[15] = 1};

    return memcmp(a->bytes, v4, sizeof(v4)) == 0 || memcmp(a->bytes, v6, sizeof(v6)) == 0;
}

const char *policy_format_address(const struct policy_address *a, char out[POLICY_ADDRESS_TEXT])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (memcmp(a->bytes, mapped, sizeof(mapped)) == 0)
        return inet_ntop(AF_INET, a->bytes + 12, out, POLICY_ADDRESS_TEXT);
    return inet_ntop(AF_INET6, a->bytes, out, POLICY_ADDRESS_TEXT);
}
