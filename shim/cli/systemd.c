/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "shim/cli/setting.h"
#include "shim/cli/target.h"

/* In the order in which systemd looks. */
static const char *const places[] = {"/etc/systemd/system", "/run/systemd/system",
                                     "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
                                     "/lib/systemd/system"};

static void warn(const char *what, const char *why)
{
    fprintf(stderr, "tlsup systemd: warning: %s %s\n", what, why);
}

/* ---- the unit, if it is on this machine ---- */

static FILE *open_unit(const char *unit)
{
    const char *own = getenv("SYSTEMD_UNIT_PATH"); /* as systemd-analyze(1) takes it; one directory */
    char path[PATH_MAX];

    if (own && *own)
        return snprintf(path, sizeof(path), "%s/%s", own, unit) < PATH_MAX ? fopen(path, "re") : NULL;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        FILE *f =
            snprintf(path, sizeof(path), "%s/%s", places[i], unit) < PATH_MAX ? fopen(path, "re") : NULL;

        if (f)
            return f;
    }
    return NULL;
}

static void look_at_command(char *const argv[], void *arg)
{
    static struct target t;

    (void)arg;
    target_look(argv, TARGET_SCRIPTS_AS_FILES, &t);
    for (size_t i = 0; i < t.n; i++)
        if (t.steps[i].obstacle != TARGET_FINE)
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

static void look_at_line(char *line, const struct setting *s)
{
    char *value = strchr(line, '=');

    line[strcspn(line, "\r\n")] = '\0';
    if (!value || *line == '#' || *line == ';')
        return;
    *value++ = '\0';
    if (strncmp(line, "Exec", 4) != 0)
        look_at_setting(line, value, s);
    else
        shell_commands(value + strspn(value, "-@:+!|"), look_at_command, NULL);
}

static void look_at_unit(const char *unit, const struct setting *s)
{
    FILE *f = open_unit(unit);
    char *line = NULL;
    size_t room = 0;

    while (f && getline(&line, &room, f) >= 0)
        look_at_line(line, s);
    free(line);
    if (f)
        fclose(f);
}

/* ---- the verb ---- */

/* systemd.unit(5): what a name of a unit may hold. */
static bool is_unit_name(const char *name)
{
    return *name && strlen(name) < 240 &&
           !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@")];
}

static void print(const char *unit, const struct setting *s)
{
    printf("# /etc/systemd/system/%s.d/tlsup.conf, made by tlsup systemd; then:\n"
           "#   systemctl daemon-reload && systemctl restart %s\n"
           "[Service]\n",
           unit, unit);
    setting_print_unit(stdout, s);
}

int cli_systemd(const struct cli_verb *self, int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'}, {"policy", required_argument, NULL, 'p'}, {NULL, 0, NULL, 0}};
    static struct setting s;
    const char *policy = NULL;
    char unit[NAME_MAX + 1];
    bool is_whole;
    size_t len;
    int c;

    while ((c = getopt_long(argc, argv, ":hp:", options, NULL)) != -1) {
        if (c != 'p')
            return c == 'h' ? cli_help(self) : cli_bad_option(self, argv);
        policy = optarg;
    }
    if (argc - optind != 1 || !is_unit_name(argv[optind]))
        return cli_usage(self, "it takes the name of one service");
    len = strlen(argv[optind]);
    is_whole = len > 8 && strcmp(argv[optind] + len - 8, ".service") == 0;
    snprintf(unit, sizeof(unit), "%s%s", argv[optind], is_whole ? "" : ".service");
    if (!setting_find("systemd", policy, &s))
        return CLI_BAD;
    look_at_unit(unit, &s);
    print(unit, &s);
    return CLI_OK;
}
