/* SPDX-License-Identifier: MIT */
/* What the files of the driver share: chance, the trace, the peer, and the descriptors that it plays with. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- driver.c: chance and the trace ---- */

/* The same numbers for the same seed. */
uint32_t chance(uint32_t below);
/* One line of the trace: the call, what it gave (errno's name for -1) and what there is to see besides. */
void trace_line(const char *call, long result, const char *format, ...) __attribute__((format(printf, 3, 4)));
#define trace(call, result, ...)                                                                             \
    do { /* the call first, then what it left behind */                                                      \
        long traced = (result);                                                                              \
        trace_line(call, traced, __VA_ARGS__);                                                               \
    } while (0)
/* The same for an edge, which does not count: there may be more of them than over TCP. */
void trace_edge(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint32_t sum_of(const void *at, size_t len);
/* What goes out is drawn: a byte that went astray shows. */
extern unsigned char buffer[];
#define ROOM 400000
void fill_buffer(size_t len);
/* Memory that may not be touched. */
void *nowhere(void);
/* Cuts [at, at + len) into up to five parts, some of them empty. */
struct iovec;
#define PARTS 5
size_t cut(struct iovec *iov, unsigned char *at, size_t len);

/* ---- peer_calls.c: the peer ---- */

/* An order, and the peer's answer without its newline. */
const char *tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Lets the peer send, if that can be compared now; true if it did. */
bool peer_sends(size_t bytes);
/* The next call of this thread (or of thread `tid`) will sleep: when it does the peer obeys. */
void when_asleep(int tid, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Lets the peer read what it was sent. */
void settle(void);
bool talk_to_peer(int orders, int answers);

/* ---- the connection ---- */

#define NUMBERS 4
#define SETS    4 /* two sets, one that holds both, and a duplicate of the first */
enum { OUTER = 2, TWIN = 3 };
struct game {
    int fds[NUMBERS]; /* duplicates of one connection; -1: none */
    int sets[SETS];   /* epoll */
    int pipe[2];      /* a descriptor that is none of anybody's business */
    bool edges[SETS]; /* asked for, ever: which event comes first then matters */
    size_t unread;    /* bytes that the peer has sent and we have not read */
    size_t owed;      /* bytes that we have sent and the peer has not read */
    int lowat;        /* SO_RCVLOWAT */
    bool nonblocking, write_shut, read_shut, peer_ended, reset, closed, told;
};
extern struct game game;
extern int self; /* thread id of main */
/* What this process may do: drawn once, by the first seed. */
extern bool with_threads;

/* Not to one who has shut both directions: whether our FIN is out yet, and a reset the answer, is not ours to
 * compare (DESIGN: it is held back until the response is complete). */
static inline bool peer_may_send(size_t bytes)
{
    return !game.peer_ended && !game.reset && !(game.read_shut && game.write_shut) &&
           game.unread + bytes < 40000;
}
/* Would a call that reads wait? For less than `least` bytes. */
static inline bool would_wait(size_t least)
{
    return game.unread < least && !game.peer_ended && !game.read_shut && !game.reset;
}
/* One of the numbers of the connection; how many there are. */
int any_fd(void);
int count_fds(void);
/* n bytes of the peer's were read. */
void took(long n);
/* What a read gave. A reset that a write was told of already is told to one read as well (see run). */
long read_gave(long n);
/* n bytes were sent, or -1. */
void gave(long n);

/* Begins and ends one; connection.c. */
bool begin(int port);
void end(void);

/* ---- what may be done to a connection; a file a family ---- */

void do_send(void);    /* bytes_out.c */
void do_file(void);    /* bytes_out.c: sendfile */
void do_receive(void); /* bytes_in.c */
void do_wait(void);    /* waits.c */
void do_epoll(void);   /* sets.c */
void do_number(void);  /* numbers.c */
void do_option(void);  /* options.c */
void do_end(void);     /* ends.c */
void do_full(void);    /* full.c */
void do_timeout(void); /* full.c: SO_RCVTIMEO, SO_SNDTIMEO */
void do_signal(void);  /* signals.c */
void do_thread(void);  /* threads.c */
/* processes.c: a child is made, and one of the two goes on. False: this process is done with the connection.
 */
bool do_fork(void);
void signals_init(void);
/* How many SIGPIPEs there were since this was asked last. */
int broken_pipes(void);
