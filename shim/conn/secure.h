/* SPDX-License-Identifier: MIT */
/*
 * CONN_HANDSHAKE: from the peer's word that it speaks TLS to a session with the right peer. Under the conn's
 * lock; does not block on the network; allocates; loads the engine on first use (blocks on disk).
 */
#pragma once

struct conn;

/* Loads the engine and makes the rule's context. Called before a strategy's first byte, so that a broken
 * setup is found before the peer is troubled. False: conn_fail() was said. */
int secure_prepare(struct conn *c);
void secure_step(struct conn *c);
