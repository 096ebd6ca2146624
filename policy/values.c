/* SPDX-License-Identifier: MIT */
/* What the options may say: one function a kind of value. Each checks the whole value. */
#include <string.h>

#include "policy/base64.h"
#include "policy/number.h"
#include "policy/options.h"

#define PATH_MAX_BYTES  4095U
#define VALUE_MAX_BYTES 1024U
#define TOKENS_MAX      4U
#define PINS_MAX        64U

static struct diag_place value_place(const struct option_use *u, const char *at)
{
    return lex_place(u->word, (size_t)(at - u->word->text));
}

static bool bad_value(struct option_use *u, const char *at, const char *more)
{
    char quoted[TEXT_QUOTE_MAX];

    diag_error(u->diag, value_place(u, at), "bad value ", text_quote(quoted, u->value), " for ", u->row->name,
               "=: it takes ", u->row->allowed, more);
    return false;
}

static bool no_memory(struct option_use *u)
{
    diag_no_memory(u->diag, u->word->place);
    return false;
}

static void store_string(struct option_use *u, const char *s)
{
    memcpy((char *)u->rule + u->row->offset, &s, sizeof(s));
}

bool value_switch(struct option_use *u)
{
    bool on = strcmp(u->value, u->row->on) == 0;

    if (!on && strcmp(u->value, u->row->off) != 0)
        return bad_value(u, u->value, "");
    memcpy((char *)u->rule + u->row->offset, &on, sizeof(on));
    return true;
}

bool value_mode(struct option_use *u)
{
    if (strcmp(u->value, "enforce") == 0)
        u->rule->mode = MODE_ENFORCE;
    else if (strcmp(u->value, "testing") == 0)
        u->rule->mode = MODE_TESTING;
    else
        return bad_value(u, u->value, "");
    return true;
}

/* The strategy that `len` bytes name, or STRATEGY_COUNT. */
static enum policy_strategy find_strategy(const char *text, size_t len)
{
    unsigned s = 0;

    for (; s < STRATEGY_COUNT; s++) {
        const char *name = policy_strategy_name((enum policy_strategy)s);

        if (strlen(name) == len && memcmp(name, text, len) == 0)
            break;
    }
    return (enum policy_strategy)s;
}

bool value_try(struct option_use *u)
{
    unsigned seen = 0;

    u->rule->n_try = 0;
    for (const char *at = u->value, *end;; at = end + 1) {
        enum policy_strategy s;

        end = at + strcspn(at, ",");
        s = find_strategy(at, (size_t)(end - at));
        if (s == STRATEGY_COUNT)
            return bad_value(u, at, "");
        if (seen & 1U << s)
            return bad_value(u, at, ", each once");
        seen |= 1U << s;
        u->rule->try[u->rule->n_try++] = s;
        if (!*end)
            return true;
    }
}

bool value_port(struct option_use *u)
{
    uint64_t port;

    if (!number_parse(u->value, strlen(u->value), &port) || port == 0 || port > UINT16_MAX)
        return bad_value(u, u->value, "");
    u->rule->implicit_port = (uint16_t)port;
    return true;
}

/* RFC 9110 section 7.8: protocol = name "/" version; RFC 2817 section 3.1: the name is TLS. Written with ", "
 * between the tokens, as the field is sent. */
bool value_tokens(struct option_use *u)
{
    char out[TOKENS_MAX * sizeof("TLS/1.2, ")];
    struct text list = text_on(out, sizeof(out));
    unsigned n = 0;
    const char *copy;

    for (const char *at = u->value;; at += sizeof("TLS/1.2,") - 1) {
        if (strncmp(at, "TLS/", 4) != 0 || at[4] < '0' || at[4] > '9' || at[5] != '.' || at[6] < '0' ||
            at[6] > '9' || (at[7] && at[7] != ','))
            return bad_value(u, at, "");
        if (++n > TOKENS_MAX)
            return bad_value(u, at, "; at most four");
        text_add(&list, n > 1 ? ", " : "");
        text_add_bytes(&list, at, sizeof("TLS/1.2") - 1);
        if (!at[7])
            break;
    }
    copy = arena_copy(u->arena, out, list.len);
    store_string(u, copy);
    return copy || no_memory(u);
}

bool value_path(struct option_use *u)
{
    size_t len = strlen(u->value);

    if (*u->value != '/' || len > PATH_MAX_BYTES || u->value[len - 1] == '/')
        return bad_value(u, u->value, "");
    store_string(u, u->value);
    return true;
}

/* Few enough that a new copy for each does not matter. */
static bool add_pin(struct option_use *u, const struct policy_pin *pin)
{
    struct policy_rule *r = u->rule;
    struct policy_pin *grown = arena_get(u->arena, (r->n_pins + 1) * sizeof(*grown));

    if (!grown)
        return no_memory(u);
    if (r->n_pins)
        memcpy(grown, r->pins, r->n_pins * sizeof(*grown));
    grown[r->n_pins++] = *pin;
    r->pins = grown;
    return true;
}

/* The length is what goes wrong when a pin is copied by hand. */
static bool bad_pin(struct option_use *u, const char *base64)
{
    char more[48 + TEXT_UINT_MAX], number[TEXT_UINT_MAX];
    struct text t = text_on(more, sizeof(more));

    text_add(&t, ", the last one '='");
    if (strlen(base64) != BASE64_PIN_CHARS) {
        text_add(&t, "; this one has ");
        text_add(&t, text_uint(number, strlen(base64)));
    }
    return bad_value(u, base64, more);
}

bool value_pin(struct option_use *u)
{
    static const char prefix[] = "sha256//";
    struct policy_pin pin;

    if (strncmp(u->value, prefix, sizeof(prefix) - 1) != 0)
        return bad_value(u, u->value, " (the SHA-256 of the server's public key)");
    if (!base64_parse_pin(u->value + sizeof(prefix) - 1, &pin))
        return bad_pin(u, u->value + sizeof(prefix) - 1);
    for (size_t i = 0; i < u->rule->n_pins; i++) {
        if (memcmp(&u->rule->pins[i], &pin, sizeof(pin)) == 0) {
            diag_error(u->diag, u->word->place, "this pin is given twice");
            return false;
        }
    }
    if (u->rule->n_pins == PINS_MAX)
        return bad_value(u, u->value, "; at most 64 a rule");
    return add_pin(u, &pin);
}

/* Lower case and without trailing dot, in place: never longer than what was there. */
static bool normalise_in_place(char *value)
{
    char name[POLICY_NAME_MAX + 1];

    if (!policy_normalise_name(value, strlen(value), name))
        return false;
    memcpy(value, name, strlen(name) + 1);
    return true;
}

bool value_identity(struct option_use *u)
{
    struct policy_address address;

    if (!policy_parse_address(u->value, &address) && !normalise_in_place(u->value))
        return bad_value(u, u->value, " (no pattern, no port)");
    store_string(u, u->value);
    return true;
}

/* RFC 6066 section 3: "Literal IPv4 and IPv6 addresses are not permitted" in server_name. */
bool value_servername(struct option_use *u)
{
    struct policy_address address;

    if (policy_parse_address(u->value, &address) || !normalise_in_place(u->value))
        return bad_value(u, u->value, ", not an address");
    store_string(u, u->value);
    return true;
}

bool value_min_tls(struct option_use *u)
{
    if (strcmp(u->value, "1.2") == 0)
        u->rule->min_tls = 0x0303;
    else if (strcmp(u->value, "1.3") == 0)
        u->rule->min_tls = 0x0304;
    else
        return bad_value(u, u->value, "");
    return true;
}

/* The engine asks OpenSSL whether it knows the ciphers; here only what could weaken or confuse is refused. */
bool value_ciphers(struct option_use *u)
{
    static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+!=@:,";
    const char *level = strstr(u->value, "@SECLEVEL");
    size_t good = strspn(u->value, chars);

    if (!*u->value || u->value[good] || good > VALUE_MAX_BYTES)
        return bad_value(u, u->value + good, "");
    for (; level; level = strstr(level + 1, "@SECLEVEL"))
        if (level[9] != '=' || level[10] < '2' || level[10] > '5' || (level[11] && !strchr(":,", level[11])))
            return bad_value(u, level, "; its security level cannot be below 2");
    store_string(u, u->value);
    return true;
}

bool value_alpn(struct option_use *u)
{
    if (strcmp(u->value, "none") == 0)
        store_string(u, NULL);
    else if (strcmp(u->value, "http/1.1") == 0 || strcmp(u->value, "http/1.0") == 0)
        store_string(u, u->value);
    else
        return bad_value(u, u->value, " (what is carried is HTTP/1)");
    return true;
}

bool value_seconds(struct option_use *u)
{
    unsigned ms;

    if (!number_parse_seconds(u->value, &ms))
        return bad_value(u, u->value, "");
    memcpy((char *)u->rule + u->row->offset, &ms, sizeof(ms));
    return true;
}

bool value_audit(struct option_use *u)
{
    if (strcmp(u->value, "syslog") != 0 && strcmp(u->value, "none") != 0)
        return value_path(u);
    store_string(u, u->value);
    return true;
}
