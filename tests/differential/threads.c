/* SPDX-License-Identifier: MIT */
/* Threads: one sleeps in a call on the connection, and this one, or the peer, does what ends the sleep. In a
 * process that has no thread yet a process with threads is not begun. */
#include "tests/differential/asleep.h"
#include "tests/differential/driver.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum kind { READS, READS_ALL, POLLS, SELECTS, EPOLLS, EPOLLS_EDGE, KINDS };
static const char *const kind_names[] = {"reads", "reads all", "polls", "selects", "epolls", "epolls edge"};

struct worker {
    pthread_t thread;
    sem_t begin, done;
    int tid;
    atomic_bool entered;
    enum kind kind;
    int fd;
    long result;
    int error;
    unsigned seen; /* bits, or a sum */
    unsigned char bytes[300];
};
static struct worker workers[2];
static bool started;

static void on_epoll(struct worker *w, uint32_t flags)
{
    struct epoll_event e = {.events = EPOLLIN | flags, .data.u64 = 77};
    int set = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(set, EPOLL_CTL_ADD, w->fd, &e);
    w->result = epoll_wait(set, &e, 1, 10000);
    w->error = errno;
    w->seen = w->result > 0 ? e.events : 0;
    close(set);
}

static void work(struct worker *w)
{
    struct pollfd p = {w->fd, POLLIN, 0};
    fd_set r;
    FD_ZERO(&r);
    FD_SET(w->fd, &r);
    w->seen = 0;
    switch (w->kind) {
    case READS: w->result = read(w->fd, w->bytes, sizeof w->bytes); break;
    case READS_ALL: w->result = recv(w->fd, w->bytes, 100, MSG_WAITALL); break;
    case POLLS: w->result = poll(&p, 1, 10000); break;
    case SELECTS: w->result = select(w->fd + 1, &r, NULL, NULL, NULL); break;
    case EPOLLS: on_epoll(w, 0); return;
    default: on_epoll(w, EPOLLET); return;
    }
    w->error = errno;
    if (w->kind == POLLS)
        w->seen = (unsigned)p.revents;
    else if (w->kind < POLLS && w->result > 0)
        w->seen = sum_of(w->bytes, (size_t)w->result);
}

static void *labour(void *arg)
{
    struct worker *w = arg;
    w->tid = (int)gettid();
    sem_post(&w->done);
    for (;;) {
        while (sem_wait(&w->begin) != 0)
            continue;
        atomic_store(&w->entered, true);
        work(w);
        sem_post(&w->done);
    }
    return NULL;
}

static void hire(void)
{
    for (int i = 0; i < 2 && !started; i++) {
        sem_init(&workers[i].begin, 0, 0);
        sem_init(&workers[i].done, 0, 0);
        if (pthread_create(&workers[i].thread, NULL, labour, &workers[i]) != 0)
            abort();
        while (sem_wait(&workers[i].done) != 0)
            continue;
    }
    started = true;
}

/* Until it sleeps in its call: it was begun before. */
static void start(struct worker *w, enum kind kind, int fd)
{
    w->kind = kind;
    w->fd = fd;
    atomic_store(&w->entered, false);
    sem_post(&w->begin);
    while (!atomic_load(&w->entered)) /* waiting for the semaphore is a sleep, too */
        sched_yield();
    asleep_at_last((int)getpid(), w->tid);
}

static bool is_done(struct worker *w, int ms)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += ms * 1000000L;
    t.tv_sec += t.tv_nsec / 1000000000L;
    t.tv_nsec %= 1000000000L;
    int rc;
    do
        rc = sem_timedwait(&w->done, &t);
    while (rc != 0 && errno == EINTR);
    return rc == 0;
}

static void report(const struct worker *w)
{
    errno = w->error;
    trace(kind_names[w->kind], w->result, "%x", w->seen);
    if (w->kind < POLLS)
        took(w->result);
}

/* ---- what ends the sleep ---- */

static void bytes_come(void)
{
    peer_sends(100 + chance(300));
}

static void end_comes(void)
{
    settle();
    tell("fin");
    game.peer_ended = true;
}

static void shut_here(void)
{
    trace("shutdown", shutdown(any_fd(), SHUT_RD), " ");
    game.read_shut = true;
}

/* The number that the other thread uses goes; another one of the connection stays, and its bytes still come.
 */
static void number_goes(struct worker *w)
{
    for (int i = 0; i < NUMBERS; i++)
        if (game.fds[i] == w->fd) {
            trace("close under it", close(w->fd), " ");
            game.fds[i] = -1;
        }
    bytes_come();
}

static void sends_meanwhile(void)
{
    fill_buffer(500);
    long n = send(any_fd(), buffer, 500, MSG_NOSIGNAL);
    trace("send beside it", n, " ");
    gave(n);
    settle();
    bytes_come();
}

/* The other thread is to be found waiting: one that reads whole takes what comes in pieces. */
static void in_pieces(void)
{
    peer_sends(40);
    peer_sends(60);
}

static void one_sleeps(struct worker *w)
{
    enum kind kind = (enum kind)chance(KINDS);
    start(w, kind, any_fd());
    switch (chance(10)) {
    case 0:
        if (game.write_shut) /* close_notify wakes it before the FIN is there: HUP is a matter of time */
            bytes_come();
        else
            end_comes();
        break;
    case 1: shut_here(); break;
    case 2:
        if (count_fds() > 1 && kind < POLLS) {
            number_goes(w);
            break;
        }
        bytes_come();
        break;
    case 3: sends_meanwhile(); break;
    case 4:
        if (kind == READS)
            bytes_come();
        else
            in_pieces();
        break;
    default: bytes_come(); break;
    }
    bool done = is_done(w, 1000);
    if (!done) {
        trace("still asleep", 0, " ");
        bytes_come();
        if (!is_done(w, 5000))
            abort();
    }
    report(w);
}

/* Both wait for the same bytes. */
static void two_wait(void)
{
    for (int i = 0; i < 2; i++)
        start(&workers[i], POLLS + chance(KINDS - POLLS), any_fd());
    bytes_come();
    for (int i = 0; i < 2; i++) {
        if (!is_done(&workers[i], 5000))
            abort();
        report(&workers[i]);
    }
}

void do_thread(void)
{
    if (!with_threads || !would_wait(1) || !peer_may_send(1000) || game.nonblocking || game.lowat > 1)
        return;
    hire();
    if (chance(3))
        one_sleeps(&workers[chance(2)]);
    else
        two_wait();
}
