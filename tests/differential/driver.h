/* SPDX-License-Identifier: MIT */
/* What the files of the driver share: chance, the trace, the peer, and the descriptors that it plays with. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* chance.c-like: the same numbers for the same seed */
uint32_t chance(uint32_t below);

/* One line of the trace: the call, what it gave (errno's name for -1) and what there is to see besides. */
void trace(const char *call, long result, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same for an edge, which does not count: there may be more of them than over TCP. */
void trace_edge(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint32_t sum_of(const void *at, size_t len);

/* An order, and the peer's answer without its newline. */
const char *tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define NUMBERS 4
struct game {
    int fds[NUMBERS]; /* duplicates of one connection; -1: none */
    int sets[2];      /* epoll */
    size_t unread;    /* bytes that the peer has sent and we have not read */
    bool nonblocking, write_shut, read_shut, peer_ended, reset, closed;
};
extern struct game game;
/* Not to one who has shut both directions: whether our FIN is out yet, and a reset the answer, is not ours to
 * compare (DESIGN: it is held back until the response is complete). */
static inline bool peer_may_send(void)
{
    return !game.peer_ended && !game.reset && !(game.read_shut && game.write_shut) && game.unread < 60000;
}
/* One of the numbers of the connection. */
int any_fd(void);

/* calls_*.c: what may be done to a connection */
void do_send(void);
void do_receive(void);
void do_wait(void);
void do_epoll(void);
void do_number(void);
void do_option(void);
void do_end(void);
/* A new connection; false if it cannot be had. */
bool begin(int port);
