/* SPDX-License-Identifier: MIT */
/* What a destination pattern matches, and which patterns another one makes useless. */
#include <string.h>

#include "policy/pattern.h"

#define V4_BITS 96U /* the prefix of ::ffff:0:0/96 */

bool pattern_has_port(const struct pattern *p, uint16_t port)
{
    for (size_t i = 0; i < p->n_ports; i++)
        if (p->ports[i] == port)
            return true;
    return p->all_ports;
}

/* Is `name` equal to `suffix`, or below it? */
static bool is_below(const char *name, const char *suffix)
{
    size_t n = strlen(name), s = strlen(suffix);

    if (n < s || memcmp(name + n - s, suffix, s) != 0)
        return false;
    return n == s || name[n - s - 1] == '.';
}

/* One wildcard byte of `glob` against one byte of `text`. The text may be a glob itself (pattern_covers): its
 * own wildcards stand for what they expand to, so only a '*' or the same wildcard takes them. */
static bool takes(char glob, char text)
{
    if (glob == '?')
        return text != '.' && text != '*';
    return glob == text;
}

/* Greedy with one way back, to the last '*': never worse than length times length. */
static bool glob_matches(const char *glob, const char *text)
{
    const char *star = NULL, *retry = NULL;

    while (*text) {
        if (*glob == '*') {
            star = glob++;
            retry = text;
        } else if (*glob && takes(*glob, *text)) {
            glob++;
            text++;
        } else if (star) {
            glob = star + 1;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*glob == '*')
        glob++;
    return *glob == '\0';
}

bool pattern_matches_name(const struct pattern *p, const char *name)
{
    switch (p->kind) {
    case PATTERN_ANY: return true;
    case PATTERN_NAME: return strcmp(p->name, name) == 0;
    case PATTERN_GLOB: return glob_matches(p->name, name);
    case PATTERN_SUFFIX: return is_below(name, p->name);
    case PATTERN_LOCALHOST: return is_below(name, "localhost"); /* RFC 6761 section 6.3 */
    case PATTERN_ADDRESS: break;
    }
    return false;
}

static bool same_prefix(const struct policy_address *a, const struct policy_address *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    if (memcmp(a->bytes, b->bytes, whole) != 0)
        return false;
    return rest == 0 || ((a->bytes[whole] ^ b->bytes[whole]) & (0xff00U >> rest) & 0xffU) == 0;
}

static bool is_v4(const struct policy_address *a)
{
    static const struct policy_address mapped = {.bytes = {[10] = 0xff, [11] = 0xff}};

    return same_prefix(a, &mapped, V4_BITS);
}

bool pattern_matches_address(const struct pattern *p, const struct policy_address *a)
{
    if (p->kind == PATTERN_LOCALHOST)
        return policy_address_is_loopback(a);
    if (p->kind != PATTERN_ADDRESS)
        return false;
    /* "::/0" is about IPv6: the mapped addresses are IPv4 and have lines of their own */
    if (p->bits < V4_BITS && is_v4(a))
        return false;
    return same_prefix(&p->address, a, p->bits);
}

bool pattern_is_for_names(const struct pattern *p)
{
    return p->kind != PATTERN_ADDRESS;
}

bool pattern_equal(const struct pattern *a, const struct pattern *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == PATTERN_ADDRESS)
        return a->bits == b->bits && memcmp(&a->address, &b->address, sizeof(a->address)) == 0;
    return a->kind == PATTERN_ANY || a->kind == PATTERN_LOCALHOST || strcmp(a->name, b->name) == 0;
}

/* A suffix is covered if its name and an unknown name below it are. */
static bool covers_suffix(const struct pattern *wide, const char *suffix)
{
    char below[POLICY_NAME_MAX + 3] = "*.";

    if (wide->kind != PATTERN_GLOB)
        return pattern_matches_name(wide, suffix);
    strncat(below, suffix, POLICY_NAME_MAX);
    return glob_matches(wide->name, suffix) && glob_matches(wide->name, below);
}

/* A glob is below a suffix only if its text says so: '*' before the last ".suffix" may stand for anything. */
static bool covers_glob(const struct pattern *wide, const char *glob)
{
    if (wide->kind == PATTERN_GLOB)
        return glob_matches(wide->name, glob);
    return pattern_matches_name(wide, glob);
}

bool pattern_covers(const struct pattern *wide, const struct pattern *narrow)
{
    if (pattern_equal(wide, narrow))
        return true;
    switch (narrow->kind) {
    case PATTERN_ANY:
    case PATTERN_LOCALHOST: return false;
    case PATTERN_ADDRESS:
        if (wide->kind == PATTERN_ADDRESS && wide->bits > narrow->bits)
            return false;
        if (wide->kind == PATTERN_LOCALHOST && narrow->bits < V4_BITS + 8)
            return false;
        return pattern_matches_address(wide, &narrow->address);
    case PATTERN_NAME: return pattern_matches_name(wide, narrow->name);
    case PATTERN_SUFFIX:
        return wide->kind == PATTERN_ANY || (wide->kind != PATTERN_NAME && wide->kind != PATTERN_ADDRESS &&
                                             covers_suffix(wide, narrow->name));
    case PATTERN_GLOB:
        return wide->kind == PATTERN_ANY || (wide->kind != PATTERN_NAME && wide->kind != PATTERN_ADDRESS &&
                                             covers_glob(wide, narrow->name));
    }
    return false;
}

bool pattern_covers_ports(const struct pattern *wide, const struct pattern *narrow)
{
    if (wide->all_ports || narrow->all_ports)
        return wide->all_ports;
    for (size_t i = 0; i < narrow->n_ports; i++)
        if (!pattern_has_port(wide, narrow->ports[i]))
            return false;
    return true;
}
