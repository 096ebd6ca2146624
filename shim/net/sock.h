/* SPDX-License-Identifier: MIT */
/* The caller's own socket, taken into our hands: the same open file description under a number of ours.
 * Nothing here blocks or allocates. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

enum sock_kind {
    SOCK_OTHER, /* nothing that TCP could go through */
    SOCK_TCP,
    SOCK_DERIVED, /* MPTCP, SMC: TCP underneath, but not to be connected to a relay itself */
};

/* A duplicate of `fd` as that thread sees it, close-on-exec; -1 with errno. */
int sock_take(pid_t thread, int fd);
/* The process that a thread belongs to, for records; the thread itself if that is not known. */
pid_t sock_process(pid_t thread);
/* "/proc/PID" and `file`, at most 40 bytes. */
void sock_proc_path(char out[64], pid_t pid, const char *file);

/* SOCK_OTHER with errno ENOTSOCK: no socket at all; else errno is 0. */
enum sock_kind sock_kind(int fd);
int sock_state(int fd); /* TCP_ESTABLISHED ...; 0 if it is not known */
bool sock_is_blocking(int fd);
/* SO_SNDTIMEO, which bounds a blocking connect(); 0: none. */
uint64_t sock_send_timeout_ns(int fd);

/* connect(2) that returns at once, also where the socket blocks. 0 or errno. */
int sock_connect(int fd, const struct sockaddr *addr, socklen_t len);
/* ENETUNREACH where there is no way to that address, which connect() of a socket that does not block says at
 * once; else 0, also where it is not known. */
int sock_unreachable(int fd, const struct sockaddr *addr, socklen_t len);
/* Dissolves what it has begun; SO_ERROR says ECONNRESET then. */
void sock_dissolve(int fd);

/* Is it of the network that this process is in? Of that of the other one? */
bool sock_is_of_our_network(int fd);
bool sock_is_of_network(int fd, int other);
/* Bound to a network interface other than the loopback one? */
bool sock_has_device(int fd);
