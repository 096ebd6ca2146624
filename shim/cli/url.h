/* SPDX-License-Identifier: MIT */
/* The part of a URL that a policy is about: http://HOST[:PORT], or HOST[:PORT] alone. */
#pragma once

#include "policy/policy.h"

struct url {
    char host[POLICY_NAME_MAX + 1]; /* normalised name, or an address without brackets */
    bool is_address;
    struct policy_address address;
    uint16_t port;
};

/* NULL, or what is wrong with the URL. Path, query and fragment are ignored. */
const char *url_parse(const char *text, struct url *out);
