/* SPDX-License-Identifier: MIT */
/*
 * A socket pair in the place of a caught socket: the program's numbers for it name one end from then on
 * (SECCOMP_IOCTL_NOTIF_ADDFD), with the flags and the options that they had, and it stands in the epoll sets
 * that they stood in. It is of another family and has no options of TCP, which is why the other way is taken
 * where it can be. Copies that other processes have stay what they were: a socket that is not connected.
 */
#pragma once

#include "shim/net/request.h"

#include <stdbool.h>

/* Has the socket no way to this machine's loopback? */
bool swap_is_needed(int sock);
/* Why there can be no pair in its place (static), or NULL. */
const char *swap_obstacle(int sock);
/* The two ends, of which `far` is to be the program's. 0 or errno. */
int swap_make(int *near, int *far, int sock);
/* While the call `id` waits: every number that its thread has for `sock` becomes `far`. False: it has none
 * any more, or it could not be done; then nothing was sent to anybody. */
bool swap_place(int listener, uint64_t id, pid_t thread, int sock, int far);
