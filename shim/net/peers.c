/* SPDX-License-Identifier: MIT */
#include "shim/net/peers.h"

#include <stdlib.h>

static struct peers *all;

void peers_note(const struct peers *p)
{
    struct peers *copy = malloc(sizeof *copy);
    if (!copy)
        return;
    *copy = *p;
    copy->next = all;
    all = copy;
}

const struct peers *peers_find(uint64_t cookie)
{
    const struct peers *p = all;
    while (p && p->cookie != cookie)
        p = p->next;
    return p;
}

void peers_forget(pid_t relay)
{
    for (struct peers **at = &all; *at;) {
        struct peers *p = *at;
        if (p->relay != relay) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        free(p);
    }
}
