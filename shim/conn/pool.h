/* SPDX-License-Identifier: MIT */
/*
 * Type-stable memory for conns: once a conn, always a conn. A reader may find a pointer in a table, lose the
 * race against close(), and still try to take a reference without touching freed memory.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

struct conn;

/* How many conns there are. */
extern atomic_uint pool_live;

/* A clean conn with one reference, or NULL. Allocates by mmap; takes a lock; not in a signal handler unless
 * signals are blocked. */
struct conn *pool_new(void);
/* Takes a reference unless the conn is free. Lock-free; safe anywhere. */
bool pool_try_ref(struct conn *c);
void pool_ref(struct conn *c);
/* The conn with this index, or NULL if there never was one. Lock-free. */
struct conn *pool_at(unsigned index);
/* How many indexes there are. */
unsigned pool_size(void);
/* Takes the lock of every conn but one, so that no other thread is in the engine, which is only called under
 * them; the number to give back. Blocks while they finish their step. relay/ sees to it that no two
 * do it at once. */
unsigned pool_hold(const struct conn *except);
void pool_let_go(unsigned held, const struct conn *except);
/* The child of fork() starts with fresh locks (nobody else is there to hold them). */
void pool_after_fork(void);
