/* SPDX-License-Identifier: MIT */
/* What many records say together, a destination each. */
#pragma once

#include "shim/cli/seen.h"

/* Words and how often each came, most frequent first once the tally has ended. */
struct tally_word {
    char *word;
    char *note; /* the last that came with it; may be NULL */
    uint64_t n;
};

#define TALLY_WORDS_MAX 64U

struct tally_words {
    struct tally_word *list;
    size_t n;
    uint64_t others; /* counts of words beyond the 64 */
};

struct tally_destination {
    char *host; /* the name of the requests, or the address, without brackets */
    unsigned port;
    uint64_t n; /* decisions */
    uint64_t upgraded, plain, blocked, bypass, would;
    uint64_t proven;      /* upgraded by a level that checks the certificate, which was good */
    uint64_t proven_rule; /* of these, against the rule's own name: secure */
    uint64_t pinned;      /* upgraded by fingerprint, and the pin was good */
    uint64_t unlisted;    /* HTTP on a port that no line names; of bypass */
    uint64_t tampered;    /* went on, but would fail at every level */
    uint64_t closes, truncated, bytes_in, bytes_out;
    char first[32], last[32];
    struct tally_words results, programs, keys, versions, addresses;
    char level[16], mode[16], rule[512], digest[65]; /* of the last decision */
};

struct tally {
    struct tally_destination **list; /* by host and port, once the tally has ended */
    size_t n, room;
    size_t *slots; /* hash: index + 1 */
    size_t n_slots;
    uint64_t records, damaged, others, lost, bytes;
    bool no_memory;
};

/* Adds a record. */
void tally_add(struct tally *t, const struct seen *s);
/* No more records: sorts. */
void tally_end(struct tally *t);
void tally_free(struct tally *t);
