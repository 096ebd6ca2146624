/* SPDX-License-Identifier: MIT */
/*
 * Which process may use a TLS session. Two processes that write one session produce records under the same
 * nonce, so after a fork exactly one of them goes on: a word stands in memory that both share, fork()
 * leaves it unclaimed, and the first one to use the connection takes it.
 *
 * A word is found again by the cookie of its socket (SO_COOKIE), which no other socket gets until the machine
 * is started anew: whoever holds a word that was given to another connection meanwhile owns nothing.
 *
 * Lock-free; does not block; allocates one mapping, once. Safe in signal handlers after that.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct owner { /* in shared memory */
    _Atomic(int) pid;
    _Atomic(uint16_t) port; /* that the program asked for */
    _Atomic(uint64_t) cookie;
    _Atomic(int) sharers; /* processes that have a share of it (share.h) */
};

/* The word of that socket: the one that a process which shares it has made, else a new one that nobody has
 * claimed. NULL if there is no room: then only the process that made the conn may use it. */
struct owner *owner_new(uint64_t cookie);
/* What connect() was asked for is told to those who share the socket: TCP may go to another port. */
void owner_note_port(struct owner *word, uint16_t port);
/* The port that connect() was asked for by whoever made that socket's conn; 0: not known. */
uint16_t owner_asked_port(uint64_t cookie);
void owner_give_back(struct owner *word, uint64_t cookie);
/* True if this process owns the word or could take it just now. */
bool owner_claim(struct owner *word, uint64_t cookie);
/* True if this process owns the word already; takes nothing. */
bool owner_holds(struct owner *word, uint64_t cookie);
/* The same, and a relay has it from then on, once, whoever comes. */
bool owner_claim_for_relay(struct owner *word, uint64_t cookie);
/* Has a relay it? */
bool owner_is_escaped(struct owner *word, uint64_t cookie);
/* Adds to the number of processes that have a share, and gives what it is then. */
int owner_count(struct owner *word, uint64_t cookie, int by);
/* The owner gives it to a relay: no other process can claim it from now on. */
void owner_escape(struct owner *word);
/* The relay, whose word it is now; or the owner, if there is none after all. */
void owner_take(struct owner *word);
/* Before a fork: what is ours belongs to whoever comes first. The memory is made now if the child could come
 * to connect a socket that it shares with us. */
void owner_before_fork(void);
