/* SPDX-License-Identifier: MIT */
/*
 * The net under a process tree (DESIGN section 8): `tlsup run --strict`.
 *
 * Three processes. The front is the one that the user's shell or service manager knows: it takes signals and
 * gives the exit status. The supervisor is its child, has the listener of the filter, and lives until the
 * last process of the tree is gone. The command is the supervisor's child, in the front's session and process
 * group: as an ancestor the supervisor may look into the tree also where ptrace is restricted (Yama).
 */
#pragma once

#include <stdbool.h>

struct net_order {
    const char *relay;            /* path of its program */
    int (*start)(char **command); /* execs; else says why and returns the exit status */
    char **command;
    void (*refuse)(const char *what, const char *why); /* there is no net, nothing was started: says so */
    int failed;                                        /* the exit status then */
};

/* Runs the command under the net; returns the exit status (or ends by the command's signal). For a process
 * of one thread. Puts TLSUP_NET into the environment. Blocks. */
int net_run(const struct net_order *order);

/* Can there be a net here? Tries it on a process that ends at once. False: *what and *why tell it as refuse()
 * is told (static). Blocks for that long; for a process of one thread. */
bool net_try(const char **what, const char **why);
