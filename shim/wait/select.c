/* SPDX-License-Identifier: MIT */
#include "shim/wait/select.h"

#include "shim/conn/pool.h"
#include "shim/table.h"
#include "shim/wait/block.h"
#include "shim/wait/epoll.h"
#include "shim/wait/memory.h"
#include "shim/wait/poll.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/mman.h>

#define ON_STACK  32U
#define WORD_BITS ((int)(8 * sizeof(unsigned long)))

/* fs/select.c: what of poll's bits each of the three sets means */
#define IN_BITS      (POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR)
#define OUT_BITS     (POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR)
#define SPECIAL_BITS POLLPRI

/* Not FD_SET() and friends, which stop at FD_SETSIZE. */
static unsigned long word_of(const fd_set *set, int fd)
{
    return set ? ((const unsigned long *)(const void *)set)[fd / WORD_BITS] : 0;
}

static bool has(const fd_set *set, int fd)
{
    return word_of(set, fd) >> (fd % WORD_BITS) & 1;
}

static void add(fd_set *set, int fd)
{
    ((unsigned long *)(void *)set)[fd / WORD_BITS] |= 1UL << (fd % WORD_BITS);
}

static void clear(fd_set *set, int n)
{
    for (int fd = 0; set && fd < n; fd += WORD_BITS)
        ((unsigned long *)(void *)set)[fd / WORD_BITS] = 0;
}

/* The first number >= fd in any of the sets, or -1. */
static int next_fd(const struct select_sets *s, int fd)
{
    for (; fd < s->n; fd++) {
        if (fd % WORD_BITS == 0 && !(word_of(s->in, fd) | word_of(s->out, fd) | word_of(s->special, fd))) {
            fd += WORD_BITS - 1;
            continue;
        }
        if (has(s->in, fd) || has(s->out, fd) || has(s->special, fd))
            return fd;
    }
    return -1;
}

static bool is_memory(const struct select_sets *s)
{
    if (s->n <= 0)
        return false;
    size_t bytes = ((size_t)s->n + WORD_BITS - 1) / WORD_BITS * sizeof(unsigned long);
    return (!s->in || memory_all(s->in, bytes, true)) && (!s->out || memory_all(s->out, bytes, true)) &&
           (!s->special || memory_all(s->special, bytes, true));
}

bool wait_select_ours(const struct select_sets *s)
{
    if (!atomic_load(&pool_live) || !is_memory(s))
        return false; /* EFAULT is the kernel's to say */
    for (int fd = next_fd(s, 0); fd >= 0; fd = next_fd(s, fd + 1))
        if (table_has(fd) || epoll_is_ours(fd))
            return true;
    return false;
}

static nfds_t count(const struct select_sets *s)
{
    nfds_t n = 0;
    for (int fd = next_fd(s, 0); fd >= 0; fd = next_fd(s, fd + 1))
        n++;
    return n;
}

static void to_poll(const struct select_sets *s, struct pollfd *fds)
{
    for (int fd = next_fd(s, 0); fd >= 0; fd = next_fd(s, fd + 1)) {
        int events = (has(s->in, fd) ? POLLIN | POLLRDNORM : 0) |
                     (has(s->out, fd) ? POLLOUT | POLLWRNORM : 0) | (has(s->special, fd) ? POLLPRI : 0);
        *fds++ = (struct pollfd){.fd = fd, .events = (short)events};
    }
}

/* What was asked stands in events: the sets themselves are overwritten by the answer. */
static int bits_of(const struct pollfd *p)
{
    if (p->fd < 0)
        return 0;
    return (p->events & POLLIN && p->revents & IN_BITS) + (p->events & POLLOUT && p->revents & OUT_BITS) +
           (p->events & POLLPRI && p->revents & SPECIAL_BITS);
}

/* How many bits the answer has; -1: a number that is not open. What poll reports and select does not (a
 * hang-up, to one who asks for urgent data only) is taken out, or the next poll would not sleep. */
static int judge(struct pollfd *fds, nfds_t n)
{
    int bits = 0;
    for (nfds_t i = 0; i < n; i++) {
        if (fds[i].fd >= 0 && fds[i].revents & POLLNVAL)
            return -1;
        int mine = bits_of(&fds[i]);
        if (fds[i].revents && !mine)
            fds[i].fd = -1;
        bits += mine;
    }
    return bits;
}

static void answer(const struct select_sets *s, const struct pollfd *fds, nfds_t n)
{
    clear(s->in, s->n);
    clear(s->out, s->n);
    clear(s->special, s->n);
    for (nfds_t i = 0; i < n; i++) {
        if (fds[i].fd < 0)
            continue;
        if (fds[i].events & POLLIN && fds[i].revents & IN_BITS)
            add(s->in, fds[i].fd);
        if (fds[i].events & POLLOUT && fds[i].revents & OUT_BITS)
            add(s->out, fds[i].fd);
        if (fds[i].events & POLLPRI && fds[i].revents & SPECIAL_BITS)
            add(s->special, fds[i].fd);
    }
}

struct select_call {
    const struct select_sets *sets;
    struct pollfd *fds;
    nfds_t n;
    uint64_t until;
    const sigset_t *mask;
};

static int select_loop(const struct select_call *call)
{
    to_poll(call->sets, call->fds);
    for (;;) {
        struct timespec store;
        int rc = wait_poll(call->fds, call->n, wait_timespec(wait_left(call->until), &store), call->mask);
        if (rc < 0)
            return -1;
        int bits = judge(call->fds, call->n);
        if (bits < 0) {
            errno = EBADF;
            return -1;
        }
        if (bits || wait_left(call->until) == 0) {
            answer(call->sets, call->fds, call->n);
            return bits;
        }
    }
}

static int select_on_stack(struct select_call *call)
{
    struct pollfd room[ON_STACK];
    call->fds = room;
    int rc = select_loop(call);
    call->fds = NULL;
    return rc;
}

static int select_on_map(struct select_call *call)
{
    size_t size = call->n * sizeof(struct pollfd);
    call->fds = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (call->fds == MAP_FAILED) {
        errno = ENOMEM;
        return -1;
    }
    int rc = select_loop(call);
    int error = errno;
    munmap(call->fds, size);
    errno = error;
    return rc;
}

int wait_select(const struct select_sets *sets, const struct timespec *timeout, const sigset_t *mask,
                int64_t *left)
{
    struct select_call call = {.sets = sets, .n = count(sets), .until = wait_until(timeout), .mask = mask};
    int rc = call.n <= ON_STACK ? select_on_stack(&call) : select_on_map(&call);
    if (left)
        *left = wait_left(call.until);
    return rc;
}
