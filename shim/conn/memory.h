/* SPDX-License-Identifier: MIT */
/*
 * A destination that refused is answered from memory for a second: a program that dials again at once (wrk
 * does, 21000 times a second) must not hammer the server or the records. Memory only repeats what the level
 * made of the refusal; it never lowers a level, and it is about the same rule, address, port and name. And
 * which strategy worked is tried first from then on: that changes the order, never what is good enough.
 *
 * A short lock; no allocation; does not block; signals are blocked by the conn's lock.
 */
#pragma once

#include "shim/conn/conn.h"

/* Keeps how this conn's strategies ended. */
void memory_keep(const struct conn *c, enum conn_failure kind, int error);
/* True if the same destination refused less than a second ago: reason and result_type of the conn are set to
 * what was said then, *kind and *error as they were. */
bool memory_recall(struct conn *c, enum conn_failure *kind, int *error);

/* For a while a destination is first asked in the way that worked: kept if that is not the first of `try`, or
 * no longer what was kept. */
void memory_learn(const struct conn *c, enum policy_strategy s);
/* The way that worked at this address and port, whatever the request's name: before the head is known nothing
 * else is, and a wrong guess costs a dial. False: nothing is known. */
bool memory_best(const struct conn *c, enum policy_strategy *s);
/* What it refused is forgotten. */
void memory_forgive(const struct conn *c);

void memory_after_fork(void);
