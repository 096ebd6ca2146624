/* SPDX-License-Identifier: MIT */
/*
 * Descriptor number -> conn, lock-free.
 *
 * A number that is not ours costs one bounds check and one load. A slot is a word: the conn, and bits that
 * belong to the number rather than to the connection (FD_CLOEXEC is a property of the descriptor, fcntl(2)).
 * Conns are type-stable memory (conn/pool.h), so a reference may be taken from a stale pointer and given
 * back.
 *
 * None of this blocks. Only table_set of a number beyond all earlier ones allocates (a page of slots, by
 * mmap). Safe before init and in signal handlers.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct conn;

enum {
    SLOT_CLOEXEC = 1U, /* what the program believes of FD_CLOEXEC; the kernel's is always set on a conn */
    SLOT_FRESH = 2U,   /* an unconnected TCP socket that socket() gave under this number */
    SLOT_STDIO = 4U,   /* a FILE was opened on it: bytes would pass us */
    SLOT_UNLISTED =
        8U, /* connected to a port that no line names, in testing: its first bytes are looked at */
};

/* Is this the process that the table belongs to? A vfork child runs in our memory under another pid and must
 * change nothing. A child that has a copy of our memory, by whatever kind of clone, is told apart by a page
 * that the kernel wipes on fork: it adopts the table (table_on_copy is called, once) and owns it. One
 * getpid(2). */
bool table_is_ours(void);
/* The process that this memory belongs to, without a system call. A vfork child, which runs in it, gets its
 * parent: state that they share is one state. */
int table_pid(void);
/* Tells the table that this process owns it now (constructor, and the child of fork). */
void table_adopt(void);
extern void (*table_on_copy)(void);

/* The conn at `fd` with a reference to give back with conn_put(), or NULL. */
struct conn *table_get(int fd);
/* The same without a reference: only to ask whether it is ours. */
bool table_has(int fd);

/* Does this number name that conn? As cheap. */
bool table_names(int fd, const struct conn *c);
/* Is anything known of it, a conn or bits? As cheap. */
bool table_knows(int fd);

unsigned table_bits(int fd);
void table_set_bits(int fd, unsigned set, unsigned clear);

/* A number that is SLOT_FRESH was duplicated, at some time. Until then a socket that is connected has one
 * number, and nobody has to look at all others for another one. */
void table_note_twin(void);
bool table_has_twins(void);

/* Publishes `conn` (may be NULL) with `bits` at `fd`. The slot owns one reference, which the caller hands
 * over; the reference of what stood there before is returned to the caller (NULL: nothing). False if out of
 * memory. */
bool table_set(int fd, struct conn *conn, unsigned bits, struct conn **before);

/* Takes what stands at `fd` out and clears the slot; the caller gets the slot's reference. */
struct conn *table_take(int fd);

/* The first number >= `from` that holds a conn or bits, or -1. */
int table_next(int from);
