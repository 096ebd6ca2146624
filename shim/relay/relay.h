/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that leave our reach (DESIGN section 8). A descriptor that goes through a door which we see is
 * handed to a relay: one end of a socket pair takes its number, and a small process that belongs to nobody
 * holds the TCP socket and carries bytes until the connection ends.
 *
 * Before TLS is begun the relay is a program of its own (spawn.c), which runs the same conn code; from then
 * on it is a copy of this process (copy.c), because the session cannot be written down.
 */
#pragma once

#include <stdbool.h>

struct conn;

/* Ways to reach a descriptor that we do not see, and calls by which it gets there. */
enum door {
    DOOR_STDIO,  /* fdopen() */
    DOOR_LOW,    /* it becomes 0, 1 or 2, which stdio and every child use */
    DOOR_SPAWN,  /* posix_spawn()'s file actions */
    DOOR_KEEP,   /* FD_CLOEXEC is cleared */
    DOOR_EXEC,   /* exec without FD_CLOEXEC */
    DOOR_RIGHTS, /* SCM_RIGHTS */
    DOOR_KERNEL, /* splice(): bytes that pass through no buffer of the program */
    DOOR_AIO,    /* a thread of libc reads and writes */
    DOOR_CLOSE,  /* close() before all has left that the program sent */
    DOOR_SHARE,  /* a second process may use it after a fork before its first byte */
    DOORS,
};

/*
 * Makes the number fit to go through the door. 0: it may; it is no conn, or one whose calls are the kernel's,
 * or it names the end of a relay's pair by now. Else the errno of the call, which must not be made then: one
 * line and one record have said why.
 *
 * Blocks for a few milliseconds (a process is started). Allocates. Not before init, not in a signal handler.
 * Takes the conn's lock. Not for a child of vfork, whose memory is not its own.
 */
int relay_pass(int fd, enum door door);

/* Would close() of fd, the last number of its conn, lose what TCP would have sent? A request that was fired
 * and forgotten: bytes are held, and the program has neither read nor waited since it gave them; or the last
 * ones that a full socket took. */
bool relay_wanted_at_close(int fd);

void relay_share(struct conn *c); /* conn_on_shared, conn/share.h */

/* The words of the program, so that a copy of it can say in ps(1) what it is. Called once, at start. */
void relay_init(int argc, char **argv);
/* fork(): waits until no other thread is in the engine, whose locks and half-written records the child would
 * inherit, and keeps it so; until that is over in the parent. */
void relay_before_fork(void);
void relay_forked(void);
/* A copied process has no other threads. */
void relay_after_fork(void);
