/* SPDX-License-Identifier: MIT */
/*
 * What `tlsup probe` finds out. Each strategy is tried on a connection of its own, which carries nothing but
 * OPTIONS requests of ours; who answers is judged afterwards, under any number of rules, without asking
 * again.
 */
#pragma once

#include <sys/socket.h>

#include "policy/options.h"
#include "shim/cli/cli.h"
#include "shim/cli/url.h"
#include "shim/http1/head.h"
#include "shim/tls.h"

#define PROBE_ADDRESSES 16U
#define PROBE_CHAIN     8U
#define PROBE_ATTEMPTS  3U
#define PROBE_REASON    320U
#define PROBE_LINES     (PATH_MAX + 2048)

enum probe_result {
    PROBE_WORKS,
    PROBE_REFUSED, /* the server will not: a status, an alert, a closed connection, something else than TLS */
    PROBE_TAMPERED,    /* someone broke the protocol */
    PROBE_SILENT,      /* connected, then nothing within the timeout */
    PROBE_UNREACHABLE, /* no TCP connection */
    PROBE_FAILED,      /* our side: no memory, an option that OpenSSL does not take */
};

struct probe_address {
    struct sockaddr_storage sa;
    socklen_t len;
    struct policy_address address;
};

struct probe_dial {
    const struct probe_address *to;
    int error; /* errno; 0: connected */
};

/* One strategy and what came of it. Text of the network's is printable ASCII. */
struct probe_attempt {
    enum policy_strategy strategy;
    uint16_t port;                            /* that was dialled */
    uint16_t tls_port;                        /* of the origin; not for upgrade */
    struct probe_dial dials[PROBE_ADDRESSES]; /* in the order in which they were tried */
    size_t n_dials;
    enum probe_result result;
    char reason[PROBE_REASON]; /* of what did not work; or why no answer came inside TLS */
    unsigned status;           /* the answer in the clear; 0: none */
    unsigned answer;           /* the answer inside TLS; 0: none */
    bool shows_cert;           /* the rule's client certificate: only to whom the rule's level lets pass */
    bool stranger;             /* and this one it does not */
    uint64_t begun_ns, deadline_ns;
    unsigned ms;
    int fd;
    struct tls *tls;
    struct tls_info info; /* its version is empty if the handshake did not succeed */
    struct tls_certificate chain[PROBE_CHAIN];
    size_t n_chain; /* how many were shown; PROBE_CHAIN are kept */
};

/* Authorities that somebody may trust. */
struct probe_trust {
    const char *ca, *crl;                 /* NULL: the system's store; none */
    struct tls_context *context, *strict; /* as verify and as secure look at a chain; NULL: */
    struct tls_error error;               /* why not */
};

enum probe_action {
    PROBE_TLS,
    PROBE_PLAIN,
    PROBE_NOT, /* the connection is refused */
    PROBE_NO_SERVER,
    PROBE_INCOMPLETE, /* the level needs something that the rule does not have */
};

/* What a connection would come to if the rule in force had this level. */
struct probe_level {
    enum probe_action action;
    const struct probe_attempt *by; /* TLS */
    int error;                      /* NOT, NO_SERVER: the program's errno */
    char reason[PROBE_REASON];
};

struct probe {
    /* asked for */
    const char *text, *ca, *servername;
    struct url url, proxy;
    bool has_proxy, json;
    unsigned timeout_ms;    /* of each strategy; 0: the rule's */
    uint16_t implicit_port; /* to look there too; 0: nowhere else */

    const struct tls_engine *engine;
    const struct policy *policy;
    struct policy_verdict verdict;
    /* The rule that governs the URL, or what one without options would say. Where its level has no use for an
     * option, that is as the defaults line has it: other levels are asked about too. */
    struct policy_rule rule;
    struct probe_address addresses[PROBE_ADDRESSES];
    size_t n_addresses;
    const char *lookup;           /* why there is none */
    struct tls_context *context;  /* for handshakes: checks nothing */
    struct tls_context *identity; /* shows the rule's client certificate, checks what the rule checks */
    struct probe_trust stores[3]; /* the system's, --ca, the rule's ca= */
    size_t n_stores;
    struct probe_trust rule_trust; /* the rule's own, revocation lists and all */

    /* found */
    /* of one strategy that of the rule comes before that of the command line */
    struct probe_attempt attempts[PROBE_ATTEMPTS];
    size_t n_attempts;
    struct probe_level levels[LEVEL_REJECT + 1];
    char lines[PROBE_LINES]; /* the lines of a policy that fit best; empty: none does */
    enum policy_level best;  /* their level */
};

/* Whom the certificate has to be for. */
const char *probe_identity(const struct probe *p);

/* Ends the attempt, printf-like. Returns false. */
bool probe_end(struct probe_attempt *a, enum probe_result result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- probe_dial.c ---- */

/* The addresses of the URL's host, or of the proxy; if there are none, p->lookup says why. */
void probe_resolve(struct probe *p);
/* One after the other, until one takes the connection. False after probe_end(). */
bool probe_dial(const struct probe *p, struct probe_attempt *a, uint16_t port);
uint64_t probe_now(void);
#define PROBE_NO_ANSWER "no answer in time"
/* Waits for poll(2)'s `events` on the attempt's connection: false at the deadline. */
bool probe_wait(const struct probe_attempt *a, short events);

/* ---- probe_clear.c: before TLS. Each returns false after probe_end(). ---- */

bool probe_send(struct probe_attempt *a, const char *bytes, size_t len);
/* Nothing may be readable now; `what` says what it would mean. */
bool probe_quiet(struct probe_attempt *a, const char *what);
/* The final answer's head, or a 101: exactly its bytes are taken off the socket. */
bool probe_take_head(struct probe_attempt *a, char head[HTTP1_HEAD_MAX], size_t *len,
                     struct http1_response *r);

/* ---- probe_tls.c ---- */

/* The contexts for handshakes, the system's store and --ca's. NULL, or what is wrong with --ca or an option
 * of the rule. */
const char *probe_prepare(struct probe *p);
/* The stores of the rule that governs in the end. */
void probe_trust_rule(struct probe *p);
/* The handshake. False after probe_end(). */
bool probe_secure(const struct probe *p, struct probe_attempt *a);
/* Would a program's connection show the rule's client certificate on that way? */
bool probe_shows_cert(const struct probe *p, enum policy_strategy strategy);
/* What that store says of the chain, and of who it is for, unless the peer has no identity. */
void probe_judge(const struct probe *p, const struct probe_attempt *a, const struct probe_trust *trust,
                 bool strict, const struct tls_peer *peer, struct tls_error *out);
/* Says goodbye; what was found stays, for probe_judge too. */
void probe_close(const struct probe *p, struct probe_attempt *a);
void probe_release(struct probe *p);

/* ---- probe_inside.c ---- */

/* The answer to the OPTIONS that went out in the clear, as the shim reads it (RFC 2817 section 3.3). False
 * after probe_end(). */
bool probe_answered(const struct probe *p, struct probe_attempt *a);
/* Sends OPTIONS inside and takes its answer; that none came is noted, and fails only if TLS did. */
bool probe_ask_inside(const struct probe *p, struct probe_attempt *a);

/* ---- probe_strategies.c ---- */

/* The host and port that a request to the URL would name. */
struct http1_authority probe_authority(const struct probe *p);
/* Where a rule without implicit-port= finds TLS from the first byte on, and where the rule in force does. */
uint16_t probe_usual_port(const struct probe *p);
uint16_t probe_rule_port(const struct probe *p);
/* Tries one, with TLS on that port of the origin unless it is upgrade; what came of it is in a->result. */
void probe_try(const struct probe *p, struct probe_attempt *a, enum policy_strategy strategy,
               uint16_t tls_port);

/* ---- probe_levels.c, probe_suggest.c ---- */

void probe_levels(struct probe *p);
void probe_suggest(struct probe *p);

/* ---- probe_print.c, probe_json.c ---- */

extern const char *const probe_result_words[];
extern const char *const probe_action_words[];
/* Whole days until then, rounded down; negative: ago. */
long probe_days(int64_t seconds);
void probe_print_text(const struct probe *p);
void probe_print_json(struct probe *p);
