/* SPDX-License-Identifier: MIT */
/*
 * The strategies of a rule, one after the other: in which order, where each of them lives, what follows when
 * one fails, and what all of them came to (DESIGN section 3).
 *
 * Under the conn's lock; does not block on the network; allocates; not before init; signals are blocked.
 */
#pragma once

#include "shim/conn/conn.h"

/* The rule's strategies in the order in which they are worth trying: what worked here before goes first.
 * Returns how many. */
unsigned tries_order(const struct conn *c, enum policy_strategy out[STRATEGY_COUNT]);
/* The one that begins. */
const struct strategy *tries_first(const struct conn *c);
/* Where TCP goes for it. */
uint16_t tries_port(const struct conn *c, enum policy_strategy s);
/* The port that belongs to https, where http is at `port`. `r` is the server's rule, or NULL. Pure. */
uint16_t tries_mapped_port(const struct policy_rule *r, uint16_t port);
/* Begins the next one that has not failed yet. False: there is none. */
bool tries_next(struct conn *c);
/* TCP is there (again): the strategy begins to speak. */
void tries_start(struct conn *c);
/* The strategy that runs ended like that. True: another one runs now, or that was the last word already. */
bool tries_go_on(struct conn *c, enum conn_failure kind, int error);
/* None is left: what all of them came to, and why. */
void tries_conclude(struct conn *c, enum conn_failure *kind, int *error);
