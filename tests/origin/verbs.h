/* SPDX-License-Identifier: MIT */
/* The steps of scripts: what there is, what each takes, what each does. */
#pragma once

#include "tests/origin/http.h"

#define FOREVER (-1L)

enum outcome {
    STEP_OK,   /* go on */
    STEP_FAIL, /* what was expected did not come */
    STEP_GONE, /* the peer is gone */
    STEP_END   /* the step has ended the connection */
};

/* one line of a script, checked */
struct step {
    const struct verb *verb;
    int line;
    char *source;        /* the line as written, for the events */
    long number;         /* N, MS or a count; FOREVER */
    long every;          /* ms between repetitions */
    unsigned char *text; /* the strings, joined */
    size_t len;
    bool flag; /* no-upgrade */
    struct tls_options tls;
    SSL_CTX *ctx;
    struct step *next;
};

/* what a step may look at */
struct stage {
    struct conn *c;
    const struct honest *honest;
    int tls_port;
};

struct verb {
    const char *name;
    /* what follows the name, a letter each: n number, N optional number, c count or "forever", s strings,
     * e optional every=MS, u optional no-upgrade, p port number or "tls", o TLS options */
    const char *takes;
    enum outcome (*run)(const struct stage *g, const struct step *s);
    const char *help;
};

/* NULL: there is no such step. By number for the help: NULL at the end. */
const struct verb *verb_find(const char *name);
const struct verb *verb_at(size_t i);

enum outcome verb_relay(const struct stage *g, const struct step *s);
