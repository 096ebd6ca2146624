/* SPDX-License-Identifier: MIT */
/*
 * The socket pair that takes a conn's place. Both descriptors and the one of the TCP socket stand above the
 * numbers that a program counts on, and are close-on-exec. Blocks nowhere; makes descriptors; the conn's lock
 * is held.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct conn;

struct pair {
    int tcp;    /* the connection */
    int local;  /* the relay's end */
    int remote; /* the program's end */
};

/* Makes the pair and a duplicate of the TCP socket; the program's end gets the flags and options that the
 * program has set. 0 or errno. */
int pair_make(struct pair *p, int fd);
/* The same from what processes share since a fork (conn/share.h), which is used up. `starts`: this process
 * starts the relay and takes its end; the flags are the connection's then. */
int pair_of_share(struct pair *p, struct conn *c, bool starts);
/* What a program may have set on `from` and would ask for again, for the end that it gets instead. */
void pair_copy_options(int from, int to);
/* Puts bytes into the pair as if the program had written them. False: they do not fit. */
bool pair_give(const struct pair *p, const char *at, size_t len);
/* Every number of the conn in this process becomes the program's end. False: one could not (the limit of
 * descriptors was lowered below it): the connection is shut down then, for the number still names it. */
bool pair_replace(const struct pair *p, struct conn *c);
void pair_close(struct pair *p);

/* In the process that becomes the relay: the connection is 3, the pair's end 4, 0 and 1 nothing, 2 stays
 * until there is nothing left to say; all others are closed. Async-signal-safe, no memory is changed. */
void pair_settle(int tcp, int local);
#define RELAY_TCP   3
#define RELAY_LOCAL 4
