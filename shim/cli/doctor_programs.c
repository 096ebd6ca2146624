/* SPDX-License-Identifier: MIT */
/* Each program of a command, by its file and by the word of its own loader. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/cli/doctor.h"
#include "shim/cli/elf_file.h"

#define LIST_MAX 65536U

#define FIREWALL "let the firewall reject its ports"

/* Without the net, and where there can be one. */
static const struct {
    const char *plain, *net;
} advices[] = {
    [TARGET_UNREADABLE] = {"let this user read it, or ask as one that may", "start it by tlsup run --strict"},
    [TARGET_SET_UID] = {"start it as its owner, or " FIREWALL, NULL},
    [TARGET_SET_GID] = {"start it as its group, or " FIREWALL, NULL},
    [TARGET_CAPABILITIES] = {"let systemd give them (AmbientCapabilities=), or the firewall reject its ports",
                             NULL},
    [TARGET_OTHER_MACHINE] = {"use a build for this machine, or " FIREWALL,
                              "start it by tlsup run --strict, or use a build for this machine"},
    [TARGET_STATIC] = {"use a dynamically linked build, or " FIREWALL,
                       "start it by tlsup run --strict, or use a dynamically linked build"},
    [TARGET_MUSL] = {"use a build for glibc, or " FIREWALL,
                     "start it by tlsup run --strict, or use a build for glibc"},
    [TARGET_OTHER_LOADER] = {"use a build for glibc, or " FIREWALL,
                             "start it by tlsup run --strict, or use a build for glibc"},
    [TARGET_GO] = {FIREWALL "; Go's own https needs no tlsup",
                   "start it by tlsup run --strict; Go's own https needs no tlsup"},
};

/* ---- the loader's word ---- */

/* The child: ld.so --list PROGRAM with our preload, both outputs into the pipe. */
static void become_loader(const char *interpreter, const char *program, const char *object, int out)
{
    if (setenv("LD_PRELOAD", object, 1) == 0 && dup2(out, 1) >= 0 && dup2(out, 2) >= 0)
        execl(interpreter, interpreter, "--list", program, (char *)NULL);
    _exit(127);
}

static void read_all(int fd, char *out, size_t cap)
{
    size_t len = 0;
    ssize_t n;

    while (len < cap - 1 && ((n = read(fd, out + len, cap - 1 - len)) > 0 || (n < 0 && errno == EINTR)))
        len += n > 0 ? (size_t)n : 0;
    out[len] = '\0';
}

static bool list(const char *interpreter, const char *program, const char *object, char *out, size_t cap)
{
    int ends[2], status = -1;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    fflush(stdout);
    pid = fork();
    if (pid == 0)
        become_loader(interpreter, program, object, ends[1]);
    close(ends[1]);
    if (pid > 0)
        read_all(ends[0], out, cap);
    close(ends[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return pid > 0 && status == 0;
}

static void first_line(const char *text, char *why, size_t cap)
{
    snprintf(why, cap, "%.*s", (int)strcspn(text, "\n"), text);
}

bool doctor_loads(const char *program, const char *object, char *why, size_t cap)
{
    struct elf_facts elf = {0};
    char *text = calloc(1, LIST_MAX), *error, other[PATH_MAX];
    bool loads = false;
    int fd = open(program, O_RDONLY | O_CLOEXEC);

    snprintf(why, cap, "it cannot be looked into");
    if (fd >= 0) {
        elf_look(fd, &elf);
        close(fd);
    }
    if (!elf.same_machine && cli_object_of(&elf, other))
        object = other;
    if (text && elf.interpreter[0] && list(elf.interpreter, program, object, text, LIST_MAX)) {
        error = strstr(text, "ERROR: ld.so");
        loads = !error && strstr(text, object) != NULL;
        first_line(error ? error : "the loader does not list it", why, cap);
    } else if (text && elf.interpreter[0]) {
        first_line(*text ? text : "the loader fails", why, cap);
    }
    free(text);
    return loads;
}

/* ---- the programs ---- */

static void say_obstacle(struct doctor *d, const struct target_step *step)
{
    const char *with_net = d->net ? advices[step->obstacle].net : NULL;
    size_t n = d->n;

    doctor_say(d, "program", DOCTOR_FAIL, with_net ? with_net : advices[step->obstacle].plain, "%s %s",
               step->path, target_obstacle_text(step->obstacle));
    if (d->n > n)
        d->findings[n].net_helps = true; /* where its privileges go is said of their own */
}

static void look_at_step(struct doctor *d, const struct target_step *step)
{
    char why[512];

    if (step->obstacle != TARGET_FINE)
        say_obstacle(d, step);
    else if (obstacle_is_loader(step->path) || !d->object[0])
        doctor_say(d, "program", DOCTOR_OK, NULL, "%s", step->path);
    else if (doctor_loads(step->path, d->object, why, sizeof(why)))
        doctor_say(d, "program", DOCTOR_OK, NULL, "%s: tlsup is loaded into it", step->path);
    else
        doctor_say(d, "program", DOCTOR_FAIL, "see to what the loader says",
                   "%s: tlsup is not loaded into it: %s", step->path, why);
}

void doctor_programs(struct doctor *d, char *const argv[])
{
    target_look(argv, TARGET_SCRIPTS_READ, &d->target);
    if (!d->target.n)
        doctor_say(d, "program", DOCTOR_FAIL, "give its path, or see to PATH", "%s is not found", argv[0]);
    for (size_t i = 0; i < d->target.n; i++)
        look_at_step(d, &d->target.steps[i]);
    if (d->target.n == TARGET_STEPS_MAX)
        doctor_say(d, "program", DOCTOR_NOTE, "look into its parts one by one",
                   "there may be more than these %u programs", TARGET_STEPS_MAX);
}
