/* SPDX-License-Identifier: MIT */
/*
 * What a relayed descriptor says of itself. Its socket is one end of a pair now; the program asks it what it
 * asked before: where it is connected to, and the options of TCP and IP. The answers are those of the moment
 * of the hand-over, and what the program sets is judged by a socket of the kind that it believes to have.
 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

struct conn;
struct conn_saved;

/* Reads them from the live socket; malloc'ed, NULL: no memory. Does not block. */
struct conn_saved *saved_take(int fd);

/* The descriptor of a relayed conn? A bounds check and a load if it is no conn. */
bool saved_is_relayed(int fd);

/*
 * As the system calls; for relayed descriptors only (-1 and errno's value in *error otherwise would be a
 * lie). True: answered, with *error 0 or the errno. False: the pair's end knows better: make the real call.
 * No lock is needed; they do not block; setting and unknown questions make a socket for the moment.
 */
bool saved_getsockname(int fd, struct sockaddr *addr, socklen_t *len, int *error);
bool saved_getpeername(int fd, struct sockaddr *addr, socklen_t *len, int *error);
bool saved_getsockopt(int fd, int level, int name, void *value, socklen_t *len, int *error);
bool saved_setsockopt(int fd, int level, int name, const void *value, socklen_t len, int *error);
