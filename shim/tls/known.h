/* SPDX-License-Identifier: MIT */
/*
 * Chains that were found good a moment ago, in the context that they belong to. The same certificates, byte
 * for byte, need no signatures computed a second time: that is a fifth of what a handshake costs. What is not
 * the chain's (whom it is for, pins, the proof that the server has the key) is judged each time.
 *
 * Nothing here blocks for longer than another thread is here. Allocates; not safe in a signal handler.
 */
#pragma once

#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define KNOWN_CHAINS 8U
#define KNOWN_AGE_S  60 /* who is trusted may have changed by then */

struct known_chain {
    uint8_t digest[32];
    int64_t from, until; /* seconds since 1970: when this is good to know */
    int64_t end;         /* when the first certificate of it runs out */
};

struct known {
    pthread_mutex_t lock;
    struct known_chain at[KNOWN_CHAINS];
    unsigned next;
};

void known_init(struct known *k);
/* Of all that the server sent. False: too much of it, or no memory. */
bool known_digest(X509_STORE_CTX *store, uint8_t digest[32]);
/* Was a chain of that digest found good, and is that to be relied on now? *end: see known_chain. */
bool known_good(struct known *k, const uint8_t digest[32], int64_t now, int64_t *end);
/* It was, now: the chain that `store` built. */
void known_note(struct known *k, const uint8_t digest[32], int64_t now, X509_STORE_CTX *store);
/* When the first certificate of the chain that was built runs out; 0: nobody can tell. */
int64_t known_end(X509_STORE_CTX *store);
