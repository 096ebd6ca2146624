/* SPDX-License-Identifier: MIT */
#include "shim/wait/epoll_memory.h"

#include "shim/conn/quiet.h"
#include "shim/real.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>

#define BUCKETS 64U
#define CHUNK   64U

static _Atomic(struct epoll_remembered *) buckets[BUCKETS];
static struct epoll_remembered *free_list;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void enter(void)
{
    quiet_begin();
    pthread_mutex_lock(&lock);
}

static void leave(void)
{
    pthread_mutex_unlock(&lock);
    quiet_end();
}

static uint64_t cookie_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t len = sizeof cookie;
    return real.getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0 ? cookie : 0;
}

static bool add_chunk(void)
{
    struct epoll_remembered *fresh =
        mmap(NULL, CHUNK * sizeof *fresh, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fresh == MAP_FAILED)
        return false;
    for (unsigned i = 0; i < CHUNK; i++)
        fresh[i].next = i + 1 < CHUNK ? &fresh[i + 1] : NULL;
    free_list = fresh;
    return true;
}

static _Atomic(struct epoll_remembered *) *bucket_of(int fd)
{
    return &buckets[(unsigned)fd % BUCKETS];
}

/* Takes `m`, whose predecessor is `before` (NULL: it is the first), out of its bucket. */
static void unlink_one(_Atomic(struct epoll_remembered *) *bucket, struct epoll_remembered *before,
                       struct epoll_remembered *m)
{
    if (before)
        before->next = m->next;
    else
        atomic_store(bucket, m->next);
    m->next = free_list;
    free_list = m;
}

static struct epoll_remembered *find(int set, int fd)
{
    struct epoll_remembered *m = atomic_load(bucket_of(fd));
    while (m && (m->fd != fd || m->set != set))
        m = m->next;
    return m;
}

static void forget(int set, int fd)
{
    struct epoll_remembered *before = NULL;
    for (struct epoll_remembered *m = atomic_load(bucket_of(fd)); m; before = m, m = m->next)
        if (m->fd == fd && m->set == set) {
            unlink_one(bucket_of(fd), before, m);
            return;
        }
}

static void put(int set, int fd, const struct epoll_event *event)
{
    struct epoll_remembered *m = find(set, fd);
    if (!m && (free_list || add_chunk())) {
        m = free_list;
        free_list = m->next;
        m->set = set;
        m->fd = fd;
        m->next = atomic_load(bucket_of(fd));
        atomic_store(bucket_of(fd), m);
    }
    if (!m) /* without memory the program will see the kernel's readiness: late or useless, never wrong bytes
             */
        return;
    m->cookie = cookie_of(fd);
    m->events = event->events;
    m->data = event->data;
}

void epoll_remember(int set, int op, int fd, const struct epoll_event *event)
{
    enter();
    if (op == EPOLL_CTL_DEL)
        forget(set, fd);
    else
        put(set, fd, event);
    leave();
}

bool epoll_remembers(int fd)
{
    return atomic_load_explicit(bucket_of(fd), memory_order_relaxed) != NULL;
}

bool epoll_recall(int fd, struct epoll_remembered *out)
{
    bool found = false;
    if (!epoll_remembers(fd))
        return false;
    enter();
    struct epoll_remembered *previous = NULL;
    for (struct epoll_remembered *m = atomic_load(bucket_of(fd)); m && !found; previous = m, m = m->next)
        if (m->fd == fd) {
            *out = *m;
            unlink_one(bucket_of(fd), previous, m);
            found = true;
            break;
        }
    leave();
    return found;
}

void epoll_unremember(int number)
{
    struct epoll_remembered m;
    while (epoll_recall(number, &m))
        continue;
}

void epoll_memory_after_fork(void)
{
    pthread_mutex_init(&lock, NULL);
}
