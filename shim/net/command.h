/* SPDX-License-Identifier: MIT */
/* The command, from fork to exec: under the filter before a line of it runs. */
#pragma once

#include "shim/net/net.h"
#include "shim/net/words.h"

#include <stdbool.h>

struct command {
    pid_t pid;
    int listener; /* of the filter */
};

/* Forks it and takes the listener. The command waits for command_go(). False: *why says it; nothing runs. */
bool command_fork(struct command *c, const struct net_order *order, const struct net_before *before,
                  uint64_t cookie, struct net_message *why);
/* The descriptor by which it waits. */
int command_line(void);
/* Lets it exec, or end. */
void command_go(bool yes);
