/* SPDX-License-Identifier: MIT */
/* What the three processes of net.h tell each other. */
#pragma once

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

enum net_word {
    WORD_REFUSED, /* no net: `value` is the errno, `step` what gave it */
    WORD_STARTED, /* `value` is the command's pid */
    WORD_STOPPED, /* `value` is the signal */
    WORD_ENDED,   /* `value` is as wait(2) has it */
};

enum net_step {
    STEP_FILTER, /* installing the filter */
    STEP_LOOK,   /* looking into the tree */
    STEP_LOCAL,  /* a descriptor or a process of our own */
};

struct net_message {
    int32_t word, step, value;
    int32_t alone; /* WORD_ENDED: nothing else lives, and the supervisor ends as well */
};

/* What the process was started with, for the command to have again. */
struct net_before {
    sigset_t mask;
    struct sigaction child;
    pid_t front;
};
