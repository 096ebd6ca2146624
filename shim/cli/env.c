/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <string.h>

#include "shim/cli/setting.h"

/* What stands in LD_PRELOAD already stays, behind ours. */
static void print_shell(const struct setting *s)
{
    printf("LD_PRELOAD=");
    setting_print_word(stdout, s->object);
    printf("\"${LD_PRELOAD:+:$LD_PRELOAD}\"; export LD_PRELOAD\n");
    if (!s->policy[0])
        return;
    printf("TLSUP_POLICY=");
    setting_print_word(stdout, s->policy);
    printf("; export TLSUP_POLICY\n");
}

/* crontab(5): nothing is expanded; quotes keep white space. */
static bool print_crontab(const struct setting *s)
{
    if (strpbrk(s->policy, "\"'\n")) {
        fprintf(stderr, "tlsup env: %s: a crontab cannot name a path with quotes in it\n", s->policy);
        return false;
    }
    printf("LD_PRELOAD=%s\n", s->object);
    if (s->policy[0])
        printf("TLSUP_POLICY=\"%s\"\n", s->policy);
    return true;
}

int cli_env(const struct cli_verb *self, int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'}, {"policy", required_argument, NULL, 'p'},
        {"sh", no_argument, NULL, 's'},   {"systemd", no_argument, NULL, 'u'},
        {"cron", no_argument, NULL, 'c'}, {NULL, 0, NULL, 0},
    };
    static struct setting s;
    const char *policy = NULL;
    char form = 0;
    int c;

    while ((c = getopt_long(argc, argv, "+:hp:", options, NULL)) != -1) {
        if (c == 'h')
            return cli_help(self);
        if (c == '?' || c == ':')
            return cli_bad_option(self, argv);
        if (c == 'p')
            policy = optarg;
        else if (form && form != c)
            return cli_usage(self, "one of --sh, --systemd and --cron");
        else
            form = (char)c;
    }
    if (optind < argc)
        return cli_usage(self, "it takes no arguments");
    if (!setting_find("env", policy, &s))
        return CLI_BAD;
    if (form == 'c')
        return print_crontab(&s) ? CLI_OK : CLI_BAD;
    form == 'u' ? setting_print_unit(stdout, &s) : print_shell(&s);
    return CLI_OK;
}
