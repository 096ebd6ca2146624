/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim/cli/cli.h"
#include "shim/cli/preload.h"
#include "shim/cli/target.h"
#include "shim/cli/watch.h"
#include "shim/net/net.h"

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "tlsup run: %s%s%s\n", what, *why ? ": " : "", why);
    return CLI_FAILED;
}

static int choose_policy(const char *path)
{
    char absolute[PATH_MAX];

    if (!cli_choose_policy("run", path, absolute))
        return CLI_FAILED;
    if (setenv("TLSUP_POLICY", absolute, 1) != 0)
        return fail("cannot set TLSUP_POLICY", strerror(errno));
    return CLI_OK;
}

/* Without -p a bad policy is not the end: what it would govern is refused, the rest of the command works. */
static void look_at_policy(void)
{
    static struct cli_source s;

    cli_load(&s);
    if (!s.source.policy) {
        cli_print_diagnostics(stderr, &s, false);
        fprintf(stderr,
                "tlsup run: warning: the policy is not usable: connections that it may govern are refused\n");
    }
    policy_unref(s.source.policy);
}

static int preload(void)
{
    char path[PATH_MAX];
    char *value;
    int status = CLI_OK;

    if (!cli_preload_object("run", path))
        return CLI_FAILED;
    value = preload_compose(path, getenv("LD_PRELOAD"));
    if (!value || setenv("LD_PRELOAD", value, 1) != 0)
        status = fail("cannot set LD_PRELOAD", "out of memory");
    free(value);
    return status;
}

/* Says what tlsup cannot be loaded into; under the net that is no matter, but privileges are. */
static void tell_target(const struct target *t, bool strict)
{
    for (size_t i = 0; i < t->n; i++)
        if (strict && target_loses_privileges(t->steps[i].obstacle))
            fprintf(stderr, "tlsup run: warning: %s gets none of its privileges under --strict\n",
                    t->steps[i].path);
        else if (!strict && t->steps[i].obstacle != TARGET_FINE)
            fprintf(stderr, "tlsup run: warning: %s %s\n", t->steps[i].path,
                    target_obstacle_text(t->steps[i].obstacle));
}

/* musl's loader ends a program that it cannot give a library of glibc. The net does without. */
static bool takes_preload(const struct target *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->steps[i].obstacle == TARGET_MUSL)
            return false;
    return true;
}

static int prepare(char **command, bool strict)
{
    static struct target t;
    static struct cli_source s;
    int status = CLI_OK;

    target_look(command, TARGET_SCRIPTS_AS_FILES, &t);
    if ((!strict || takes_preload(&t)) && (status = preload()) != CLI_OK)
        return status;
    tell_target(&t, strict);
    cli_load(&s); /* the one that the command will have */
    target_tell_proxy(stderr, "tlsup run: warning: ", s.source.policy);
    policy_unref(s.source.policy);
    return CLI_OK;
}

static int start(char **command)
{
    int error;

    fflush(stderr);
    execvp(command[0], command);
    error = errno;
    fprintf(stderr, "tlsup run: %s: %s\n", command[0], strerror(error));
    return error == ENOENT ? CLI_NOT_FOUND : CLI_NOT_EXECUTABLE;
}

static void say_no_net(const char *what, const char *why)
{
    fprintf(stderr, "tlsup run: --strict is not possible here, nothing was started: %s: %s\n", what, why);
}

/* The kernel sees what the preload does not. */
static int start_strictly(char **command)
{
    static char relay[PATH_MAX];
    struct net_order order = {
        .relay = relay, .start = start, .command = command, .refuse = say_no_net, .failed = CLI_FAILED};

    if (!cli_object("libtlsup-relay", relay))
        return fail(relay, "cannot be opened; is tlsup installed or built completely?");
    return net_run(&order);
}

int cli_run(const struct cli_verb *self, int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"policy", required_argument, NULL, 'p'},
        {"explain", no_argument, NULL, 'e'},
        {"strict", no_argument, NULL, 's'},
        {NULL, 0, NULL, 0},
    };
    const char *policy = NULL;
    bool strict = false, explain = false;
    int c, status;

    while ((c = getopt_long(argc, argv, "+:hp:", options, NULL)) != -1) {
        if (c == 'h')
            return cli_help(self);
        if (c == 's')
            strict = true;
        else if (c == 'e')
            explain = true;
        else if (c == 'p')
            policy = optarg;
        else
            return cli_bad_option(self, argv);
    }
    if (optind == argc)
        return cli_usage(self, "there is no command to run");
    if (policy && (status = choose_policy(policy)) != CLI_OK)
        return status;
    if (!policy)
        look_at_policy();
    if ((status = prepare(argv + optind, strict)) != CLI_OK)
        return status;
    int (*run)(char **) = strict ? start_strictly : start;
    return explain ? watch(argv + optind, run) : run(argv + optind);
}
