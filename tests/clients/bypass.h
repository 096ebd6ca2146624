/* SPDX-License-Identifier: MIT */
/* What bypass.c shares with calm.c (connects that are ordinary, but for the libc that they pass by) and
 * kinds.c (those of other sockets). */
#pragma once

#include <sys/socket.h>

struct to {
    struct sockaddr_storage addr;
    socklen_t len;
    unsigned short other_port;
};
extern struct to to;

/* The result as the kernel gives it: -errno. */
long raw(long n, long a, long b, long c, long d, long e, long f);
long dial(int fd);
/* Bound to the network interface that the variable DEVICE names, if there is one. */
int new_socket(int flags);
long talk(int fd);
const char *the_request(void);
/* "0", or the errno's name. */
const char *name_of(long r);

long calm_nonblocking(void);
long calm_again(void);
long calm_interrupted(void);
long calm_restarted(void);
long calm_timeout(void);
long calm_bound(void);
long calm_redial(void);
long calm_threads(void);
long calm_many(void);
long calm_race(void);
long calm_others(void);
long calm_forbid(char **words);

long kinds_peer(void);
long kinds_after(void);
long kinds_ends(void);
long kinds_flags(void);
long kinds_flags_nonblocking(void);
long kinds_numbers(void);
long kinds_watched(void);
long kinds_mptcp(void);
long kinds_network(void);
long kinds_network_left(void);
