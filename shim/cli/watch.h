/* SPDX-License-Identifier: MIT */
/* `tlsup run --explain`: the command as a child, and its decisions on standard error as they come. */
#pragma once

/* Runs start(command), whose result is the status where exec fails, in a child that has the terminal and the
 * signals as if it were alone. Returns its exit status; if a signal ended it, the same signal ends us. */
int watch(char **command, int (*start)(char **command));
