/* SPDX-License-Identifier: MIT */
/*
 * A look at what is about to be started. ld.so fails open: where it does not load a preload, the program runs
 * without protection and at most a line on stderr says so. So it is said here, before.
 *
 * A command line is followed to every program that it will run, as far as that can be told from outside:
 * "#!" lines, env(1) and its like, the loader called by hand, `sh -c`.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "policy/policy.h"

/* What keeps tlsup out of a program. */
enum target_obstacle {
    TARGET_FINE,
    TARGET_UNREADABLE,
    TARGET_SET_UID,
    TARGET_SET_GID,
    TARGET_CAPABILITIES,
    TARGET_OTHER_MACHINE,
    TARGET_STATIC,
    TARGET_MUSL,
    TARGET_OTHER_LOADER,
    TARGET_GO,
};

struct target_step {
    char path[PATH_MAX];
    enum target_obstacle obstacle;
};

#define TARGET_STEPS_MAX 24U

/* The programs on the way, each once, in the order in which they start. About 100 KiB: not for the stack. */
struct target {
    struct target_step steps[TARGET_STEPS_MAX];
    size_t n;
};

enum target_scripts {
    TARGET_SCRIPTS_AS_FILES, /* a shell script is its interpreter */
    TARGET_SCRIPTS_READ,     /* and the commands that stand in it */
};

/* Fills in `out`. A command that is not found adds nothing: exec will say so. */
void target_look(char *const argv[], enum target_scripts scripts, struct target *out);
/* How many of the steps tlsup is kept out of. */
size_t target_count_obstacles(const struct target *t);
/* Does no_new_privs take away what it is for: set-user-ID, set-group-ID, file capabilities? */
bool target_loses_privileges(enum target_obstacle obstacle);
/* "is static: …": what is so, and what that means. "" for TARGET_FINE. */
const char *target_obstacle_text(enum target_obstacle obstacle);
/* One word for programs: "static", "set-uid", … */
const char *target_obstacle_word(enum target_obstacle obstacle);
/* The program that execvp(3) would take. */
bool target_resolve(const char *command, char out[PATH_MAX]);

/* Says on `to` which variables send requests to a proxy that is not known as one to `policy` (NULL: none), a
 * line each that begins with `prefix`. The number.
 */
unsigned target_tell_proxy(FILE *to, const char *prefix, const struct policy *policy);

/* ---- obstacle.c ---- */

/* glibc's loader, whose first argument is a program. */
bool obstacle_is_loader(const char *path);
/* What keeps tlsup out of the program that is open as `fd`. */
enum target_obstacle obstacle_of(int fd, const char *path);

/* ---- launcher.c ---- */

#define LAUNCHED_MAX 64U

/* The command that a launcher (env, nice, timeout …) is given: `out` gets its words, which are argv's own or
 * live in `text`. False if argv[0] is no launcher, or launches nothing. */
bool launcher_command(char *const argv[], char *out[LAUNCHED_MAX], char *text, size_t cap);
/* The text that a shell is told to run by -c, or NULL. */
const char *launcher_shell_text(char *const argv[]);
bool launcher_is_shell(const char *path);

/* ---- shell.c ---- */

/* Calls `run` with the words of every simple command of a shell's text, as well as they can be told without
 * running it: quotes are taken off, words with an expansion in them are left out. */
void shell_commands(const char *text, void (*run)(char *const argv[], void *arg), void *arg);
