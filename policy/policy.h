/* SPDX-License-Identifier: MIT */
/*
 * The policy language: which destination gets which level of protection.
 *
 * A policy is parsed once from text and is immutable afterwards: any number of threads may read it. The
 * text of a rule names destinations; policy_decide() looks up each thing that is known about a connection
 * by itself and lets the strictest result win, so that neither DNS nor a Host field can talk a connection
 * into a weaker rule. No sockets and no OpenSSL here; only policy/load.c touches files.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Postfix' words, in order of strictness; fingerprint and verify are equally strict (their checks add up). */
enum policy_level {
    LEVEL_NONE,
    LEVEL_MAY,
    LEVEL_ENCRYPT,
    LEVEL_FINGERPRINT,
    LEVEL_VERIFY,
    LEVEL_SECURE,
    LEVEL_REJECT,
};

/* MTA-STS' words (RFC 8461 section 5). */
enum policy_mode { MODE_ENFORCE, MODE_TESTING };

enum policy_strategy { STRATEGY_UPGRADE, STRATEGY_IMPLICIT, STRATEGY_CONNECT, STRATEGY_COUNT };

#define POLICY_PIN_BYTES 32U  /* SHA-256 of the SubjectPublicKeyInfo */
#define POLICY_NAME_MAX  253U /* a DNS name without its trailing dot */

/* An IP address; a v4 address and its v4-mapped v6 form are the same address. */
struct policy_address {
    uint8_t bytes[16]; /* v4: stored as ::ffff:a.b.c.d */
};

struct policy_pin {
    uint8_t sha256[POLICY_PIN_BYTES];
};

/* One rule with every value that applies to it: its own options over those of the defaults line. */
struct policy_rule {
    unsigned line; /* where it starts in the file; 0: built in */
    enum policy_level level;
    enum policy_mode mode;
    enum policy_strategy try[STRATEGY_COUNT];
    unsigned n_try;
    unsigned timeout_ms;         /* NEGOTIATE to OPEN, all strategies */
    unsigned connect_timeout_ms; /* what `may` dials in the end */
    const char *tokens;          /* of our Upgrade field; NULL: the default "TLS/1.2, TLS/1.0" */
    const char *ca;              /* PEM file that replaces the system store; NULL: system */
    const char *crl;
    const char *match;      /* reference identity from the rule; NULL: from the request */
    const char *servername; /* SNI; NULL: the reference identity */
    const char *cert, *key; /* client certificate */
    const char *ciphers, *ciphersuites;
    const char *alpn;  /* one protocol id; NULL: the extension is not sent */
    const char *audit; /* "syslog", "none" or an absolute path */
    const struct policy_pin *pins;
    size_t n_pins;
    uint16_t min_tls;       /* 0x0303 or 0x0304 */
    uint16_t implicit_port; /* 0: 80 -> 443, others the same port */
    bool cert_on_upgrade;
    bool when_connect;
    bool proxy;
    bool non_http_pass;
    bool resume;
    bool premature_close_eof;
    bool desync_count;
    bool redirects_rewrite;
    bool messages;    /* one line on stderr per refusal */
    bool user_policy; /* defaults line only: may TLSUP_POLICY name another file */
    /* The rule's destination if it is one literal name or one address (normalised), else NULL; the reference
     * identity of `secure` when `match` is NULL. */
    const char *literal_name;
    const char *destination; /* as it is spelled in the file */
    uint32_t own;            /* options set on the rule's line: bits of policy/options.h */
    uint32_t inherited;      /* options taken from the defaults line */
};

struct policy;

/* What is known about a destination. Names are normalised (policy_normalise_name) by the caller. */
struct policy_target {
    const char *const *names; /* every name in play, the request's own included */
    size_t n_names;
    const char *request_name; /* the one that the request uses (Host, absolute-form); NULL: not known */
    struct policy_address address;
    bool no_address; /* `address` is not known: only `tlsup explain` asks so */
    uint16_t port;
    /* A request that goes through a proxy: `names` and `address` are the proxy's, and whom it is for is
     * looked up as a destination of its own. NULL: none, or not known. A name, or an address. */
    const char *origin;
    uint16_t origin_port;
    /* Nobody knows what the proxy is called, but the request is one for a proxy: the first proxy=yes line of
     * the port is taken to be about it. */
    bool is_proxy;
};

#define POLICY_MAX_PIN_RULES 8U

/* The outcome. Pointers live as long as the policy. */
struct policy_verdict {
    enum policy_level level;        /* LEVEL_NONE also when no line matches */
    const struct policy_rule *rule; /* decides name and trust; NULL: no line matched */
    /* Every matching rule that has pins (rule included, if it has): the pins of each must hold. */
    const struct policy_rule *pinned[POLICY_MAX_PIN_RULES];
    size_t n_pinned;
    const struct policy_rule *origin; /* the line of policy_target.origin, whether it decides or not */
    bool check_pins;                  /* pins are in force, alone or together with the chain: n_pinned > 0 */
    bool check_chain;                 /* verify or secure is in force */
};

/* May it block? No. May it allocate? No. Before init, in a signal handler: yes. All of the below. */

/* True if any line of the policy names this port: connect() must look closer. */
bool policy_lists_port(const struct policy *p, uint16_t port);
/* True if any line demands TLS, or rejects, in force and not in testing. */
bool policy_demands(const struct policy *p);

/* The verdict over everything in `target`: the strictest of each name and of the address. The address is
 * matched by address, CIDR and `localhost` lines; `*` lines match it only when no name is known. */
void policy_decide(const struct policy *p, const struct policy_target *target, struct policy_verdict *out);

/* True if, with what is known at connect(), level none is final: see DESIGN "It is not ours only if". */
bool policy_none_is_final(const struct policy *p, const struct policy_target *target);

/* True if TLS will be tried whatever the request says: each name alone, or every line of the port if no name
 * is known, asks for it. Not `may`, which is content without. */
bool policy_tls_is_certain(const struct policy *p, const struct policy_target *target);

/* Lower case, one trailing dot removed, checked against the reg-name grammar (LDH and '_', labels 1-63,
 * at most 253 bytes). Returns false and leaves out[0] = 0 if `name` is not such a name. */
bool policy_normalise_name(const char *name, size_t len, char out[POLICY_NAME_MAX + 1]);

/* inet_pton forms only; brackets and zone ids are not accepted. */
bool policy_parse_address(const char *text, struct policy_address *out);

#define POLICY_ADDRESS_TEXT 46U
/* As inet_ntop writes it, without brackets; mapped v4 as v4. Returns `out`. */
const char *policy_format_address(const struct policy_address *a, char out[POLICY_ADDRESS_TEXT]);
bool policy_address_is_loopback(const struct policy_address *a);

const char *policy_level_name(enum policy_level level);
const char *policy_mode_name(enum policy_mode mode);
const char *policy_strategy_name(enum policy_strategy s);

/* ---- parsing (allocates; not in a signal handler) -------------------------------------------------- */

struct policy_diagnostic {
    unsigned line, column; /* 1-based */
    char text[200];        /* what is wrong and what to do, no position in it */
};

#define POLICY_MAX_DIAGNOSTICS 32U

struct policy_diagnostics {
    struct policy_diagnostic errors[POLICY_MAX_DIAGNOSTICS];
    size_t n_errors; /* counted beyond the array's end; only the first are kept */
    struct policy_diagnostic warnings[POLICY_MAX_DIAGNOSTICS];
    size_t n_warnings;
    bool no_memory; /* one of the errors is that: the text may be good */
};

/* Parses `len` bytes of policy text. `origin` (a path, or "built-in") is kept for messages. On success
 * returns the policy with one reference; on error NULL with diag->n_errors > 0. */
struct policy *policy_parse(const char *text, size_t len, const char *origin,
                            struct policy_diagnostics *diag);

/* The policy without a file: `localhost none`, `* verify`. Never NULL unless memory is out. */
struct policy *policy_builtin(void);

struct policy *policy_ref(struct policy *p);
void policy_unref(struct policy *p);

const char *policy_origin(const struct policy *p);
/* SHA-256 of the text, 64 hexadecimal digits (an own small implementation: no OpenSSL here). */
const char *policy_digest(const struct policy *p);
size_t policy_count_rules(const struct policy *p); /* the defaults line is none */
/* The rule of that number, from 0 on; NULL: there are no more. */
const struct policy_rule *policy_rule_at(const struct policy *p, size_t number);
bool policy_allows_user_policy(const struct policy *p);
const struct policy_rule *policy_defaults(const struct policy *p);
