/* SPDX-License-Identifier: MIT */
/*
 * A destination that refused is answered from memory for a second: a program that dials again at once (wrk
 * does, 21000 times a second) must not hammer the server or the records. Memory only repeats what the level
 * made of the refusal; it never lowers a level, and it is about the same rule, address, port and name.
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

void memory_after_fork(void);
