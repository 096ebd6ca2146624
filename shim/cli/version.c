/* SPDX-License-Identifier: MIT */
#include <getopt.h>

#include "shim/cli/cli.h"
#include "shim/tls.h"

static void print_engine(void)
{
    char path[PATH_MAX], why[CLI_ENGINE_WHY];
    const struct tls_engine *engine = cli_engine(path, why);

    if (engine)
        printf("engine: %s (%s)\n", engine->version, path);
    else
        printf("engine: %s\n", why);
}

static void print_policy(void)
{
    static struct cli_source s;

    cli_load(&s);
    if (s.source.policy)
        printf("policy: %s (sha256 %s)\n", policy_origin(s.source.policy), policy_digest(s.source.policy));
    else
        printf("policy: not usable: %s\n", s.source.error);
    policy_unref(s.source.policy);
}

int cli_version(const struct cli_verb *self, int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    int c;

    while ((c = getopt_long(argc, argv, "+:h", options, NULL)) != -1)
        return c == 'h' ? cli_help(self) : cli_bad_option(self, argv);
    if (optind < argc)
        return cli_usage(self, "it takes no arguments");
    printf("tlsup %s\n", TLSUP_VERSION);
    print_policy();
    print_engine();
    return CLI_OK;
}
