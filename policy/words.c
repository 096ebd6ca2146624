/* SPDX-License-Identifier: MIT */
/* The words of the language that are closed sets. */
#include "policy/policy.h"

const char *policy_level_name(enum policy_level level)
{
    switch (level) {
    case LEVEL_NONE: return "none";
    case LEVEL_MAY: return "may";
    case LEVEL_ENCRYPT: return "encrypt";
    case LEVEL_FINGERPRINT: return "fingerprint";
    case LEVEL_VERIFY: return "verify";
    case LEVEL_SECURE: return "secure";
    case LEVEL_REJECT: return "reject";
    }
    return "?";
}

const char *policy_mode_name(enum policy_mode mode)
{
    return mode == MODE_TESTING ? "testing" : "enforce";
}

const char *policy_strategy_name(enum policy_strategy s)
{
    switch (s) {
    case STRATEGY_UPGRADE: return "upgrade";
    case STRATEGY_IMPLICIT: return "implicit";
    case STRATEGY_CONNECT: return "connect";
    case STRATEGY_COUNT: break;
    }
    return "?";
}
