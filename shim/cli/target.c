/* SPDX-License-Identifier: MIT */
#include "shim/cli/target.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/cli/url.h"

#define WALK_MAX   100U /* command lines */
#define SCRIPT_MAX 65536U

/* ---- finding the program ---- */

static bool is_program(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static bool search(const char *command, char out[PATH_MAX])
{
    const char *at = getenv("PATH");

    if (!at)
        at = "/bin:/usr/bin";
    for (;; at++) {
        size_t len = strcspn(at, ":");
        int n = snprintf(out, PATH_MAX, "%.*s%s%s", (int)len, at, len ? "/" : "", command);

        if (n > 0 && n < PATH_MAX && is_program(out))
            return true;
        at += len;
        if (!*at)
            return false;
    }
}

bool target_resolve(const char *command, char out[PATH_MAX])
{
    if (!strchr(command, '/'))
        return *command && search(command, out);
    return snprintf(out, PATH_MAX, "%s", command) < PATH_MAX && is_program(out);
}

/* ---- scripts ---- */

/* The two words of a "#!" line, the second may be missing; false if the file has none. */
static bool read_script(int fd, char line[256], char **interpreter, char **argument)
{
    ssize_t n = pread(fd, line, 255, 0);
    char *end;

    if (n < 3 || line[0] != '#' || line[1] != '!')
        return false;
    line[n] = '\0';
    line[strcspn(line, "\n")] = '\0';
    for (end = line + strlen(line); end > line + 2 && strchr(" \t\r", end[-1]);)
        *--end = '\0';
    *interpreter = line + 2 + strspn(line + 2, " \t");
    *argument = *interpreter + strcspn(*interpreter, " \t");
    if (**argument) {
        *(*argument)++ = '\0';
        *argument += strspn(*argument, " \t");
    }
    return **interpreter;
}

/* What the kernel makes of it: interpreter, its one argument, the script, the arguments of the script. */
static void script_command(char *interpreter, char *argument, char *path, char *const argv[],
                           char *out[LAUNCHED_MAX])
{
    size_t n = 0;

    out[n++] = interpreter;
    if (*argument)
        out[n++] = argument;
    out[n++] = path;
    for (size_t i = 1; argv[0] && argv[i] && n < LAUNCHED_MAX - 1; i++)
        out[n++] = argv[i];
    out[n] = NULL;
}

/* ---- the way ---- */

/* Command lines that wait to be looked at, copies. Each may add others, so that a script that is its own
 * interpreter ends here. */
struct walk {
    struct target *target;
    enum target_scripts scripts;
    char **waiting[WALK_MAX];
    size_t n, done;
};

static void add(struct target *t, const char *path, enum target_obstacle obstacle)
{
    struct target_step *step = &t->steps[t->n];

    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->steps[i].path, path) == 0)
            return;
    if (t->n == TARGET_STEPS_MAX)
        return;
    snprintf(step->path, sizeof(step->path), "%s", path);
    step->obstacle = obstacle;
    t->n++;
}

/* Words behind the 63rd are none that a program is named by. */
static void wait_for_look(char *const argv[], void *arg)
{
    struct walk *w = arg;
    size_t n = 0, bytes = 0;
    char **copy, *to;

    for (; n < LAUNCHED_MAX - 1 && argv[n]; n++)
        bytes += strlen(argv[n]) + 1;
    copy = w->n < WALK_MAX ? malloc((n + 1) * sizeof(*copy) + bytes) : NULL;
    if (!copy)
        return;
    to = (char *)(copy + n + 1);
    for (size_t i = 0; i < n; i++) {
        copy[i] = to;
        to = stpcpy(to, argv[i]) + 1;
    }
    copy[n] = NULL;
    w->waiting[w->n++] = copy;
}

/* A script that is handed to a shell as a file: the first word that is no option. */
static void read_shell_script(char *const argv[], struct walk *w)
{
    char *text = malloc(SCRIPT_MAX + 1);
    ssize_t n = -1;
    size_t i = 1;
    int fd;

    while (argv[i] && argv[i][0] == '-')
        i++;
    fd = argv[i] ? open(argv[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (fd >= 0 && text)
        n = pread(fd, text, SCRIPT_MAX, 0);
    if (fd >= 0)
        close(fd);
    if (n > 0 && !memchr(text, '\0', (size_t)n)) {
        text[n] = '\0';
        shell_commands(text, wait_for_look, w);
    }
    free(text);
}

/* What the program at argv[0] will run in its turn. */
static void follow_launched(char *const argv[], struct walk *w)
{
    char *next[LAUNCHED_MAX], text[1024];
    const char *shell_text = launcher_shell_text(argv);

    if (shell_text)
        shell_commands(shell_text, wait_for_look, w);
    else if (launcher_is_shell(argv[0]) && w->scripts == TARGET_SCRIPTS_READ)
        read_shell_script(argv, w);
    else if (launcher_command(argv, next, text, sizeof(text)))
        wait_for_look(next, w);
}

static void follow(char *const argv[], struct walk *w)
{
    char path[PATH_MAX], line[256], *interpreter, *argument, *next[LAUNCHED_MAX];
    int fd;

    if (!argv[0] || !target_resolve(argv[0], path))
        return;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        add(w->target, path, TARGET_UNREADABLE);
        return;
    }
    if (read_script(fd, line, &interpreter, &argument)) {
        script_command(interpreter, argument, path, argv, next);
        wait_for_look(next, w);
    } else {
        add(w->target, path, obstacle_of(fd, path));
        follow_launched(argv, w);
    }
    close(fd);
}

void target_look(char *const argv[], enum target_scripts scripts, struct target *out)
{
    struct walk w = {.target = out, .scripts = scripts};

    out->n = 0;
    wait_for_look(argv, &w);
    for (; w.done < w.n; w.done++)
        follow(w.waiting[w.done], &w);
    for (size_t i = 0; i < w.n; i++)
        free(w.waiting[i]);
}

size_t target_count_obstacles(const struct target *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->n; i++)
        n += t->steps[i].obstacle != TARGET_FINE;
    return n;
}

/* ---- proxies ---- */

/* proxy=yes: requests through it go in a tunnel. */
static bool is_known_proxy(const struct policy *policy, const char *value)
{
    struct url url;
    struct policy_verdict v;
    const char *name = url.host;
    struct policy_target target = {.names = &name};

    if (!policy || url_parse(value, &url))
        return false;
    target.n_names = !url.is_address;
    target.address = url.address;
    target.no_address = !url.is_address;
    target.port = url.port;
    policy_decide(policy, &target, &v);
    return v.rule && v.rule->proxy;
}

unsigned target_tell_proxy(FILE *to, const char *prefix, const struct policy *policy)
{
    static const char *const names[] = {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"};
    unsigned n = 0;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);

        if (!value || !*value || is_known_proxy(policy, value))
            continue;
        n++;
        fprintf(to,
                "%s%s is set: requests through that proxy are protected as far as the proxy at most; unset "
                "it, or say proxy=yes of it in the policy\n",
                prefix, names[i]);
    }
    return n;
}
