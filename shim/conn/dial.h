/* SPDX-License-Identifier: MIT */
/*
 * Dials of ours on the program's descriptor (dial.c), and which port of the address they go to before the
 * program has said anything (reach.c).
 *
 * Under the conn's lock; nothing here blocks (a blocking description is dialled with a short SO_SNDTIMEO) or
 * allocates; not before init; signals are blocked.
 */
#pragma once

#include "shim/conn/conn.h"

/* ---- dial.c ---- */

void conn_put_port(struct sockaddr_storage *to, uint16_t port);
/* Dials the program's address at that port. False: it failed at once, conn.net_error is the errno. */
bool conn_dial_port(struct conn *c, uint16_t port);
/* Dissolves the association and dials the same address again (PROTOTYPES section 2): the kernel keeps
 * options, flags, registrations and what the program bound. Port 0: it is only dissolved. */
bool conn_dissolve(struct conn *c, uint16_t port);
/* The same from one strategy to the next, or to the clear: the session is dropped and CONN_DIAL follows. */
bool conn_redial(struct conn *c, uint16_t port);
/* Has a dial come to an end? *error is 0 if TCP is there. */
bool conn_dial_ended(struct conn *c, int *error);
/* EV_REDIAL's state: has TCP arrived? */
void conn_dial_step(struct conn *c);

/* ---- ahead.c ---- */

/* Is there something to prepare for TLS, which is certain to be tried? */
bool conn_ahead_pays(const struct conn *c);
/* Prepares it: loads the engine, makes the context (blocks on disk). Good for the time in which TCP is under
 * way. */
void conn_ahead(struct conn *c);
/* The program's connect() on a blocking description, given a moment: 0, or an errno (EINPROGRESS: it is under
 * way). */
int conn_dial_soon(struct conn *c, const struct sockaddr_storage *to);

/* ---- reach.c ---- */

/* Where TCP may go, by what is known at connect(): conn.ports, and conn.dialled is the first of them. */
void conn_plan_ports(struct conn *c);
/* What the dial of that port came to inside the program's connect(); 0: nothing is known against it. */
int conn_port_error(const struct conn *c, uint16_t port);
/* CONN_REACH, and a CANDIDATE whose TCP is on its way. */
void conn_reach_step(struct conn *c);
void conn_reach_late(struct conn *c);
