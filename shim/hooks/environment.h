/* SPDX-License-Identifier: MIT */
/*
 * The environment that a started program gets. Programs clean it (env -i, execve with a list of their own),
 * and ld.so would start what comes next without us: so our entry of LD_PRELOAD and the policy's path are put
 * back where they are missing. What else the program put there stays as it is, and in its place.
 *
 * Nothing here blocks, locks or uses malloc: a child of vfork() may call it, and a handler. Only an
 * environment that does not fit into `room` is copied into a mapping, of which a thread keeps one: a child of
 * vfork() leaves it to its parent's thread, which uses it again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define ENVIRONMENT_ROOM     1000U
#define ENVIRONMENT_SETTINGS 3U /* besides LD_PRELOAD: the policy, who listens, and the word for the net */

struct environment {
    char *const *envp;                                    /* for exec: the given one, or ours */
    const char *preload, *settings[ENVIRONMENT_SETTINGS]; /* the entries that were put back, or NULL */
    bool changed;                                         /* some were */
    _Alignas(void *) char room[ENVIRONMENT_ROOM];         /* of ours, if it fits */
    bool kept;                                            /* in the thread's mapping */
    void *map;                                            /* or in one that goes with this */
    size_t bytes;
};

/* Keeps what this process was started with. Once, at init; a set-uid program keeps nothing. */
void environment_init(void);

/* Makes out->envp from `given` (NULL is an empty one). 0, or ENOMEM: nothing may be started then. errno is
 * not touched. */
int environment_make(struct environment *e, char *const given[]);
/* After a call that came back. errno is not touched. */
void environment_drop(struct environment *e);
