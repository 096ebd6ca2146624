/* SPDX-License-Identifier: MIT */
/*
 * A look at what is about to be started. ld.so fails open: where it does not load a preload, the program runs
 * without protection and at most a line on stderr says so. So it is said here, before.
 */
#pragma once

/* Warns on stderr about everything that keeps tlsup out of `command`, searched in PATH as execvp(3) does.
 * Says nothing if the command is not found: exec will. */
void target_warn(const char *command);
/* Warns on stderr about variables that send requests to a proxy. */
void target_warn_proxy(void);
