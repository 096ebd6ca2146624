/* SPDX-License-Identifier: MIT */
/* Has what was sent arrived? Asked of the kernel (sock_diag), as both ends are on this machine: neither time
 * nor a delayed acknowledgement says so. */
#pragma once

#include <stdbool.h>

/* Waits, a second at most, until what `fd` has sent is in the other end's queue; fin: its FIN as well. */
void arrival(int fd, bool fin);

/* A connection that is about to be closed here, by its ports. */
struct arrival_place {
    int ours, theirs;
};
struct arrival_place arrival_place(int fd);
/* Waits until the other end has been told of the reset that `at` went by. */
void arrival_of_reset(struct arrival_place at);
