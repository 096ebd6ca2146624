/* SPDX-License-Identifier: MIT */
/*
 * The policy that is in force in this process: read at the first stream connect to an IP address, looked at
 * again at most once a second, as long as root directory and effective user are the same. A changed file is
 * taken up by new connections; bad new text leaves the old in force.
 *
 * Blocks on files; allocates; takes a lock. Not in a signal handler (connect() from one, as the very first of
 * the process, is the exception that is accepted), not before init.
 */
#pragma once

#include "policy/load.h"

#include <stdbool.h>

/* Keeps the environment's word while it is there: a program may clean its environment before it connects
 * (nginx does). Does not block or allocate. */
void config_init(void);

/* The path that the environment named then, or NULL. */
const char *config_environment_policy(void);

/* The policy with a reference to give back, or NULL: no usable policy, then *refused tells whether `port` is
 * closed for that reason, and `why` gets the reason (at most cap bytes). */
struct policy *config_policy(uint16_t port, bool *refused, char *why, size_t cap);

/* Does any rule have to be kept? Also where there is no usable policy. */
bool config_demands(void);

/* The policy, read now if it has not been, with a reference to give back, or NULL: no usable policy. */
struct policy *config_before_root_changes(void);
/* The root directory is another one: no file of it is a policy for this process. */
void config_root_changed(void);
/* Has the root directory changed since the policy was read? */
bool config_in_other_root(void);

void config_after_fork(void);
