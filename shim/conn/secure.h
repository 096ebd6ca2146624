/* SPDX-License-Identifier: MIT */
/*
 * CONN_HANDSHAKE: from the peer's word that it speaks TLS to a session with the right peer. Under the conn's
 * lock; does not block on the network; allocates; loads the engine on first use (blocks on disk).
 */
#pragma once

#include <stdbool.h>

struct conn;
struct strategy;

/* Loads the engine and makes the rule's context. Called before a strategy's first byte, so that a broken
 * setup is found before the peer is troubled. False: conn_fail() was said. */
int secure_prepare(struct conn *c);
/* The same for a connection on which `first` will begin, with nothing said: whatever is wrong is found again
 * when it matters. And is there nothing left of it to do? */
void secure_early(struct conn *c, const struct strategy *first);
bool secure_is_early(const struct conn *c, const struct strategy *first);
void secure_step(struct conn *c);
