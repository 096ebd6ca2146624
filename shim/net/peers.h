/* SPDX-License-Identifier: MIT */
/* What sockets that lead to relays would say of their ends, had they been connected as their programs asked.
 * As long as their relays live. Single-threaded; allocates; nothing blocks. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

struct peers_end {
    struct sockaddr_storage addr;
    socklen_t len;
};

struct peers {
    struct peers *next;
    uint64_t cookie; /* of the program's end */
    pid_t relay;
    struct peers_end local, peer;
};

/* Without memory for it nothing is remembered. */
void peers_note(const struct peers *p);
const struct peers *peers_find(uint64_t cookie);
void peers_forget(pid_t relay);
