/* SPDX-License-Identifier: MIT */
/*
 * The life of a conn: a connect() that the policy governs, where TCP goes, whose it is after a fork, its end.
 * Needs the conn's lock unless it says otherwise; what conn.h says of all of them holds here.
 */
#pragma once

#include "shim/conn/conn.h"

/* ---- life (gate.c, reach.c, dial.c, leave.c) ---- */

enum gate {
    GATE_PASS,     /* none of our business */
    GATE_UNLISTED, /* the same, but in testing an operator wants to know of HTTP there: conn_look_unlisted()
                    */
    GATE_REFUSED,  /* *error is the errno */
    GATE_GOVERNED, /* a conn is published at fd, state CANDIDATE; *conn has a reference */
};
/* An IP address as the policy knows it, v4 mapped into v6, and the unspecified one as the loopback that it
 * reaches. False: another family. Pure. */
bool conn_read_address(const struct sockaddr *addr, socklen_t len, struct policy_address *out,
                       uint16_t *port);
/* Looks at a connect() that is about to happen. No lock needed; may read the policy (blocks on a file). */
enum gate conn_gate(int fd, const struct sockaddr *addr, socklen_t len, struct conn **conn, int *error);

/* The first bytes that go to a port that no line names: a request of HTTP/1 leaves a record. Changes nothing,
 * waits for nothing. */
void conn_look_unlisted(int fd, const char *bytes, size_t len);

enum conn_dial {
    DIAL_AS_IT_IS, /* the program is told what the kernel said */
    DIAL_FAILED,   /* the same, and it is for good: the caller lets the conn go */
    DIAL_REACHES,  /* TCP goes elsewhere now: the call is under way */
};
/* The program's connect() has a conn; where does TCP go? DIAL_AS_IT_IS: to *addr, which may have been changed
 * in its port; the caller makes the call. DIAL_REACHES: it was made. No lock needed. */
enum conn_dial conn_dial(struct conn *c, int fd, struct sockaddr_storage *addr);
/* The result of the real connect(). No lock needed. */
enum conn_dial conn_dialled(struct conn *c, int fd, int result, int error);

/* The conn, with a reference, of a number that is SLOT_FRESH and connected all the same; NULL: it is not
 * connected, or none of our business. No lock needed; as conn_gate(). */
struct conn *conn_adopt(int fd);

/* Takes `fd` out of the table before the number is closed or replaced; says goodbye if it was the last of its
 * description. No lock needed. */
void conn_leave(int fd);
/* The same once `conn` (with its slot's reference, which is taken) is out of the table already. */
void conn_left(struct conn *c, int fd);

/* The last reference to a conn goes: if a call outlived its numbers, goodbye is said now. */
void conn_end(struct conn *c);

/* The process ends with the number open: goodbye is said as at close(), but the number stays ours, so that
 * whoever still uses it meets an error and not the wire. No lock needed. */
void conn_last_word(int fd);

/* The clear is allowed: FD_CLOEXEC becomes what the program believes, on every number of the conn. */
void conn_unseal(struct conn *c);

/* Somebody else dialled it, and TCP goes to that port. */
void conn_goes_to(struct conn *c, uint16_t port);
/* The kernel says that the dial of a CANDIDATE failed: another port is dialled, or the errno is kept. */
void conn_dial_failed(struct conn *c);
/* The errno that the program has still to be told of its dial, once; 0: none. */
int conn_take_dial_error(struct conn *c);

/* ---- identity (identity.c) ---- */

/* The program's SO_RCVLOWAT is in the kernel: taken over, and given back when the kernel is to count again.
 */
void conn_take_lowat(struct conn *c, int fd);
void conn_give_lowat(const struct conn *c, int fd);
/* True if `fd` still is the socket that this conn was made for. */
bool conn_is_socket(struct conn *c, int fd);
/* May this process use the session? Claims it after a fork; the loser gets ECONNRESET for ever. A conn that
 * is shared may be RELAYED after this, or REFUSED: its state answers then, so it is true. Under the lock. */
bool conn_claim(struct conn *c);
/* Does this process use it? Closing is no use: a process that never used the session after a fork goes
 * silently, and the other one goes on. */
bool conn_is_user(const struct conn *c);
