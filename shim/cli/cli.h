/* SPDX-License-Identifier: MIT */
/* The command: one table of verbs, one file a verb. It runs in a process of its own and may use stdio. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "policy/load.h"
#include "shim/tls.h"

#if !defined(TLSUP_VERSION) || !defined(TLSUP_MULTIARCH)
#error "the version and the machine's place of libraries are the Makefile's to say"
#endif

/* As env(1) has them. */
enum cli_exit {
    CLI_OK = 0,
    CLI_BAD = 1,
    CLI_USAGE = 2,
    CLI_NO_TLS = 2, /* of probe, whose usage status is CLI_FAILED */
    CLI_FAILED = 125,
    CLI_NOT_EXECUTABLE = 126,
    CLI_NOT_FOUND = 127
};

struct cli_verb {
    const char *name;
    const char *synopsis; /* what follows "tlsup NAME" */
    const char *summary;  /* one line of `tlsup help` */
    const char *help;     /* the rest of `tlsup NAME --help` */
    int usage_status;     /* exit status when the command line is wrong */
    int (*run)(const struct cli_verb *self, int argc, char **argv); /* argv[0] is the verb; the exit status */
};

int cli_run(const struct cli_verb *self, int argc, char **argv);
int cli_check(const struct cli_verb *self, int argc, char **argv);
int cli_explain(const struct cli_verb *self, int argc, char **argv);
int cli_probe(const struct cli_verb *self, int argc, char **argv);
int cli_doctor(const struct cli_verb *self, int argc, char **argv);
int cli_report(const struct cli_verb *self, int argc, char **argv);
int cli_env(const struct cli_verb *self, int argc, char **argv);
int cli_wrap(const struct cli_verb *self, int argc, char **argv);
int cli_unwrap(const struct cli_verb *self, int argc, char **argv);
int cli_systemd(const struct cli_verb *self, int argc, char **argv);
int cli_version(const struct cli_verb *self, int argc, char **argv);

/* Says what is wrong with the command line, printf-like; returns the verb's usage status. */
int cli_usage(const struct cli_verb *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Reacts to getopt's '?' and ':'. Returns the verb's usage status. */
int cli_bad_option(const struct cli_verb *verb, char **argv);
/* `tlsup NAME --help`, on stdout. Returns CLI_OK. */
int cli_help(const struct cli_verb *verb);

/* ---- files.c: where things are ---- */

/* Absolute path of `path`, which need not exist; symbolic links stay. False if it does not fit. */
bool cli_absolute(const char *path, char out[PATH_MAX]);
/* The installed or just built object of that name, beside this program or in lib/tlsup of its prefix. False
 * if there is none that can be opened; `out` then holds the first place that was tried. */
bool cli_object(const char *name, char out[PATH_MAX]);

/* Where it is installed for several kinds of programs: the libtlsup.so that ld.so loads into a program like
 * this one. False if it is installed for this machine's own alone, or not for that kind. */
struct elf_facts;
bool cli_object_of(const struct elf_facts *program, char out[PATH_MAX]);

/* libtlsup.so, as LD_PRELOAD can name it: with $LIB in the name where it is installed for several kinds of
 * programs, so that each gets its own. False after saying on stderr why not. */
bool cli_preload_object(const char *verb, char out[PATH_MAX]);

/* ---- engine.c ---- */

#define CLI_ENGINE_WHY (PATH_MAX + 256)

/* The engine of this build or installation, which stays loaded, and where it lies. NULL: `why` tells. */
struct tls_engine;
const struct tls_engine *cli_engine(char path[PATH_MAX], char why[CLI_ENGINE_WHY]);

/* ---- source.c: policies ---- */

/* A policy and everything that is to say about it. */
struct cli_source {
    struct policy_source source;
    struct policy_diagnostics diag;
};

/* The policy in force here: system, TLSUP_POLICY or built-in. */
void cli_load(struct cli_source *out);
/* Every diagnostic as path:line:column: error|warning: text; or, if the file was not read, why. */
void cli_print_diagnostics(FILE *to, const struct cli_source *s, bool warnings);
/* True if the system's policy lets the user name another; if not, says on stderr which file and line. */
bool cli_may_choose_policy(const char *verb);

/* -p: the absolute path of a policy that the system permits and that is good. False after saying on stderr
 * why not. */
bool cli_choose_policy(const char *verb, const char *path, char absolute[PATH_MAX]);

/* ---- json.c ---- */

/* A JSON string with its quotes (RFC 8259 section 7); bytes that are not ASCII become \u00xx. */
void cli_json_string(FILE *to, const char *s);
