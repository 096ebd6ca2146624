/* SPDX-License-Identifier: MIT */
#include "shim/cli/probe.h"

#include <getopt.h>
#include <string.h>

#include "policy/number.h"

/* ---- what is asked ---- */

/* NULL, or what is wrong with the options. */
static const char *take_proxy(struct probe *p, const char *text)
{
    p->has_proxy = true;
    return url_parse(text, &p->proxy);
}

static bool take_port(struct probe *p, const char *text)
{
    uint64_t port;

    if (!number_parse(text, strlen(text), &port) || port == 0 || port > UINT16_MAX)
        return false;
    p->implicit_port = (uint16_t)port;
    return true;
}

static bool take_servername(struct probe *p, const char *text)
{
    static char name[POLICY_NAME_MAX + 1];

    p->servername = name;
    return policy_normalise_name(text, strlen(text), name);
}

static bool take_ca(struct probe *p, const char *text)
{
    static char path[PATH_MAX];

    p->ca = path;
    return cli_absolute(text, path);
}

struct request {
    const char *policy, *proxy;
};

/* CLI_OK, or the exit status of a wrong command line; -1: help was asked for. */
static int read_options(const struct cli_verb *self, int argc, char **argv, struct probe *p,
                        struct request *r)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"json", no_argument, NULL, 'j'},
        {"policy", required_argument, NULL, 'p'},
        {"ca", required_argument, NULL, 'c'},
        {"timeout", required_argument, NULL, 't'},
        {"servername", required_argument, NULL, 's'},
        {"implicit-port", required_argument, NULL, 'i'},
        {"proxy", required_argument, NULL, 'x'},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, ":hp:", options, NULL)) != -1) {
        bool ok = true;

        switch (c) {
        case 'h': return -1;
        case 'j': p->json = true; break;
        case 'p': r->policy = optarg; break;
        case 'x': r->proxy = optarg; break;
        case 'c': ok = take_ca(p, optarg); break;
        case 't': ok = number_parse_seconds(optarg, &p->timeout_ms); break;
        case 's': ok = take_servername(p, optarg); break;
        case 'i': ok = take_port(p, optarg); break;
        default: return cli_bad_option(self, argv);
        }
        if (!ok)
            return cli_usage(self, "bad value %s", optarg);
    }
    return argc - optind == 1 ? CLI_OK : cli_usage(self, "it takes one URL");
}

/* ---- the probe ---- */

static void complete_rule(struct probe *p)
{
    const struct policy_rule *found = p->verdict.rule, *defaults = policy_defaults(p->policy);

    p->rule = found ? *found : option_builtin;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_table[i];

        if ((defaults->own & option_bit(row)) && !(found && option_fits_level(row, found->level)))
            option_copy(row, &p->rule, defaults);
    }
    if (p->rule.n_pins && !(found && found->n_pins) && p->verdict.n_pinned < POLICY_MAX_PIN_RULES)
        p->verdict.pinned[p->verdict.n_pinned++] = &p->rule;
}

/* Who governs it: by name, and by the address that took the connection, else the first. Behind a proxy the
 * origin's address is not known. */
static void decide(struct probe *p)
{
    const char *name = p->url.host;
    const struct probe_address *at = p->n_addresses ? &p->addresses[0] : NULL;
    struct policy_target target = {.names = &name, .n_names = !p->url.is_address, .port = p->url.port};

    for (size_t i = p->n_attempts; i-- > 0;) {
        const struct probe_attempt *a = &p->attempts[i];

        if (a->n_dials && !a->dials[a->n_dials - 1].error)
            at = a->dials[a->n_dials - 1].to;
    }
    target.request_name = p->url.is_address ? NULL : name;
    if (p->url.is_address)
        target.address = p->url.address;
    else if (at && !p->has_proxy)
        target.address = at->address;
    else
        target.no_address = true;
    policy_decide(p->policy, &target, &p->verdict);
    complete_rule(p);
}

static void try(struct probe *p, enum policy_strategy strategy, uint16_t tls_port)
{
    probe_try(p, &p->attempts[p->n_attempts++], strategy, tls_port);
}

/* Where the rule has it look, and where the command line says. */
static void try_ports(struct probe *p, enum policy_strategy strategy)
{
    uint16_t port = probe_rule_port(p);

    try(p, strategy, port);
    if (p->implicit_port && p->implicit_port != port)
        try(p, strategy, p->implicit_port);
}

/* In the order in which a program's connection would go there. */
static void try_all(struct probe *p)
{
    bool implicit_first = p->rule.try[0] == STRATEGY_IMPLICIT;

    if (p->has_proxy) {
        try_ports(p, STRATEGY_CONNECT);
        return;
    }
    if (implicit_first)
        try_ports(p, STRATEGY_IMPLICIT);
    try(p, STRATEGY_UPGRADE, 0);
    if (!implicit_first)
        try_ports(p, STRATEGY_IMPLICIT);
}

static int status_of(const struct probe *p)
{
    for (size_t i = 0; i < p->n_attempts; i++)
        if (p->attempts[i].result == PROBE_WORKS)
            return p->best >= LEVEL_VERIFY ? CLI_OK : CLI_BAD;
    return CLI_NO_TLS;
}

static int probe(const struct cli_verb *self, struct probe *p)
{
    const char *wrong;

    probe_resolve(p);
    decide(p);
    if ((wrong = probe_prepare(p)))
        return cli_usage(self, "%s", wrong);
    try_all(p);
    decide(p);
    probe_trust_rule(p);
    probe_levels(p);
    probe_suggest(p);
    p->json ? probe_print_json(p) : probe_print_text(p);
    return status_of(p);
}

static int load(const struct cli_verb *self, const struct request *r, struct cli_source *s)
{
    char path[PATH_MAX];

    if (!r->policy)
        cli_load(s);
    else if (!cli_absolute(r->policy, path))
        return cli_usage(self, "%s: this path is too long", r->policy);
    else
        policy_load_file(path, &s->source, &s->diag);
    if (s->source.policy)
        return CLI_OK;
    cli_print_diagnostics(stderr, s, false);
    fprintf(stderr, "tlsup probe: the policy is not usable\n");
    return CLI_FAILED;
}

int cli_probe(const struct cli_verb *self, int argc, char **argv)
{
    static struct probe p;
    static struct cli_source s;
    struct request r = {0};
    char path[PATH_MAX], why[CLI_ENGINE_WHY];
    const char *wrong;
    int status = read_options(self, argc, argv, &p, &r);

    if (status == -1)
        return cli_help(self);
    if (status != CLI_OK)
        return status;
    p.text = argv[optind];
    if ((wrong = url_parse(p.text, &p.url)))
        return cli_usage(self, "%s: %s", p.text, wrong);
    if (r.proxy && (wrong = take_proxy(&p, r.proxy)))
        return cli_usage(self, "%s: %s", r.proxy, wrong);
    if (!(p.engine = cli_engine(path, why))) {
        fprintf(stderr, "tlsup probe: engine: %s\n", why);
        return CLI_FAILED;
    }
    if ((status = load(self, &r, &s)) != CLI_OK)
        return status;
    p.policy = s.source.policy;
    status = probe(self, &p);
    probe_release(&p);
    policy_unref(s.source.policy);
    return status;
}
