/* SPDX-License-Identifier: MIT */
#include "shim/cli/explain.h"

#include <getopt.h>
#include <string.h>

bool explain_applies(const struct explanation *e, const struct option_row *row)
{
    const struct policy_rule *r = e->verdict.rule;

    if (!r || !option_fits_level(row, r->level))
        return false;
    if (row == &option_table[OPTION_CONNECT_TIMEOUT])
        return r->level == LEVEL_MAY || r->mode == MODE_TESTING;
    return true;
}

void explain_value(const struct explanation *e, const struct option_row *row, struct text *out)
{
    const struct policy_rule *r = e->verdict.rule;

    if (row == &option_table[OPTION_MATCH] && !r->match && r->level == LEVEL_SECURE)
        text_add(out, r->literal_name);
    else
        option_show(row, r, out);
}

/* ---- the sentence ---- */

static void tell_identity(const struct policy_verdict *v, struct text *t)
{
    const struct policy_rule *r = v->rule;

    if (v->check_chain) {
        text_add(t, ", the certificate is checked against ");
        text_add(t, r->ca ? r->ca : "the system's authorities");
        text_add(t, " for the name ");
        text_add(t, r->match ? r->match : r->level == LEVEL_SECURE ? r->literal_name : "that is requested");
    }
    if (v->check_pins)
        text_add(t, v->check_chain ? " and its key against the pins"
                                   : ", the server's key is checked against the pins");
    if (!v->check_chain && !v->check_pins)
        text_add(t, ", who answers is not checked");
}

/* It depends on whom a request is for. */
static void tell_proxy(const struct policy_verdict *v, struct text *t)
{
    text_add(t, v->level == LEVEL_NONE
                    ? "a proxy: what becomes of a request is said by the line of whom it is for"
                    : "a proxy: a request for an http:// URL goes through a tunnel to that server, at the "
                      "stricter of this line's level and that of the server's own line");
    if (v->level > LEVEL_MAY && v->rule->mode == MODE_ENFORCE)
        text_add(t, "; if that fails, nothing is sent");
}

static void tell_tls(const struct policy_verdict *v, struct text *t)
{
    text_add(t, v->level == LEVEL_MAY ? "the connection is upgraded to TLS if the server offers it"
                                      : "the connection is upgraded to TLS");
    tell_identity(v, t);
    if (v->rule->mode == MODE_TESTING)
        text_add(
            t,
            "; testing: where that fails it goes on as if it had not been asked for, and a record says so");
    else if (v->level == LEVEL_MAY)
        text_add(t, "; if the server refuses, it goes on in plain HTTP");
    else
        text_add(t, "; if that fails, nothing is sent");
}

static void tell(struct explanation *e)
{
    struct text t = text_on(e->outcome, sizeof(e->outcome));
    const struct policy_verdict *v = &e->verdict;

    if (!policy_lists_port(e->policy, e->url.port))
        text_add(&t, "the connection is left alone: no rule lists this port");
    else if (!v->rule)
        text_add(&t, "the connection is left alone: no rule matches it");
    else if (v->rule->proxy)
        tell_proxy(v, &t);
    else if (v->level == LEVEL_NONE)
        text_add(&t, "the connection is left alone");
    else if (v->level == LEVEL_REJECT && v->rule->mode == MODE_TESTING)
        text_add(&t, "the connection is made in plain HTTP; testing: a record says that it would be refused");
    else if (v->level == LEVEL_REJECT)
        text_add(&t, "the connection is refused");
    else
        tell_tls(v, &t);
}

/* ---- the verb ---- */

struct request {
    const char *url, *policy, *address;
    bool json;
};

static int explain(const struct cli_verb *self, const struct request *request, struct cli_source *s)
{
    struct explanation e = {.text = request->url, .policy = s->source.policy};
    struct policy_target target = {0};
    const char *name = e.url.host, *wrong = url_parse(request->url, &e.url);

    if (wrong)
        return cli_usage(self, "%s: %s", request->url, wrong);
    e.has_address = e.url.is_address;
    if (request->address && e.has_address)
        return cli_usage(self, "the URL has an address already; leave --address out");
    if (request->address) {
        e.has_address = policy_parse_address(request->address, &e.url.address);
        if (!e.has_address)
            return cli_usage(self, "%s is not an address", request->address);
    }
    if (!s->source.policy) {
        cli_print_diagnostics(stderr, s, false);
        fprintf(stderr,
                "tlsup explain: the policy is not usable: connections that it may govern are refused\n");
        return CLI_BAD;
    }
    target.n_names = !e.url.is_address;
    target.names = &name;
    target.request_name = e.url.is_address ? NULL : name;
    target.address = e.url.address;
    target.no_address = !e.has_address;
    target.port = e.url.port;
    policy_decide(e.policy, &target, &e.verdict);
    tell(&e);
    request->json ? explain_print_json(&e) : explain_print_text(&e);
    return CLI_OK;
}

int cli_explain(const struct cli_verb *self, int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"json", no_argument, NULL, 'j'},
        {"policy", required_argument, NULL, 'p'},
        {"address", required_argument, NULL, 'a'},
        {NULL, 0, NULL, 0},
    };
    static struct cli_source s;
    struct request request = {0};
    char path[PATH_MAX];
    int c, status;

    while ((c = getopt_long(argc, argv, ":hp:", options, NULL)) != -1) {
        switch (c) {
        case 'h': return cli_help(self);
        case 'j': request.json = true; break;
        case 'p': request.policy = optarg; break;
        case 'a': request.address = optarg; break;
        default: return cli_bad_option(self, argv);
        }
    }
    if (argc - optind != 1)
        return cli_usage(self, "it takes one URL");
    request.url = argv[optind];
    if (!request.policy)
        cli_load(&s);
    else if (!cli_absolute(request.policy, path))
        return cli_usage(self, "%s: this path is too long", request.policy);
    else
        policy_load_file(path, &s.source, &s.diag);
    status = explain(self, &request, &s);
    policy_unref(s.source.policy);
    return status;
}
