/* SPDX-License-Identifier: MIT */
/*
 * Destinations of rules.
 *
 *   destination = pattern [ ":" ( "*" / port *( "," port ) ) ]          no ports: 80
 *   pattern     = "*" / "localhost" / name / glob / "." name / v4 [ "/" bits ] / "[" v6 [ "/" bits ] "]" /
 *                 v6 "/" bits
 *   glob        = a name with "*" (any bytes, dots too) and "?" (one byte, no dot) in it
 *
 * Everything but pattern_parse() is pure: no blocking, no allocation, safe anywhere.
 */
#pragma once

#include "policy/arena.h"
#include "policy/lex.h"
#include "policy/policy.h"

enum pattern_kind {
    PATTERN_ANY,
    PATTERN_NAME,
    PATTERN_GLOB,
    PATTERN_SUFFIX,
    PATTERN_LOCALHOST,
    PATTERN_ADDRESS,
};

struct pattern {
    enum pattern_kind kind;
    bool all_ports;
    uint8_t bits;                  /* of an address, 0 to 128; a v4 prefix counts from 96 */
    struct policy_address address; /* ADDRESS: bits beyond the prefix are zero */
    const char *name;              /* NAME, GLOB: normalised; SUFFIX: normalised, without its dot */
    const uint16_t *ports;
    size_t n_ports;
};

/* Parses the destination; `name` and `ports` live in the arena. False after a diagnostic. Allocates. */
bool pattern_parse(struct pattern *out, const struct lex_word *w, struct arena *arena,
                   struct policy_diagnostics *diag);

bool pattern_has_port(const struct pattern *p, uint16_t port);
bool pattern_matches_name(const struct pattern *p, const char *name);
/* By address, CIDR and `localhost` patterns only. */
bool pattern_matches_address(const struct pattern *p, const struct policy_address *a);
/* ANY and everything that can match a name. */
bool pattern_is_for_names(const struct pattern *p);
/* The same pattern, whatever its ports. */
bool pattern_equal(const struct pattern *a, const struct pattern *b);
/* Whatever `narrow` matches, name or address, `wide` matches too; false when that is not certain. Ports are
 * not compared. ANY does not cover patterns that match addresses: see policy_decide(). */
bool pattern_covers(const struct pattern *wide, const struct pattern *narrow);
bool pattern_covers_ports(const struct pattern *wide, const struct pattern *narrow);
