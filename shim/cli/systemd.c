/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "shim/cli/setting.h"
#include "shim/cli/target.h"
#include "shim/cli/unit.h"

static void warn(const char *what, const char *why)
{
    fprintf(stderr, "tlsup systemd: warning: %s %s\n", what, why);
}

/* ---- the unit, if it is on this machine ---- */

struct look {
    const struct setting *setting;
    bool strict;
};

/* Under the net it does not matter what tlsup is loaded into, but privileges are lost. */
static void look_at_command(char *const argv[], void *arg)
{
    static struct target t;
    const struct look *look = arg;

    target_look(argv, TARGET_SCRIPTS_AS_FILES, &t);
    for (size_t i = 0; i < t.n; i++)
        if (look->strict && target_loses_privileges(t.steps[i].obstacle))
            warn(t.steps[i].path, "gets none of its privileges under --strict");
        else if (!look->strict && t.steps[i].obstacle != TARGET_FINE)
            warn(t.steps[i].path, target_obstacle_text(t.steps[i].obstacle));
}

static bool is_below(const char *path, const char *directory)
{
    size_t len = strlen(directory);

    return strncmp(path, directory, len) == 0 && path[len] == '/';
}

/* Settings that hide files of ours from the service. */
static void look_at_setting(const char *name, const char *value, const struct setting *s)
{
    bool on = strcmp(value, "no") != 0 && strcmp(value, "false") != 0 && strcmp(value, "0") != 0 && *value;
    bool in_home = is_below(s->policy, "/home") || is_below(s->policy, "/root") ||
                   is_below(s->object, "/home") || is_below(s->object, "/root");

    if ((strcmp(name, "RootDirectory") == 0 || strcmp(name, "RootImage") == 0) && on)
        warn(name, "is set: libtlsup.so, its engine and the policy have to be inside, too");
    else if (strcmp(name, "ProtectHome") == 0 && on && in_home)
        warn(name, "is set: the service cannot see what lies in /home or /root");
    else if (strcmp(name, "PrivateTmp") == 0 && on &&
             (is_below(s->policy, "/tmp") || is_below(s->object, "/tmp")))
        warn(name, "is set: the service has a /tmp of its own");
}

static void look_at(const char *name, char *value, void *arg)
{
    struct look *look = arg;
    bool is_start = strcmp(name, "ExecStart") == 0;

    if (strncmp(name, "Exec", 4) != 0)
        look_at_setting(name, value, look->setting);
    else if (is_start || !look->strict)
        shell_commands(value + strspn(value, "-@:+!|"), look_at_command, look);
}

/* ---- the verb ---- */

/* systemd.unit(5): what a name of a unit may hold. */
static bool is_unit_name(const char *name)
{
    return *name && strlen(name) < 240 &&
           !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@")];
}

/* The whole drop-in or nothing: it is meant for a file. */
static bool print(const char *unit, const struct setting *s, bool strict)
{
    char tlsup[PATH_MAX], *lines = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&lines, &len);
    bool good =
        to && (!strict || (setting_command("systemd", tlsup) && unit_print_strict(to, unit, tlsup, s)));

    if (to)
        good = fclose(to) == 0 && good;
    if (good) {
        printf("# /etc/systemd/system/%s.d/tlsup.conf, made by tlsup systemd; then:\n"
               "#   systemctl daemon-reload && systemctl restart %s\n"
               "[Service]\n",
               unit, unit);
        setting_print_unit(stdout, s);
        fputs(lines, stdout);
    }
    free(lines);
    return good;
}

int cli_systemd(const struct cli_verb *self, int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                            {"policy", required_argument, NULL, 'p'},
                                            {"strict", no_argument, NULL, 's'},
                                            {NULL, 0, NULL, 0}};
    static struct setting s;
    struct look look = {.setting = &s};
    const char *policy = NULL;
    char unit[NAME_MAX + 1];
    bool is_whole;
    size_t len;
    int c;

    while ((c = getopt_long(argc, argv, ":hp:", options, NULL)) != -1) {
        if (c == 'h')
            return cli_help(self);
        if (c == 'p')
            policy = optarg;
        else if (c == 's')
            look.strict = true;
        else
            return cli_bad_option(self, argv);
    }
    if (argc - optind != 1 || !is_unit_name(argv[optind]))
        return cli_usage(self, "it takes the name of one service");
    len = strlen(argv[optind]);
    is_whole = len > 8 && strcmp(argv[optind] + len - 8, ".service") == 0;
    snprintf(unit, sizeof(unit), "%s%s", argv[optind], is_whole ? "" : ".service");
    if (!setting_find("systemd", policy, &s))
        return CLI_BAD;
    unit_read(unit, look_at, &look);
    return print(unit, &s, look.strict) ? CLI_OK : CLI_BAD;
}
