/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdlib.h>

#include "shim/cli/cli.h"

static int report(const struct cli_source *s)
{
    const char *path = s->source.path ? s->source.path : "built-in";
    size_t n;

    cli_print_diagnostics(stdout, s, true);
    if (!s->source.policy)
        return s->diag.n_errors ? CLI_BAD : CLI_USAGE;
    n = policy_count_rules(s->source.policy);
    printf("%s: ok, %zu rule%s\n", path, n, n == 1 ? "" : "s");
    return CLI_OK;
}

int cli_check(const struct cli_verb *self, int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    static struct cli_source s;
    char path[PATH_MAX];
    int c, status;

    while ((c = getopt_long(argc, argv, "+:h", options, NULL)) != -1)
        return c == 'h' ? cli_help(self) : cli_bad_option(self, argv);
    if (argc - optind > 1)
        return cli_usage(self, "one file at a time");
    if (optind == argc) {
        cli_load(&s);
    } else if (!cli_absolute(argv[optind], path)) {
        return cli_usage(self, "%s: this path is too long", argv[optind]);
    } else {
        policy_load_file(path, &s.source, &s.diag);
    }
    status = report(&s);
    policy_unref(s.source.policy);
    return status;
}
