/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdlib.h>

#include "shim/cli/cli.h"
#include "shim/cli/lint.h"

static int status_of(const struct cli_source *s)
{
    if (s->source.policy)
        return CLI_OK;
    return s->diag.n_errors ? CLI_BAD : CLI_USAGE;
}

static const char *path_of(const struct cli_source *s)
{
    return s->source.path ? s->source.path : "built-in";
}

static void print_text(const struct cli_source *s)
{
    size_t n;

    cli_print_diagnostics(stdout, s, true);
    if (!s->source.policy)
        return;
    n = policy_count_rules(s->source.policy);
    printf("%s: ok, %zu rule%s\n", path_of(s), n, n == 1 ? "" : "s");
}

static void print_list(const char *name, const struct policy_diagnostic *list, size_t n)
{
    printf(",\"%s\":[", name);
    for (size_t i = 0; i < n && i < POLICY_MAX_DIAGNOSTICS; i++) {
        printf("%s{\"line\":%u,\"column\":%u,\"text\":", i ? "," : "", list[i].line, list[i].column);
        cli_json_string(stdout, list[i].text);
        putchar('}');
    }
    putchar(']');
}

static void print_json(const struct cli_source *s)
{
    const struct policy *p = s->source.policy;

    printf("{\"path\":");
    cli_json_string(stdout, path_of(s));
    printf(",\"ok\":%s,\"rules\":%zu,\"reason\":", p ? "true" : "false", p ? policy_count_rules(p) : 0);
    if (p)
        printf("null");
    else
        cli_json_string(stdout, s->source.error);
    print_list("errors", s->diag.errors, s->diag.n_errors);
    print_list("warnings", s->diag.warnings, s->diag.n_warnings);
    printf("}\n");
}

int cli_check(const struct cli_verb *self, int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"json", no_argument, NULL, 'j'},
        {NULL, 0, NULL, 0},
    };
    static struct cli_source s;
    char path[PATH_MAX];
    bool json = false;
    int c;

    while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (c != 'j')
            return c == 'h' ? cli_help(self) : cli_bad_option(self, argv);
        json = true;
    }
    if (argc - optind > 1)
        return cli_usage(self, "one file at a time");
    if (optind == argc)
        cli_load(&s);
    else if (!cli_absolute(argv[optind], path))
        return cli_usage(self, "%s: this path is too long", argv[optind]);
    else
        policy_load_file(path, &s.source, &s.diag);
    if (s.source.policy)
        lint(s.source.policy, s.source.path, &s.diag);
    json ? print_json(&s) : print_text(&s);
    policy_unref(s.source.policy);
    return status_of(&s);
}
