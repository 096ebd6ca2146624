/* SPDX-License-Identifier: MIT */
#include "shim/cli/url.h"

#include <string.h>

#include "policy/number.h"

static bool take_address(const char *host, size_t len, struct url *out)
{
    char text[POLICY_ADDRESS_TEXT];

    if (len >= sizeof(text))
        return false;
    memcpy(text, host, len);
    text[len] = '\0';
    if (!policy_parse_address(text, &out->address))
        return false;
    policy_format_address(&out->address, out->host);
    out->is_address = true;
    return true;
}

static const char *take_port(const char *text, size_t len, struct url *out)
{
    uint64_t port = 80;

    if (len && (!number_parse(text, len, &port) || port == 0 || port > UINT16_MAX))
        return "its port is not a number from 1 to 65535";
    out->port = (uint16_t)port;
    return NULL;
}

/* RFC 3986 section 3.2 without userinfo: `len` bytes. */
static const char *take_authority(const char *text, size_t len, struct url *out)
{
    const char *end = text + len, *colon;

    if (memchr(text, '@', len))
        return "leave user and password out";
    if (*text == '[') {
        const char *bracket = memchr(text, ']', len);

        if (!bracket || (bracket + 1 < end && bracket[1] != ':') ||
            !memchr(text, ':', (size_t)(bracket - text)) ||
            !take_address(text + 1, (size_t)(bracket - text) - 1, out))
            return "what stands in brackets is not an IPv6 address";
        colon = bracket + 1;
    } else {
        colon = memchr(text, ':', len);
        if (!colon)
            colon = end;
        if (!take_address(text, (size_t)(colon - text), out) &&
            !policy_normalise_name(text, (size_t)(colon - text), out->host))
            return "its host is neither a name nor an address";
    }
    colon += colon < end;
    return take_port(colon, (size_t)(end - colon), out);
}

const char *url_parse(const char *text, struct url *out)
{
    const char *scheme = strstr(text, "://");

    memset(out, 0, sizeof(*out));
    if (strncasecmp(text, "https://", 8) == 0)
        return "tlsup leaves https alone: it has TLS of its own";
    if (scheme && strncasecmp(text, "http://", 7) != 0)
        return "only http URLs are looked at";
    if (scheme)
        text = scheme + 3;
    return take_authority(text, strcspn(text, "/?#"), out);
}
