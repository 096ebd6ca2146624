/* SPDX-License-Identifier: MIT */
/* What `tlsup doctor` finds, and the looks that find it. Each file looks at one thing; doctor.c tells it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "shim/cli/cli.h"
#include "shim/cli/target.h"

enum doctor_status {
    DOCTOR_OK,
    DOCTOR_NOTE, /* worth knowing; nothing is unprotected for it */
    DOCTOR_FAIL, /* what the policy says cannot be enforced */
};

struct doctor_finding {
    const char *check; /* one word, stable */
    enum doctor_status status;
    char text[768];
    const char *advice; /* what to do; NULL: nothing */
    bool net_helps;     /* a failure that is none under tlsup run --strict */
};

#define DOCTOR_FINDINGS_MAX 64U

struct doctor {
    struct doctor_finding findings[DOCTOR_FINDINGS_MAX];
    size_t n;
    struct cli_source source; /* the policy that is looked at */
    struct target target;
    char object[PATH_MAX]; /* libtlsup.so; "" if it cannot be opened */
    bool net;              /* tlsup run --strict is possible */
};

/* Adds a finding, printf-like. What does not fit is left out. */
void doctor_say(struct doctor *d, const char *check, enum doctor_status status, const char *advice,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The objects beside the command, and whether ld.so loads the one. */
void doctor_objects(struct doctor *d);
/* The policy, its audit log, and what the engine makes of each rule: authorities, certificates, ciphers. */
void doctor_policy(struct doctor *d);
/* What the shim and the net ask of the kernel. */
void doctor_kernel(struct doctor *d);
/* Whether there can be a net, and what it takes away from the command's programs: before doctor_programs(),
 * and after it. */
void doctor_net(struct doctor *d);
void doctor_privileges(struct doctor *d);
/* Variables that change what is loaded or where requests go. */
void doctor_environment(struct doctor *d);
/* The command and what it runs. */
void doctor_programs(struct doctor *d, char *const argv[]);

/* Does `program`'s loader load `object`? Asks the loader itself (ld.so --list), without running the program.
 * False with the reason in `why`. */
bool doctor_loads(const char *program, const char *object, char *why, size_t cap);
