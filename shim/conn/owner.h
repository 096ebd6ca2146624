/* SPDX-License-Identifier: MIT */
/*
 * Which process may use a TLS session. Two processes that write one session produce records under the same
 * nonce, so after a fork exactly one of them goes on: the word stands in memory that both share, fork()
 * leaves it unclaimed, and the first one to use the connection takes it.
 *
 * Lock-free; does not block; allocates one mapping, once. Safe in signal handlers after that.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

/* A word that names this process, or NULL if there is no room: then only the process that made the conn may
 * use it. */
_Atomic(int) *owner_new(void);
void owner_give_back(_Atomic(int) *word);
/* True if this process owns the word or could take it just now. */
bool owner_claim(_Atomic(int) *word);
/* True if this process owns the word already; takes nothing. */
bool owner_holds(_Atomic(int) *word);
/* The owner gives it to a relay: no other process can claim it from now on. */
void owner_escape(_Atomic(int) *word);
/* The relay, whose word it is now; or the owner, if there is none after all. */
void owner_take(_Atomic(int) *word);
/* Before a fork: what is ours belongs to whoever comes first. */
void owner_before_fork(void);
