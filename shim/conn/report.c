/* SPDX-License-Identifier: MIT */
/* From a conn to its records and to the line for the person at the terminal. */
#include "shim/audit.h"
#include "shim/audit/fmt.h"
#include "shim/conn/conn.h"
#include "shim/conn/records.h"
#include "shim/conn/socket.h"
#include "shim/negotiate/strategy.h"
#include "shim/table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DESTINATION_BYTES 64U

static void put_destination(const struct sockaddr *addr, char out[DESTINATION_BYTES])
{
    struct fmt f;
    char text[INET6_ADDRSTRLEN] = "";
    uint16_t port;
    fmt_init(&f, out, DESTINATION_BYTES);
    if (addr->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, addr, offsetof(struct sockaddr_in6, sin6_scope_id));
        inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof text);
        port = ntohs(in6.sin6_port);
        fmt_char(&f, '[');
        fmt_str(&f, text);
        fmt_char(&f, ']');
    } else {
        struct sockaddr_in in;
        memcpy(&in, addr, sizeof in);
        inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
        port = ntohs(in.sin_port);
        fmt_str(&f, text);
    }
    fmt_char(&f, ':');
    fmt_u64(&f, port);
}

static void add_name(struct audit_event *e, const char *name, const char *source)
{
    if (e->n_names < AUDIT_NAMES_MAX && name[0])
        e->names[e->n_names++] = (struct audit_name){name, source};
}

static void put_rule(struct audit_event *e, const struct policy *p, const struct policy_verdict *v)
{
    if (p) {
        e->policy = policy_origin(p);
        e->policy_digest = policy_digest(p);
    }
    if (!v || !v->rule)
        return;
    e->has_rule = true;
    e->rule_line = v->rule->line;
    e->level = policy_level_name(v->level);
    e->mode = policy_mode_name(v->rule->mode);
}

static const char *sink_of(const struct policy *p, const struct policy_verdict *v)
{
    if (v && v->rule)
        return v->rule->audit;
    return p ? policy_defaults(p)->audit : "syslog";
}

static uint64_t us_between(uint64_t from_ns, uint64_t to_ns)
{
    return from_ns && to_ns > from_ns ? (to_ns - from_ns) / 1000 : 0;
}

#define FAILED_BYTES 48U

struct words { /* texts that an event points to */
    char destination[DESTINATION_BYTES], failed[FAILED_BYTES];
    struct tls_info tls;
};

/* The strategies that failed before the one that ran last. */
static const char *put_failed(const struct conn *c, char out[FAILED_BYTES])
{
    struct fmt f;
    fmt_init(&f, out, FAILED_BYTES);
    for (unsigned s = 0; s < STRATEGY_COUNT; s++) {
        if (!(c->failed & 1U << s) || s == c->trying)
            continue;
        fmt_str(&f, f.len ? "," : "");
        fmt_str(&f, policy_strategy_name((enum policy_strategy)s));
    }
    return f.len ? fmt_text(&f) : NULL;
}

static void describe(struct conn *c, struct audit_event *e, struct words *w)
{
    memset(e, 0, sizeof *e);
    put_destination((const struct sockaddr *)&c->peer, w->destination);
    e->id = c->id;
    e->destination = w->destination;
    if (c->has_authority)
        add_name(e, c->authority.host, "host");
    for (size_t i = 0; i < c->n_names; i++)
        add_name(e, c->names[i], "resolver");
    put_rule(e, c->policy, &c->verdict);
    e->strategy = c->strategy ? c->strategy->name : NULL;
    e->fallback_from = put_failed(c, w->failed);
    e->connect_us = us_between(c->connect_ns, c->begun_ns);
    e->negotiate_us = us_between(c->begun_ns, c->switched_ns);
    e->handshake_us = us_between(c->switched_ns, c->open_ns);
    if (!c->tls)
        return;
    c->engine->info(c->tls, &w->tls);
    e->tls_version = w->tls.version[0] ? w->tls.version : NULL;
    e->cipher = w->tls.cipher[0] ? w->tls.cipher : NULL;
    e->group = w->tls.group[0] ? w->tls.group : NULL;
    e->peer_spki = w->tls.has_peer ? w->tls.peer_spki : NULL;
    e->resumed = w->tls.resumed;
}

/* ---- for the person at the terminal ---- */

static void put_file(struct fmt *f, const struct policy *p, const struct policy_verdict *v)
{
    const char *path = policy_origin(p);
    const char *slash = strrchr(path, '/');
    fmt_str(f, " (");
    fmt_str(f, slash ? slash + 1 : path);
    if (v->rule->line) {
        fmt_char(f, ':');
        fmt_u64(f, v->rule->line);
    }
    fmt_char(f, ' ');
    fmt_str(f, policy_level_name(v->level));
    fmt_char(f, ')');
}

/* `tlsup: refused http://api.example:80: why (policy.conf:12 verify); tlsup explain http://api.example` */
static void say(const char *name, const char *destination, uint16_t port, const struct policy *p,
                const struct policy_verdict *v, const char *reason)
{
    char text[900];
    struct fmt f;
    bool has_rule = p && v && v->rule;
    if (has_rule && !v->rule->messages)
        return;
    fmt_init(&f, text, sizeof text);
    fmt_str(&f, "refused http://");
    fmt_str(&f, name ? name : destination);
    if (name) {
        fmt_char(&f, ':');
        fmt_u64(&f, port);
    }
    fmt_str(&f, ": ");
    fmt_escaped(&f, reason);
    if (has_rule)
        put_file(&f, p, v);
    fmt_str(&f, p ? "; tlsup explain http://" : "; tlsup check");
    if (p) {
        fmt_str(&f, name ? name : destination);
        if (name && port != 80) {
            fmt_char(&f, ':');
            fmt_u64(&f, port);
        }
    }
    audit_message(fmt_text(&f), table_has);
}

/* The request's name, in brackets if it is a v6 literal, as a URL wants it. */
static const char *name_of(const struct conn *c, char *out, size_t cap)
{
    struct http1_authority a = c->authority;
    a.port = 0;
    if (c->has_authority)
        return http1_format_authority(&a, out, cap) > 0 ? out : NULL;
    return c->n_names ? c->names[0] : NULL;
}

/* The name's: behind a proxy, whom the request is for. */
static uint16_t port_of(const struct conn *c)
{
    if (!c->proxied || !c->has_authority)
        return c->port;
    return c->authority.port ? c->authority.port : 80;
}

/* ---- the events ---- */

void report_decision(struct conn *c, const char *action)
{
    struct audit_event e;
    struct words w;
    if (c->decision_reported)
        return;
    c->decision_reported = true;
    describe(c, &e, &w);
    bool blocked = strcmp(action, "blocked") == 0;
    e.action = action;
    e.would = c->would_block ? "block" : NULL;
    e.result_type = c->result_type && (blocked || c->reason[0]) ? c->result_type : "success";
    e.reason = c->reason[0] ? c->reason : c->grant;
    e.error = blocked ? c->error : 0;
    if (c->conflict && !e.reason)
        e.reason = "the request's host is not among the names that were resolved";
    audit_decision(sink_of(c->policy, &c->verdict), &e);
    char name[HTTP1_HOST_MAX + 3];
    if (blocked && c->error)
        say(name_of(c, name, sizeof name), w.destination, port_of(c), c->policy, &c->verdict, c->reason);
}

/* How a stream broke, in RFC 8460's words or ours; of what TLS found wrong, what it was. */
static void put_break(const struct conn *c, struct audit_event *e)
{
    e->result_type = "success";
    if (c->ended != RC_ERROR)
        return;
    bool is_desync = strcmp(e->closed, "desync") == 0, is_error = strcmp(e->closed, "error") == 0;
    e->result_type = is_desync ? "tlsup-desync" : is_error ? "validation-failure" : "tlsup-truncated";
    if (is_desync)
        e->reason = "the server answered what nobody has asked";
    else if (is_error && c->tls && c->engine->error(c->tls)->text[0])
        e->reason = c->engine->error(c->tls)->text;
}

void report_close(struct conn *c)
{
    struct audit_event e;
    struct words w;
    if (!c->decision_reported || c->close_reported)
        return;
    c->close_reported = true;
    describe(c, &e, &w);
    e.action = c->grant ? c->granted : "upgraded";
    e.bytes_in = c->bytes_in;
    e.bytes_out = c->bytes_out;
    e.open_us = us_between(c->open_ns, now_ns());
    e.closed = c->closed ? c->closed : "local";
    put_break(c, &e);
    audit_close(sink_of(c->policy, &c->verdict), &e);
}

void report_asked_for_tls(struct conn *c)
{
    struct audit_event e;
    struct words w;
    describe(c, &e, &w);
    e.action = "allowed-plain";
    e.result_type = "tlsup-upgrade-required";
    e.reason = "the server answered 426 and asks for TLS: the next connection tries to upgrade";
    e.closed = "open";
    audit_close(sink_of(c->policy, &c->verdict), &e);
}

void report_dial(const struct sockaddr *addr, const struct policy_target *known, const struct policy *policy,
                 const struct policy_verdict *v, int error, const char *result_type, const char *reason)
{
    struct audit_event e = {.result_type = result_type, .reason = reason, .error = error};
    char destination[DESTINATION_BYTES];
    put_destination(addr, destination);
    e.id = now_ns();
    e.destination = destination;
    for (size_t i = 0; i < known->n_names; i++)
        add_name(&e, known->names[i], "resolver");
    e.action = error ? "blocked" : "bypass";
    put_rule(&e, policy, v);
    audit_decision(sink_of(policy, v), &e);
    if (error)
        say(known->n_names ? known->names[0] : NULL, destination, known->port, policy, v, reason);
}

void report_unlisted(const struct sockaddr *addr, const char *host, const struct policy_target *known,
                     const struct policy *policy)
{
    struct audit_event e = {.id = now_ns(),
                            .action = "bypass",
                            .result_type = "tlsup-unlisted-port",
                            .reason = "an HTTP request to a port that no line of the policy names",
                            .mode = policy_mode_name(MODE_TESTING)};
    char destination[DESTINATION_BYTES];
    put_destination(addr, destination);
    e.destination = destination;
    if (host)
        add_name(&e, host, "host");
    for (size_t i = 0; i < known->n_names; i++)
        add_name(&e, known->names[i], "resolver");
    put_rule(&e, policy, NULL);
    audit_decision(sink_of(policy, NULL), &e);
}

void report_door(struct conn *c, int error, const char *what)
{
    struct audit_event e;
    struct words w;
    char name[HTTP1_HOST_MAX + 3];
    describe(c, &e, &w);
    e.action = "blocked";
    e.result_type = "tlsup-bypass-refused";
    e.reason = what;
    e.error = error;
    audit_decision(sink_of(c->policy, &c->verdict), &e);
    say(name_of(c, name, sizeof name), w.destination, port_of(c), c->policy, &c->verdict, what);
}
