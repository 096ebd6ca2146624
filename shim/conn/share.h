/* SPDX-License-Identifier: MIT */
/*
 * A connection on which no byte was said yet when its process forked: both may go on to use it, one writes
 * and the other reads, and none can know. So fork() makes what they would need, which is all that it does: a
 * socket pair of which every process has one end. The other end lies in a mailbox, for whoever uses the
 * connection first while others have it too: that one starts a relay with it, and everybody goes on with the
 * end that they share, as they would share a TCP socket. Who uses it alone drops all this and goes on as
 * ever.
 *
 * Two descriptors of ours live in each process until then, close-on-exec; a program that closes everything
 * closes them as well, which is found out by their cookies. In the relay's end one byte waits already that
 * belongs to nobody (relay/pump.h).
 *
 * Under the conn's lock unless said otherwise. Nothing here blocks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct conn;

struct conn_share {
    bool there;
    int end, mail; /* the program's end; where the relay's lies */
    uint64_t end_cookie, mail_cookie;
};

/* Before a fork: for every conn on which no byte was said. No lock held. Makes descriptors. */
void share_before_fork(void);

/* After it, in the parent: a thread that sleeps on such a conn uses it, and must not sleep on what another
 * process reads. No lock held. */
void share_after_fork(void);

/* Called by conn_claim(): this process uses a conn that it shares. It is RELAYED or REFUSED after that, or
 * the share was dropped. */
extern void (*conn_on_shared)(struct conn *c);

/* Are both descriptors still what they were? */
bool share_stands(const struct conn *c);
/* No relay has it, and every other process has closed it, been replaced by another program, or ended? Told by
 * those that go in order: of one that was killed, or left by _exit(), it is not known, and then a relay is
 * started for nothing. */
bool share_is_alone(const struct conn *c);
/* The relay's end, for the one that starts it, and only once; -1: it was taken. */
int share_take(struct conn *c);
/* The program's end, whose descriptor is the caller's now; what is left of the share is dropped. */
int share_take_end(struct conn *c);
/* This process has no part in it any more. No lock needed once nobody else can find the conn. */
void share_drop(struct conn *c);

/* This process ends, or becomes another program: it drops all. No lock held. */
void share_drop_all(void);
/* A wait on an epoll set begins, which is a use of the conns that are registered anywhere. No lock held. */
void share_use_registered(void);
