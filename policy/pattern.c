/* SPDX-License-Identifier: MIT */
/* Reading a destination: see the grammar in pattern.h. */
#include "policy/pattern.h"

#include <string.h>

#include "policy/number.h"
#include "policy/text.h"

#define DEFAULT_PORT 80U
#define V4_BITS      96U

struct reader {
    struct pattern *out;
    const struct lex_word *word;
    struct arena *arena;
    struct policy_diagnostics *diag;
};

static bool fail(struct reader *r, size_t offset, const char *text, const char *more)
{
    char quoted[TEXT_QUOTE_MAX];

    diag_error(r->diag, lex_place(r->word, offset), text_quote(quoted, r->word->text), text, more);
    return false;
}

static bool no_memory(struct reader *r)
{
    diag_no_memory(r->diag, r->word->place);
    return false;
}

/* Port of the list that begins at `at`; moves behind it. 0: not a port. */
static unsigned next_port(const char **at)
{
    const char *start = *at;
    uint64_t port = 0;

    while (**at >= '0' && **at <= '9')
        (*at)++;
    if (!number_parse(start, (size_t)(*at - start), &port) || port > UINT16_MAX)
        return 0;
    return (unsigned)port;
}

static bool parse_ports(struct reader *r, const char *list)
{
    static const uint16_t default_port[1] = {DEFAULT_PORT};
    const char *at = list;
    uint16_t *ports;
    size_t room = 1;

    r->out->ports = default_port;
    r->out->n_ports = 1;
    if (!list)
        return true;
    r->out->n_ports = 0;
    if (strcmp(list, "*") == 0) {
        r->out->all_ports = true;
        return true;
    }
    for (; *at; at++)
        room += *at == ',';
    ports = arena_get(r->arena, room * sizeof(*ports));
    if (!ports)
        return no_memory(r);
    r->out->ports = ports;
    for (at = list;; at++) {
        size_t offset = (size_t)(at - r->word->text);
        unsigned port = next_port(&at);

        if (!port || (*at && *at != ','))
            return fail(r, offset, ": a port is a number from 1 to 65535; write :80 or :80,8080 or :*",
                        *at == '-' ? " (there are no ranges)" : "");
        if (pattern_has_port(r->out, (uint16_t)port))
            return fail(r, offset, ": this port is listed twice", "");
        ports[r->out->n_ports++] = (uint16_t)port;
        if (!*at)
            return true;
    }
}

/* ADDRESS from "address" or "address/bits", `len` bytes at `offset` of the word; must_be_v6 in brackets. */
static bool parse_address(struct reader *r, size_t offset, size_t len, bool must_be_v6)
{
    char text[64] = "";
    const char *slash = memchr(r->word->text + offset, '/', len);
    size_t address_len = slash ? (size_t)(slash - r->word->text) - offset : len;
    struct policy_address *a = &r->out->address;
    uint64_t bits;
    bool v6;

    if (address_len < sizeof(text))
        memcpy(text, r->word->text + offset, address_len);
    v6 = strchr(text, ':') != NULL;
    if (!policy_parse_address(text, a) || (must_be_v6 && !v6))
        return fail(r, offset,
                    must_be_v6 || v6 ? " is not an IPv6 address"
                                     : " is not an IPv4 address: four decimal numbers",
                    must_be_v6 || v6 ? "" : " without leading zeros");
    bits = v6 ? 128 : 32;
    if (slash && (!number_parse(slash + 1, len - address_len - 1, &bits) || bits > (v6 ? 128 : 32)))
        return fail(r, offset + address_len + 1, ": the prefix length is not a number from 0 to ",
                    v6 ? "128" : "32");
    r->out->kind = PATTERN_ADDRESS;
    r->out->bits = (uint8_t)(v6 ? bits : bits + V4_BITS);
    for (unsigned bit = r->out->bits; bit < 128; bit++)
        if (a->bytes[bit / 8] & (0x80U >> bit % 8))
            return fail(r, offset, " has bits set behind its prefix: a network ends in zeros", "");
    return true;
}

/* Replaces the wildcards, so that the rest can be checked as a name. */
static bool normalise_glob(const char *text, size_t len, char out[POLICY_NAME_MAX + 1])
{
    char plain[POLICY_NAME_MAX + 2];

    if (len >= sizeof(plain))
        return false;
    for (size_t i = 0; i < len; i++)
        plain[i] = text[i];
    for (size_t i = 0; i < len; i++)
        if (text[i] == '*' || text[i] == '?')
            plain[i] = 'x';
    if (!policy_normalise_name(plain, len, out))
        return false;
    for (size_t i = 0; out[i]; i++)
        if (text[i] == '*' || text[i] == '?')
            out[i] = text[i];
    return true;
}

/* The last label all digits: an address, or meant to be one. No top-level domain is (RFC 3696 section 2). */
static bool looks_like_v4(const char *text, size_t len)
{
    while (len && text[len - 1] == '.')
        len--;
    if (!len)
        return false;
    while (len && text[len - 1] >= '0' && text[len - 1] <= '9')
        len--;
    return len == 0 || text[len - 1] == '.' || text[len - 1] == '/';
}

static bool parse_name(struct reader *r, size_t len)
{
    const char *text = r->word->text;
    size_t dot = *text == '.';
    char name[POLICY_NAME_MAX + 1];
    bool wild = memchr(text, '*', len) || memchr(text, '?', len);

    if (dot && wild)
        return fail(r, 0, ": a suffix has no wildcards; write '*.name' or '.name'", "");
    if (len > 1 && strspn(text, "*") >= len)
        return fail(r, 0, ": write one '*' for every destination", "");
    if (wild && strspn(text, "0123456789.*?") >= len && strcspn(text, "0123456789") < len)
        return fail(r, 0, ": a pattern matches names only; write a range of addresses as 10.0.0.0/8", "");
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] >= 0x80)
            return fail(r, i, ": only ASCII; write an international name in its xn-- form", "");
    if (!normalise_glob(text + dot, len - dot, name))
        return fail(r, 0, " is not a name, pattern or address",
                    memchr(text, '/', len) ? "; a destination is not a URL: leave scheme and path out" : "");
    r->out->kind = wild ? PATTERN_GLOB : dot ? PATTERN_SUFFIX : PATTERN_NAME;
    if (r->out->kind == PATTERN_NAME && strcmp(name, "localhost") == 0)
        r->out->kind = PATTERN_LOCALHOST;
    r->out->name = arena_copy(r->arena, name, strlen(name));
    return r->out->name || no_memory(r);
}

/* The part before the ports, `len` bytes without brackets. */
static bool parse_host(struct reader *r, size_t len)
{
    const char *text = r->word->text;

    if (len == 0)
        return fail(r, 0, ": a name or '*' is missing before the port", "");
    if (len == 1 && *text == '*') {
        r->out->kind = PATTERN_ANY;
        return true;
    }
    if (looks_like_v4(text, len) && !memchr(text, '*', len) && !memchr(text, '?', len))
        return parse_address(r, 0, len, false);
    return parse_name(r, len);
}

bool pattern_parse(struct pattern *out, const struct lex_word *w, struct arena *arena,
                   struct policy_diagnostics *diag)
{
    struct reader r = {out, w, arena, diag};
    const char *text = w->text, *slash = strchr(text, '/'), *colon = strchr(text, ':');
    struct policy_address bare;

    *out = (struct pattern){0};
    if (*text == '[') {
        const char *end = strchr(text, ']');

        if (!end || (end[1] && end[1] != ':'))
            return fail(&r, 0, ": an IPv6 address stands as [address] or [address]:port", "");
        return parse_address(&r, 1, (size_t)(end - text) - 1, true) &&
               parse_ports(&r, end[1] ? end + 2 : NULL);
    }
    if (policy_parse_address(text, &bare) && colon)
        return fail(&r, 0, ": put an IPv6 address in brackets: [address] or [address]:port", "");
    if (slash && colon && colon < slash && colon[1] != '/') { /* v6/bits; "http://" is a mistake of its own */
        colon = strchr(slash, ':');
        return parse_address(&r, 0, colon ? (size_t)(colon - text) : strlen(text), true) &&
               parse_ports(&r, colon ? colon + 1 : NULL);
    }
    if (slash && colon && colon < slash)
        return parse_name(&r, strlen(text));
    return parse_host(&r, colon ? (size_t)(colon - text) : strlen(text)) &&
           parse_ports(&r, colon ? colon + 1 : NULL);
}
