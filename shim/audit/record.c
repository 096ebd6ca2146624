/* SPDX-License-Identifier: MIT */
#include "shim/audit/record.h"

#include "shim/audit/civil.h"

#include <string.h>

#define SPKI_BYTES 32U
#define WORD_MAX   64U /* bytes of our own words and of a digest */

/* Bytes that one string of foreign length may take, from generous to the least: the first that fits is
 * used. A full record of honest strings fits with the first. */
static const size_t text_limits[] = {512, 256, 128, 64, 32, 16};

struct record {
    struct fmt f;
    size_t text_max;
};

static void key(struct record *r, const char *name)
{
    if (r->f.len && r->f.at[r->f.len - 1] != '{')
        fmt_char(&r->f, ',');
    fmt_char(&r->f, '"');
    fmt_str(&r->f, name);
    fmt_str(&r->f, "\":");
}

static void text_field(struct record *r, const char *name, const char *value, size_t max)
{
    if (!value)
        return;
    key(r, name);
    fmt_json_string(&r->f, value, strlen(value), max);
}

static void text(struct record *r, const char *name, const char *value)
{
    text_field(r, name, value, r->text_max);
}

static void word(struct record *r, const char *name, const char *value)
{
    text_field(r, name, value, WORD_MAX);
}

static void number(struct record *r, const char *name, uint64_t value)
{
    key(r, name);
    fmt_u64(&r->f, value);
}

static void milliseconds(struct record *r, const char *name, uint64_t microseconds)
{
    if (!microseconds)
        return;
    number(r, name, microseconds / 1000);
    fmt_char(&r->f, '.');
    fmt_u64_fill(&r->f, microseconds % 1000, 3, '0');
}

static void time_and_id(struct record *r, const char *kind, uint64_t id, const struct record_origin *origin)
{
    key(r, "time");
    fmt_char(&r->f, '"');
    civil_rfc3339(&r->f, origin->seconds, origin->microseconds);
    fmt_char(&r->f, '"');
    word(r, "event", kind);
    key(r, "id");
    fmt_char(&r->f, '"');
    fmt_hex_u64(&r->f, id);
    fmt_char(&r->f, '"');
    number(r, "pid", (uint64_t)origin->pid);
    number(r, "uid", origin->uid);
    text(r, "exe", origin->exe);
}

static void names(struct record *r, const struct audit_event *e)
{
    size_t count = e->n_names < AUDIT_NAMES_MAX ? e->n_names : AUDIT_NAMES_MAX;
    if (!count)
        return;
    key(r, "names");
    fmt_char(&r->f, '[');
    for (size_t i = 0; i < count; i++) {
        fmt_str(&r->f, i ? ",{" : "{");
        text(r, "name", e->names[i].name);
        word(r, "source", e->names[i].source);
        fmt_char(&r->f, '}');
    }
    fmt_char(&r->f, ']');
}

/* "path:line". The path is shortened, the line never; a built-in rule has no line. */
static void rule(struct record *r, const struct audit_event *e)
{
    if (!e->has_rule)
        return;
    text(r, "rule", e->policy ? e->policy : "built-in");
    if (!e->rule_line || r->f.cut)
        return;
    r->f.len--; /* the closing quote */
    fmt_char(&r->f, ':');
    fmt_u64(&r->f, e->rule_line);
    fmt_char(&r->f, '"');
}

static void policy(struct record *r, const struct audit_event *e)
{
    text(r, "policy", e->policy);
    rule(r, e);
    word(r, "policy_digest", e->policy_digest);
    word(r, "level", e->level);
    word(r, "mode", e->mode);
    word(r, "strategy", e->strategy);
    word(r, "fallback_from", e->fallback_from);
}

static void error_name(struct record *r, int error)
{
    const char *name = error ? strerrorname_np(error) : NULL;
    if (name)
        word(r, "errno", name);
    else if (error > 0)
        number(r, "errno", (uint64_t)error);
}

static void result(struct record *r, const struct audit_event *e, bool is_decision)
{
    word(r, "action", e->action);
    if (is_decision)
        word(r, "would", e->would);
    word(r, "result_type", e->result_type);
    text(r, "reason", e->reason);
    error_name(r, e->error);
}

static void session(struct record *r, const struct audit_event *e)
{
    word(r, "tls_version", e->tls_version);
    word(r, "cipher", e->cipher);
    word(r, "group", e->group);
    if (e->peer_spki) {
        key(r, "peer_spki_sha256");
        fmt_char(&r->f, '"');
        fmt_hex(&r->f, e->peer_spki, SPKI_BYTES);
        fmt_char(&r->f, '"');
    }
    if (e->tls_version) {
        key(r, "resumed");
        fmt_str(&r->f, e->resumed ? "true" : "false");
    }
    milliseconds(r, "connect_ms", e->connect_us);
    milliseconds(r, "negotiate_ms", e->negotiate_us);
    milliseconds(r, "handshake_ms", e->handshake_us);
}

static void end_of_stream(struct record *r, const struct audit_event *e)
{
    number(r, "bytes_in", e->bytes_in);
    number(r, "bytes_out", e->bytes_out);
    milliseconds(r, "open_ms", e->open_us);
    word(r, "closed", e->closed);
}

static void object(struct record *r, const char *kind, const struct audit_event *e,
                   const struct record_origin *origin, uint64_t lost)
{
    bool is_decision = strcmp(kind, "close") != 0;
    fmt_char(&r->f, '{');
    time_and_id(r, kind, e->id, origin);
    text(r, "destination", e->destination);
    names(r, e);
    if (is_decision)
        policy(r, e);
    result(r, e, is_decision);
    if (is_decision)
        session(r, e);
    else
        end_of_stream(r, e);
    if (lost)
        number(r, "lost", lost);
    fmt_char(&r->f, '}');
}

size_t record_format(const char *kind, const struct audit_event *e, const struct record_origin *origin,
                     uint64_t lost, char *out, size_t cap)
{
    /* One byte for the NUL or the newline in its place, and one so that both together still are one line. */
    if (cap > AUDIT_LINE_MAX - 1)
        cap = AUDIT_LINE_MAX - 1;
    for (size_t i = 0; i < sizeof text_limits / sizeof *text_limits; i++) {
        struct record r = {.text_max = text_limits[i]};
        fmt_init(&r.f, out, cap);
        object(&r, kind, e, origin, lost);
        if (!r.f.cut)
            return r.f.len;
    }
    if (cap)
        out[0] = '\0';
    return 0;
}
