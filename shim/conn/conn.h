/* SPDX-License-Identifier: MIT */
/*
 * A conn: what is known about one TCP connection that the policy may govern, and the machine that takes it
 * from connect() to TLS, to plain, or to a refusal. One enum of states, one table of transitions (state.c),
 * and exactly one function that may enter CONN_PLAIN (decide.c).
 *
 * The machine never waits: conn_advance() does what it can and leaves what it waits for in want_in and
 * want_out. Unless said otherwise every function here needs the conn's lock, does not block, may allocate, is
 * not for use before init, and is safe in a signal handler because conn_lock() blocks signals. None sets
 * errno; errors stand in the conn and are translated by hooks/.
 */
#pragma once

#include "policy/policy.h"
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

struct owner;      /* conn/owner.h */
struct epoll_reg;  /* wait/epoll.c */
struct conn_saved; /* relay/saved.h */

struct conn_buffer { /* exists only while it holds something */
    char *at;
    size_t len, cap, from; /* bytes [from, len) are valid */
};

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
    struct conn_buffer peeked; /* what the program reads first: MSG_PEEK took it off the engine, or a proxy
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

/* ---- life (gate.c, reach.c, dial.c, leave.c) ---- */

enum gate {
    GATE_PASS,     /* none of our business */
    GATE_UNLISTED, /* the same, but in testing an operator wants to know of HTTP there: conn_look_unlisted()
                    */
    GATE_REFUSED,  /* *error is the errno */
    GATE_GOVERNED, /* a conn is published at fd, state CANDIDATE; *conn has a reference */
};
/* An IP address as the policy knows it, v4 mapped into v6, and the unspecified one as the loopback that it
 * reaches. False: another family. Pure. */
bool conn_read_address(const struct sockaddr *addr, socklen_t len, struct policy_address *out,
                       uint16_t *port);
/* Looks at a connect() that is about to happen. No lock needed; may read the policy (blocks on a file). */
enum gate conn_gate(int fd, const struct sockaddr *addr, socklen_t len, struct conn **conn, int *error);

/* The first bytes that go to a port that no line names: a request of HTTP/1 leaves a record. Changes nothing,
 * waits for nothing. */
void conn_look_unlisted(int fd, const char *bytes, size_t len);

enum conn_dial {
    DIAL_AS_IT_IS, /* the program is told what the kernel said */
    DIAL_FAILED,   /* the same, and it is for good: the caller lets the conn go */
    DIAL_REACHES,  /* TCP goes elsewhere now: the call is under way */
};
/* The program's connect() has a conn; where does TCP go? DIAL_AS_IT_IS: to *addr, which may have been changed
 * in its port; the caller makes the call. DIAL_REACHES: it was made. No lock needed. */
enum conn_dial conn_dial(struct conn *c, int fd, struct sockaddr_storage *addr);
/* The result of the real connect(). No lock needed. */
enum conn_dial conn_dialled(struct conn *c, int fd, int result, int error);

/* The conn, with a reference, of a number that is SLOT_FRESH and connected all the same; NULL: it is not
 * connected, or none of our business. No lock needed; as conn_gate(). */
struct conn *conn_adopt(int fd);

/* Takes `fd` out of the table before the number is closed or replaced; says goodbye if it was the last of its
 * description. No lock needed. */
void conn_leave(int fd);
/* The same once `conn` (with its slot's reference, which is taken) is out of the table already. */
void conn_left(struct conn *c, int fd);

/* The last reference to a conn goes: if a call outlived its numbers, goodbye is said now. */
void conn_end(struct conn *c);

/* The process ends with the number open: goodbye is said as at close(), but the number stays ours, so that
 * whoever still uses it meets an error and not the wire. No lock needed. */
void conn_last_word(int fd);

/* Is every call the kernel's own? What was held has still to go first in CONN_PLAIN. */
static inline bool conn_is_through(const struct conn *c)
{
    return c->state == CONN_PLAIN || c->state == CONN_RELAYED;
}

/* The clear is allowed: FD_CLOEXEC becomes what the program believes, on every number of the conn. */
void conn_unseal(struct conn *c);

/* Somebody else dialled it, and TCP goes to that port. */
void conn_goes_to(struct conn *c, uint16_t port);
/* The kernel says that the dial of a CANDIDATE failed: another port is dialled, or the errno is kept. */
void conn_dial_failed(struct conn *c);
/* The errno that the program has still to be told of its dial, once; 0: none. */
int conn_take_dial_error(struct conn *c);

/* ---- identity (identity.c) ---- */

/* The program's SO_RCVLOWAT is in the kernel: taken over, and given back when the kernel is to count again.
 */
void conn_take_lowat(struct conn *c, int fd);
void conn_give_lowat(const struct conn *c, int fd);
/* An int option of the socket, -1 if it cannot be read. SO_COOKIE, 0 if there is none. No lock needed. */
int conn_option(int fd, int level, int name);
uint64_t conn_cookie(int fd);
/* True if `fd` still is the socket that this conn was made for. */
bool conn_is_socket(struct conn *c, int fd);
/* May this process use the session? Claims it after a fork; the loser gets ECONNRESET for ever. A conn that
 * is shared may be RELAYED after this, or REFUSED: its state answers then, so it is true. Under the lock. */
bool conn_claim(struct conn *c);
/* Does this process use it? Closing is no use: a process that never used the session after a fork goes
 * silently, and the other one goes on. */
bool conn_is_user(const struct conn *c);

/* ---- the machine (state.c, decide.c, outcome.c) ---- */

void conn_enter(struct conn *c, enum conn_event event);
void conn_advance(struct conn *c);
bool conn_negotiating(const struct conn *c);
/* What the kernel says of the socket is for the machine, not for the program. */
static inline bool conn_is_early(const struct conn *c)
{
    return c->state == CONN_REACH || c->state == CONN_SNIFF || conn_negotiating(c);
}
/* Nanoseconds of CLOCK_MONOTONIC at which the machine must be advanced though nothing happened; 0: never. */
uint64_t conn_deadline(const struct conn *c);

/* Names known now must do: decides although the head did not show an authority, if it is the thread that
 * wrote what is held which now waits. */
void conn_decide_anyway(struct conn *c);
/* Looks at what is held and decides if it can (SNIFF). */
void conn_sniff(struct conn *c);
/* TCP is there and the rule says when=connect: decides by the names known, if they are enough. */
void conn_decide_at_connect(struct conn *c);
/* CANDIDATE: did the server speak before the program did? RC_OK: it did, and the state says what follows.
 * RC_AGAIN: there is nothing. RC_PASS: an end or an error, which is the program's to see. */
enum conn_rc conn_server_spoke(struct conn *c);
/* The one place that enters CONN_PLAIN; `grant` is the policy's reason. */
void conn_enter_plain(struct conn *c, const char *grant, const char *action);
/* Keeps why it failed, or will: result_type is static, `parts` are joined and escaped to printable ASCII. */
void conn_say(struct conn *c, const char *result_type, const char *const parts[]);
/* A strategy or the connection failed: falls back where the level says so, refuses otherwise. `parts` are
 * joined. */
void conn_fail(struct conn *c, enum conn_failure kind, int error, const char *result_type,
               const char *const parts[]);
/* Refuses what was reported already: a descriptor that cannot be used but past us. */
void conn_shut(struct conn *c, int error);
#define CONN_FAIL(c, kind, error, type, ...)                                                                 \
    conn_fail(c, kind, error, type, (const char *const[]){__VA_ARGS__, NULL})
/* Behind a proxy: the port of the origin where TLS is. */
uint16_t conn_tunnel_port(const struct conn *c);
/* Does a later request's authority stay within what the certificate and the rule cover? */
bool conn_covers(const struct conn *c, const struct http1_request *r);

/* ---- bytes (io.c, open.c) ---- */

/* Takes bytes of the program; *taken counts those that are accepted for good. */
enum conn_rc conn_send(struct conn *c, const char *buf, size_t len, size_t *taken);
/* True while bytes that a blocking program has given are not yet on their way. */
bool conn_settling(const struct conn *c);
/* peek_from: how many bytes from the next one on to look without taking them; CONN_TAKE: takes. */
enum conn_rc conn_recv(struct conn *c, char *buf, size_t cap, size_t peek_from, size_t *got);
#define CONN_TAKE SIZE_MAX
/* Bytes that recv would give now (FIONREAD). */
size_t conn_readable(struct conn *c);
enum conn_rc conn_shutdown(struct conn *c, int how);
/* CONN_OPEN, used by this process, with nothing here to read and nothing to be done first: what a read would
 * say is the socket's alone to know. A look without the lock, for a process with one thread. */
bool conn_is_dry(const struct conn *c);
/* A look at the socket was given its error, which the kernel gives only once. */
void conn_met_error(struct conn *c, int error);
/* The error of a connection that is gone, which one call tells; 0: none. */
int conn_tell_error(struct conn *c);
/* The same where the kernel may have it still (SO_ERROR): it is taken there, too. */
int conn_take_error(struct conn *c);
/* The error that a call was given is not told by it, as it had moved bytes: the next one tells it. */
void conn_keep_error(struct conn *c);
/* Have both sides ended it? TCP would have no connection any more (ENOTCONN). */
bool conn_is_over(const struct conn *c);
/* poll's truth for `interest` (POLLIN, POLLOUT …), given what the kernel said (0 if it was not asked). */
short conn_ready(struct conn *c, short interest, short kernel);
/* What to ask the kernel for so that nothing of `interest` is missed. */
short conn_kernel_interest(struct conn *c, short interest);

void plain_flush(struct conn *c); /* CONN_PLAIN: what was held goes first */
/* CONN_PLAIN at level may, before the program reads: does the server ask for TLS (RFC 2817 section 4.2)? The
 * next connection is told. Takes nothing off the socket. */
void plain_look(struct conn *c);

/* open.c, outgoing.c: CONN_OPEN's part of the above */
enum conn_rc outgoing_broke(struct conn *c);
/* Sends what may go; stops at a head that is not complete (RC_OK with *taken < len and head_partial). */
enum conn_rc outgoing_forward(struct conn *c, const char *buf, size_t len, size_t *taken);
void open_flush(struct conn *c);
enum conn_rc open_write(struct conn *c, const char *buf, size_t len, size_t *taken);
enum conn_rc open_read(struct conn *c, char *buf, size_t cap, size_t *got);
bool open_readable(struct conn *c, size_t least);
/* Takes plaintext off the engine and keeps it until it is read, `least` bytes of it if there are as many. */
enum conn_rc peek_fill(struct conn *c, size_t least);
void open_response_done(struct conn *c);
void open_goodbye(struct conn *c);

/* ---- records (report.c) ---- */

void report_decision(struct conn *c, const char *action);
void report_close(struct conn *c);
/* The server asked for TLS in the clear that the policy allowed. */
void report_asked_for_tls(struct conn *c);
/* The same for a connect() that never became a conn: refused (error is its errno), or left alone (error is
 * 0). `known` is what was looked up. No lock needed. */
void report_dial(const struct sockaddr *addr, const struct policy_target *known, const struct policy *policy,
                 const struct policy_verdict *v, int error, const char *result_type, const char *reason);

/* A request that goes out in the clear because no line names its port. `host`: the request's, or NULL. */
void report_unlisted(const struct sockaddr *addr, const char *host, const struct policy_target *known,
                     const struct policy *policy);

/* A door by which the descriptor would have left our reach was shut: the call gives `error`. Under the lock.
 */
void report_door(struct conn *c, int error, const char *what);

/* ---- small things (socket.c, buffer.c) ---- */

/* One call that neither waits nor is interrupted. It may move less than there is, or than a look has shown.
 * No lock needed. */
ssize_t conn_recv_now(int fd, void *buf, size_t len, int flags);
ssize_t conn_send_now(int fd, const void *buf, size_t len);

/* Appends up to `max` bytes in total; returns how many were taken (0 also when memory is out). */
size_t buffer_append(struct conn_buffer *b, const char *at, size_t len, size_t max);
void buffer_consume(struct conn_buffer *b, size_t n);
/* Lets go of all but the first `len` bytes. */
void buffer_cut(struct conn_buffer *b, size_t len);
void buffer_free(struct conn_buffer *b);
static inline size_t buffer_len(const struct conn_buffer *b)
{
    return b->len - b->from;
}
static inline const char *buffer_at(const struct conn_buffer *b)
{
    return b->at ? b->at + b->from : "";
}
uint64_t now_ns(void);

/* Does this process hold plaintext, or ciphertext, that the kernel knows nothing of? */
static inline bool conn_pending(const struct conn *c)
{
    return buffer_len(&c->sifted) || (c->tls && c->engine->pending(c->tls));
}
