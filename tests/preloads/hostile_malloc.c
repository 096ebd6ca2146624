/* SPDX-License-Identifier: MIT */
/*
 * An allocator that makes trouble: every call of it, from the first in the process, opens, reads, writes,
 * waits and closes, with a lock of its own held. Whoever allocates below one of those calls never comes back:
 * here, ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define ALIGN 16U
#define BLOCK (64UL * 1024 * 1024)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(pthread_t) inside; /* who holds it */
static char *at, *end;

struct head {
    size_t size;
    char pad[ALIGN - sizeof(size_t)];
};

static void die(const char *why)
{
    (void)!write(STDERR_FILENO, why, strlen(why));
    _exit(99);
}

static void files(void)
{
    char byte = 'x';
    int fd = open("/dev/zero", O_RDWR | O_CLOEXEC), twin = dup(fd);
    struct iovec one = {&byte, 1};
    struct pollfd p = {.fd = fd, .events = POLLIN};
    fd_set set;
    struct timeval now = {0, 0};
    int waiting = 0;
    if (read(fd, &byte, 1) < 0 || write(fd, &byte, 1) < 0 || readv(fd, &one, 1) < 0 ||
        writev(fd, &one, 1) < 0)
        die("hostile: files\n");
    poll(&p, 1, 0);
    FD_ZERO(&set);
    if (fd < FD_SETSIZE)
        FD_SET(fd, &set);
    select(fd < FD_SETSIZE ? fd + 1 : 0, &set, NULL, NULL, &now);
    fcntl(fd, F_GETFL);
    ioctl(fd, FIONREAD, &waiting);
    dup2(fd, twin);
    dup3(fd, twin, O_CLOEXEC);
    close(twin);
    close(fd);
}

static void sockets(void)
{
    int pair[2], set = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN};
    char byte = 'x';
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        die("hostile: sockets\n");
    if (send(pair[0], &byte, 1, 0) != 1 || recv(pair[1], &byte, 1, 0) != 1)
        die("hostile: send\n");
    epoll_ctl(set, EPOLL_CTL_ADD, pair[0], &e);
    epoll_wait(set, &e, 1, 0);
    shutdown(pair[0], SHUT_RDWR);
    close(pair[0]);
    close(pair[1]);
    close(set);
}

static void *carve(size_t size)
{
    size = (size + sizeof(struct head) + ALIGN - 1) / ALIGN * ALIGN;
    if (size > (size_t)(end - at)) {
        size_t bytes = size > BLOCK ? size : BLOCK;
        char *map =
            mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (map == MAP_FAILED)
            return NULL;
        at = map;
        end = map + bytes;
    }
    struct head *head = (struct head *)(void *)at;
    at += size;
    head->size = size - sizeof *head;
    return head + 1;
}

static void *allocate(size_t size)
{
    int saved = errno;
    if (atomic_load(&inside) == pthread_self())
        die("hostile: somebody allocates below an allocator's own calls\n");
    pthread_mutex_lock(&lock);
    atomic_store(&inside, pthread_self());
    static unsigned turn;
    if (turn++ % 16 == 0) {
        files();
        sockets();
    }
    void *p = carve(size);
    atomic_store(&inside, 0);
    pthread_mutex_unlock(&lock);
    errno = p ? saved : ENOMEM;
    return p;
}

void *malloc(size_t size)
{
    return allocate(size);
}

void free(void *p)
{
    (void)p; /* nothing comes back */
}

void *calloc(size_t n, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(n, size, &bytes) ? NULL : allocate(bytes); /* mappings are zero */
}

void *realloc(void *old, size_t size)
{
    void *p = allocate(size);
    if (p && old) {
        size_t before = ((struct head *)old - 1)->size;
        memcpy(p, old, before < size ? before : size);
    }
    return p;
}

void *memalign(size_t align, size_t size)
{
    if (align < ALIGN)
        align = ALIGN;
    char *p = allocate(size + align + sizeof(struct head));
    if (!p)
        return NULL;
    char *aligned = (char *)(((uintptr_t)p + sizeof(struct head) + align - 1) / align * align);
    ((struct head *)(void *)aligned - 1)->size = size;
    return aligned;
}

void *aligned_alloc(size_t align, size_t size)
{
    return memalign(align, size);
}

int posix_memalign(void **out, size_t align, size_t size)
{
    *out = memalign(align, size);
    return *out ? 0 : ENOMEM;
}

void *valloc(size_t size)
{
    return memalign(4096, size);
}

size_t malloc_usable_size(void *p)
{
    return p ? ((struct head *)p - 1)->size : 0;
}
