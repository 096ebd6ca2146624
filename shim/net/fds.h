/* SPDX-License-Identifier: MIT */
/* The descriptors of a thread of the tree, as /proc shows them. Nothing here blocks or allocates but for
 * reading directories. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The numbers by which it has the socket that `sock` is of ours, at most `max`; returns how many. */
size_t fds_of(pid_t thread, int sock, int *out, size_t max);
bool fds_closes_on_exec(pid_t thread, int number);
/* A place in an epoll set of the thread's process, as `data` of epoll_ctl(2). */
struct fds_place {
    int set, number;
    uint32_t events;
    uint64_t data;
};
/* Where the socket stands in epoll sets that the thread has, at most `max`; returns how many. */
size_t fds_places(pid_t thread, int sock, struct fds_place *out, size_t max);
