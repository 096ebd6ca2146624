/* SPDX-License-Identifier: MIT */
/* Wrappers: a script of the same name that stands before the program in PATH and starts it under tlsup. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/cli/setting.h"
#include "shim/cli/target.h"

#define MARKER "# made by tlsup wrap"

static int fail(const struct cli_verb *verb, const char *what, const char *why)
{
    fprintf(stderr, "tlsup %s: %s%s%s\n", verb->name, what, *why ? ": " : "", why);
    return CLI_BAD;
}

/* ---- where ---- */

static bool default_directory(char out[PATH_MAX])
{
    const char *home = getenv("HOME");

    if (getuid() == 0)
        return snprintf(out, PATH_MAX, "/usr/local/bin") > 0;
    return home && *home == '/' && snprintf(out, PATH_MAX, "%s/.local/bin", home) < PATH_MAX;
}

static bool is_wrapper(const char *path)
{
    char text[256];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return strncmp(text, "#!/bin/sh\n" MARKER, sizeof("#!/bin/sh\n" MARKER) - 1) == 0;
}

/* The program of that name in PATH, wrappers left out: the next one behind them is meant. */
static bool find_program(const char *name, char out[PATH_MAX])
{
    const char *at = getenv("PATH");

    if (!at)
        at = "/bin:/usr/bin";
    for (;; at++) {
        size_t len = strcspn(at, ":");
        int n = snprintf(out, PATH_MAX, "%.*s/%s", (int)len, at, name);

        /* an absolute path only: the wrapper will be called from anywhere */
        if (n > 0 && n < PATH_MAX && *out == '/' && access(out, X_OK) == 0 && !is_wrapper(out))
            return true;
        at += len;
        if (!*at)
            return false;
    }
}

/* ---- what ---- */

struct wrapper {
    struct setting setting;
    bool strict;
    char tlsup[PATH_MAX], program[PATH_MAX];
};

static void write_wrapper(FILE *to, const char *name, const struct wrapper *w)
{
    fprintf(to, "#!/bin/sh\n" MARKER " %s; tlsup unwrap %s takes it away\nexec ", name, name);
    setting_print_word(to, w->tlsup);
    fprintf(to, " run %s", w->strict ? "--strict " : "");
    if (w->setting.policy[0]) {
        fprintf(to, "-p ");
        setting_print_word(to, w->setting.policy);
        fprintf(to, " ");
    }
    fprintf(to, "-- ");
    setting_print_word(to, w->program);
    fprintf(to, " \"$@\"\n");
}

/* The whole file or none: it takes its place by a rename. */
static bool make(const char *path, const char *name, const struct wrapper *w)
{
    char next[PATH_MAX];
    bool good = false;
    FILE *to;
    int fd;

    if (snprintf(next, sizeof(next), "%s.XXXXXX", path) >= (int)sizeof(next) || (fd = mkstemp(next)) < 0)
        return false;
    to = fdopen(fd, "w");
    if (to) {
        write_wrapper(to, name, w);
        good = fchmod(fd, 0755) == 0;
        good = fclose(to) == 0 && good;
    } else {
        close(fd);
    }
    good = good && rename(next, path) == 0;
    if (!good) {
        int saved = errno;

        unlink(next);
        errno = saved;
    }
    return good;
}

/* Without the net tlsup has to be loaded into it; under the net it is to keep its privileges. */
static bool is_reachable(const struct cli_verb *self, const char *program, bool strict)
{
    static struct target t;
    char *const argv[] = {(char *)program, NULL};
    bool good = true;

    target_look(argv, TARGET_SCRIPTS_AS_FILES, &t);
    for (size_t i = 0; i < t.n; i++) {
        enum target_obstacle obstacle = t.steps[i].obstacle;

        if (strict ? !target_loses_privileges(obstacle) : obstacle == TARGET_FINE)
            continue;
        fail(self, t.steps[i].path,
             strict ? "gets none of its privileges under --strict" : target_obstacle_text(obstacle));
        good = false;
    }
    return good;
}

/* Once it is there PATH has to lead to it. */
static bool is_found(const char *name, const char *path)
{
    char found[PATH_MAX];
    struct stat a, b;

    return target_resolve(name, found) && stat(found, &a) == 0 && stat(path, &b) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int wrap(const struct cli_verb *self, const char *name, const char *path, const char *policy,
                bool strict)
{
    static struct wrapper w;

    w.strict = strict;
    if (!setting_command("wrap", w.tlsup))
        return CLI_BAD;
    if (!find_program(name, w.program))
        return fail(self, name, "there is no such program in PATH");
    if (access(path, F_OK) == 0 && !is_wrapper(path))
        return fail(self, path, "is there, and was not made by tlsup wrap");
    if (!setting_find("wrap", policy, &w.setting))
        return CLI_BAD;
    if (!is_reachable(self, w.program, strict))
        return fail(self, "nothing was made", "");
    if (!make(path, name, &w))
        return fail(self, path, strerror(errno));
    if (!is_found(name, path)) {
        unlink(path);
        return fail(self, path, "PATH does not lead there before the program itself: nothing was made");
    }
    printf("%s runs %s under tlsup%s\n", path, w.program, strict ? ", with the net" : "");
    return CLI_OK;
}

static int unwrap(const struct cli_verb *self, const char *path)
{
    if (access(path, F_OK) != 0)
        return fail(self, path, strerror(errno));
    if (!is_wrapper(path))
        return fail(self, path, "was not made by tlsup wrap");
    if (unlink(path) != 0)
        return fail(self, path, strerror(errno));
    printf("%s is gone\n", path);
    return CLI_OK;
}

/* ---- the verbs ---- */

struct request {
    const char *name, *policy;
    bool strict;
    char path[PATH_MAX];
};

/* The status to end with, or -1: go on. `makes`: there is something to be made, by a policy and a way. */
static int read_request(const struct cli_verb *self, int argc, char **argv, bool makes, struct request *r)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"directory", required_argument, NULL, 'd'},
        {"policy", required_argument, NULL, 'p'},
        {"strict", no_argument, NULL, 's'},
        {NULL, 0, NULL, 0},
    };
    char directory[PATH_MAX] = "";
    int c;

    while ((c = getopt_long(argc, argv, ":hp:", options, NULL)) != -1) {
        if (c == 'h')
            return cli_help(self);
        if (c == 'd' ? !cli_absolute(optarg, directory) : !makes || (c != 'p' && c != 's'))
            return cli_bad_option(self, argv);
        if (c == 'p')
            r->policy = optarg;
        r->strict |= c == 's';
    }
    if (argc - optind != 1 || !argv[optind][0] || strpbrk(argv[optind], "/\n"))
        return cli_usage(self, "it takes one name, without a path");
    r->name = argv[optind];
    if (!*directory && !default_directory(directory))
        return cli_usage(self, "HOME says no place for it; give --directory");
    if (snprintf(r->path, PATH_MAX, "%s/%s", directory, r->name) >= PATH_MAX)
        return cli_usage(self, "this path is too long");
    return -1;
}

int cli_wrap(const struct cli_verb *self, int argc, char **argv)
{
    static struct request r;
    int status = read_request(self, argc, argv, true, &r);

    return status >= 0 ? status : wrap(self, r.name, r.path, r.policy, r.strict);
}

int cli_unwrap(const struct cli_verb *self, int argc, char **argv)
{
    static struct request r;
    int status = read_request(self, argc, argv, false, &r);

    return status >= 0 ? status : unwrap(self, r.path);
}
