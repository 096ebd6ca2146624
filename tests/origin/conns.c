/* SPDX-License-Identifier: MIT */
/* The list of living connections, so that SIGTERM can end them all. */
#include "tests/origin/seal.h"
#include "tests/origin/stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct conn *all;
static atomic_int stop_fd = -1; /* readable from the moment that the process stops */
static atomic_bool stopping;

struct conn *stream_new(int fd, unsigned long id, unsigned long port_id, bool on_tls_port)
{
    struct conn *c = calloc(1, sizeof(*c));
    int one = 1;

    if (!c) {
        close(fd);
        return NULL;
    }
    c->fd = fd;
    c->id = id;
    c->port_id = port_id;
    c->on_tls_port = on_tls_port;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    pthread_mutex_lock(&lock);
    if (stop_fd < 0)
        stop_fd = eventfd(0, EFD_CLOEXEC);
    c->next = all;
    c->link = &all;
    if (all)
        all->link = &c->next;
    all = c;
    pthread_mutex_unlock(&lock);
    return c;
}

void stream_free(struct conn *c)
{
    pthread_mutex_lock(&lock);
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    close(c->fd);
    pthread_mutex_unlock(&lock);
    SSL_free(c->ssl);
    seal_free(c->sealer);
    free(c->cork);
    free(c);
}

bool stream_stop_all(void)
{
    bool empty = false;

    stopping = true;
    if (stop_fd >= 0)
        eventfd_write(stop_fd, 1);
    for (int i = 0; i < 100 && !empty; i++) {
        pthread_mutex_lock(&lock);
        for (struct conn *c = all; c; c = c->next)
            shutdown(c->fd, SHUT_RDWR);
        empty = all == NULL;
        pthread_mutex_unlock(&lock);
        if (!empty)
            poll(NULL, 0, 10);
    }
    return empty;
}

bool stream_stopping(void)
{
    return stopping;
}

long long stream_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void stream_sleep(long ms)
{
    struct pollfd p = {stop_fd, POLLIN, 0};

    poll(&p, 1, (int)ms);
}
