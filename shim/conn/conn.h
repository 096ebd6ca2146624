/* SPDX-License-Identifier: MIT */
/*
 * A conn: what is known about one TCP connection that the policy may govern. life.h has its beginning and its
 * end, machine.h the machine that takes it from connect() to TLS, to plain, or to a refusal, bytes.h what the
 * program reads and writes, records.h what is told of it. One enum of states, one table of transitions
 * (state.c), and exactly one function that may enter CONN_PLAIN (decide.c).
 *
 * The machine never waits: conn_advance() does what it can and leaves what it waits for in want_in and
 * want_out. Unless said otherwise every function here needs the conn's lock, does not block, may allocate, is
 * not for use before init, and is safe in a signal handler because conn_lock() blocks signals. None sets
 * errno; errors stand in the conn and are translated by hooks/.
 */
#pragma once

#include "policy/policy.h"
#include "shim/conn/buffer.h"
#include "shim/conn/share.h"
#include "shim/http1/drop.h"
#include "shim/http1/flow.h"
#include "shim/http1/head.h"
#include "shim/tls.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum conn_state {
    CONN_FRESH,     /* not connected: remembers epoll registrations that came before connect() */
    CONN_CANDIDATE, /* connect() was issued; no byte of the program is held */
    CONN_REACH,     /* the same, but TCP goes elsewhere first: a port of ours, or one more of them */
    CONN_SNIFF,     /* bytes are held until the head shows the authority */
    CONN_DIAL,      /* redialled; TCP is on its way */
    CONN_NEGOTIATE, /* the strategy's dialogue in the clear */
    CONN_HANDSHAKE, /* TLS */
    CONN_CONFIRM,   /* inside TLS: the strategy's last word, before the first byte of the program */
    CONN_OPEN,      /* the program's bytes go through the engine */
    CONN_PLAIN,     /* the policy allowed the clear: every call is passed on once the held bytes are out */
    CONN_REFUSED,   /* sticky error; the kernel socket is shut down */
    CONN_RELAYED,   /* a relay has the socket; the numbers name a pair's end, where every call is the kernel's
                     */
    CONN_STATES,
};

enum conn_event {
    EV_CONNECT,   /* the program dials */
    EV_REACH,     /* TCP is dialled by us */
    EV_REACHED,   /* that came to an end, good or bad */
    EV_BYTES,     /* the program's first byte is held */
    EV_BEGIN,     /* the first strategy begins */
    EV_SWITCHED,  /* the peer agreed to TLS */
    EV_SECURED,   /* the handshake is done and the peer is who it must be */
    EV_CONFIRMED, /* nothing stands between us and the first byte */
    EV_REDIAL,    /* the association was dissolved and dialled again */
    EV_PLAIN,     /* only conn_enter_plain() says this ... */
    EV_WATCH,     /* ... and, in its name, clear_begin(): the same, and every head is looked at */
    EV_ANSWERED,  /* the answer was one to the program's own request */
    EV_REFUSE,
    EV_ESCAPE, /* handed over to a relay */
    EV_EVENTS,
};

/* Why a strategy or a connection failed; the level decides what follows (DESIGN section 2). */
enum conn_failure {
    FAILURE_REFUSED,     /* the peer will not */
    FAILURE_TIMEOUT,     /* nor say so */
    FAILURE_TAMPERED,    /* someone broke the protocol: final at every level */
    FAILURE_CERTIFICATE, /* final: the peer is not who it must be */
    FAILURE_POLICY,      /* the policy itself says no: reject, no name to check, not HTTP */
    FAILURE_STRANGER,    /* behind a proxy, and nobody knows whom it is for, so that any line may forbid it */
    FAILURE_LOCAL,       /* engine, memory, a file of the rule */
    FAILURE_NETWORK,     /* a dial of ours failed */
    FAILURE_PROGRAM,     /* the program itself ended it */
};

/* What a program asks of a proxy with a request. */
enum conn_asks {
    ASKS_OTHER,  /* none of the below, or it is not known */
    ASKS_HTTP,   /* something of an http:// origin */
    ASKS_TUNNEL, /* CONNECT */
};

enum conn_rc {
    RC_OK,
    RC_AGAIN, /* wait for want_in / want_out, or until the deadline, and try again */
    RC_EOF,
    RC_ERROR, /* conn_error() */
    RC_PASS,  /* do the real call */
};

#define CONN_SNIFF_MAX   16384U /* bytes held until the authority is known */
#define CONN_HOLD_MAX    65536U /* bytes accepted while TLS is negotiated, as a socket buffer would */
#define CONN_NAMES_MAX   8U
#define CONN_NAMES_BYTES 512U
#define CONN_PORTS_MAX   (STRATEGY_COUNT + 1U)

struct conn_waiter { /* a thread that sleeps on this conn in a multithreaded process */
    int wake;        /* an eventfd of its own */
    struct conn_waiter *next;
};

struct conn_repeats { /* the last heads, and what they said */
    struct http1_last_request request;
    struct http1_last_response response;
};

struct owner;      /* conn/owner.h */
struct epoll_reg;  /* wait/epoll.c */
struct conn_saved; /* relay/saved.h */

struct __attribute__((aligned(16))) conn { /* table.h has bits below its address */
    atomic_uint refs;                      /* pool.c; 0: free */
    unsigned index;                        /* place in the pool, for ever */
    pthread_mutex_t lock;                  /* recursive; see conn_lock() and pool_hold() */
    int held_errno;

    _Atomic(enum conn_state) state;
    unsigned generation; /* counts redials: the cookie of the socket does not change */
    int fd;              /* a number of this description, the one that the current call came by */
    int kept;            /* one of ours, while a call outlives the program's numbers; 0: none */
    bool left;           /* the last number was closed */
    uint64_t cookie;     /* SO_COOKIE */
    atomic_uint numbers; /* descriptors of ours that name it */
    struct owner *owner; /* in memory that processes share: who may use the session */
    uint64_t owned;      /* the cookie that the word was made for */
    int born_in;         /* pid */
    struct conn_share share;
    bool lost; /* it was said that another process has it */

    /* where to, and what for */
    struct sockaddr_storage peer;
    socklen_t peer_len;
    struct policy_address address;
    uint16_t port;
    bool connecting;                 /* the program's non-blocking connect has not been seen to end */
    uint16_t ports[CONN_PORTS_MAX];  /* where TCP may go: those of the strategies, in order, then the clear */
    int port_errors[CONN_PORTS_MAX]; /* why the program's connect() went on to the next one; 0: it did not */
    uint8_t n_ports, at_port;
    uint16_t dialled; /* where it goes, or went last */
    bool spoken;      /* bytes of ours are in it: whoever wants to say something else dials anew */
    int dial_error;   /* what the program has still to be told of a dial that failed */
    bool announce; /* another edge is due for what is readable: it left the kernel, or tcp_set_rcvlowat() made
                      one */
    unsigned lowat; /* SO_RCVLOWAT as the program has it; the kernel's counts records, and is 1 */
    struct policy *policy;
    struct policy_verdict verdict;
    bool decided; /* the verdict is final; before that it is what was known at connect */
    char names_text[CONN_NAMES_BYTES];
    const char *names[CONN_NAMES_MAX]; /* from the resolver, into names_text */
    size_t n_names;
    struct http1_authority authority; /* the request's */
    bool http2;                       /* the program speaks HTTP/2 with prior knowledge: all opaque */
    bool proxied;                 /* a proxy was dialled, and the verdict is about whom the request is for */
    enum conn_asks asks;          /* the request that was decided on, or is being */
    bool has_authority, conflict; /* conflict: the request's name is outside the resolver's set */
    char identity[POLICY_NAME_MAX + 1];
    bool identity_is_address;

    /* the program's bytes that wait */
    struct conn_buffer hold;
    size_t pass_left;          /* bytes of an examined request head that may go on as they are */
    struct conn_buffer edited; /* what goes out instead of the last one */
    pthread_t sender;          /* who gave the last of them */
    bool read_last;            /* the program waited or read since its last write */
    bool head_partial;         /* what is held is the start of a request head */

    /* the dialogue */
    const struct strategy *strategy; /* the one that runs, or ran last */
    enum policy_strategy trying;     /* its name */
    unsigned failed;                 /* bits: those that were refused, were late, or could not be dialled */
    bool was_refused, was_late;      /* what they came to (DESIGN section 3: which errno wins) */
    int net_error;
    char causes[256];        /* "upgrade: the server answered 405 …; implicit: …" */
    const char *first_type;  /* the result type of the first of them */
    struct conn_buffer head; /* what the peer said, until its head is complete */
    struct conn_buffer ask;  /* what is left of our own request */
    size_t answer_head;      /* connect: bytes of the head of an answer that is the program's; 0: none */
    bool answer_ends;        /* the connection with it */
    struct http1_body rest;  /* of that answer; then of the request, which nobody gets */
    unsigned interim;
    uint64_t begun_ns; /* CLOCK_MONOTONIC; stage: when the strategy gives up */
    /* these four are also looked at without the lock (wait/epoll_watch.c) */
    _Atomic(uint64_t) deadline_ns, stage_ns;
    atomic_bool want_in, want_out;
    bool told_in, told_out; /* what sleepers were told of them */
    const char *grant;      /* why the clear is allowed; NULL: it is not */
    const char *granted;    /* what the record calls that */

    /* TLS */
    const struct tls_engine *engine;
    struct tls *tls;
    struct http1_drop drop;
    bool dropping;
    struct http1_flow flow;
    struct conn_repeats *repeats; /* from the second request on; malloc'ed, or NULL */
    struct conn_buffer peeked;    /* what the program reads first: MSG_PEEK took it off the engine, or a proxy
                                     answered */
    struct conn_buffer asked, reply, sifted; /* redirects=rewrite: the last request's target, a head in
                                                pieces, and what is ready for the program */
    bool dry;           /* the last read that might wait had to, and nobody has found anything since */
    bool looked;        /* at the first response in the clear */
    bool turning;       /* the next connection goes another way, and there must be one */
    enum conn_rc ended; /* RC_OK: reading goes on; RC_EOF or RC_ERROR: how it ended, sticky */
    bool write_shut, read_shut, notify_sent, fin_sent, fin_owed;
    bool gone;     /* reset, or cut and told so: writes get EPIPE */
    int untold;    /* the error of it, until a call has told it */
    int told;      /* what the last call told of it */
    bool cut_told; /* by a read: from then on they get the end */

    /* the result */
    int error;               /* errno of a refusal, or of the stream's end */
    const char *result_type; /* static */
    char reason[256];
    bool would_block; /* testing: enforce would have refused */
    bool decision_reported, close_reported;
    uint64_t id;
    uint64_t connect_ns, switched_ns, open_ns;
    uint64_t bytes_in, bytes_out;
    const char *closed;

    /* who sleeps on it */
    struct conn_waiter *waiters;
    struct epoll_reg *regs;
    bool changed; /* something happened under the lock that sleepers must look at */

    struct conn_saved *saved; /* CONN_RELAYED: what the kernel cannot be asked any more; malloc'ed */
};

/* The state as a plain value. */
static inline enum conn_state conn_state_of(const struct conn *c)
{
    return c->state;
}

/* ---- references and the lock (no lock needed) ---- */

/* Gives a reference back; the last one frees. */
void conn_put(struct conn *c);
/* Frees the session and what is held, and sends nothing: somebody else has it, or nobody. Under the lock. */
void conn_drop_session(struct conn *c);
/* Locks, quietly (conn/quiet.h), and makes `fd` the number to use. */
void conn_lock(struct conn *c, int fd);
/* Unlocks, after sleepers were told of changes. errno is what it was at conn_lock(): a call that succeeds
 * leaves it alone, and python 2.7 asks errno after one that did. */
void conn_unlock(struct conn *c);

/* Called at unlock when `changed`, under the lock: wait/epoll.c brings its registrations up to date. */
extern void (*conn_on_change)(struct conn *c);
/* A number that the program had before connect() became a conn, under its lock: registrations follow. */
extern void (*conn_on_govern)(struct conn *c, int fd);
/* The last number of the conn is gone, under its lock. */
extern void (*conn_on_gone)(struct conn *c);
/* The numbers of the conn are about to name another socket (false), or do so now (true), which is the
 * kernel's alone: registrations move. Under its lock. */
extern void (*conn_on_replaced)(struct conn *c, bool done);
/* Any number at all was closed, replaced, or connected to something that is not governed. No lock. */
extern void (*conn_on_forget)(int fd);
/* A number that is no conn was duplicated: it may be an epoll set. No lock. */
extern void (*conn_on_duplicate)(int from, int to);

/* Is every call the kernel's own? What was held has still to go first in CONN_PLAIN. */
static inline bool conn_is_through(const struct conn *c)
{
    return c->state == CONN_PLAIN || c->state == CONN_RELAYED;
}
