/* SPDX-License-Identifier: MIT */
/* Jobs of one thread with a connection of its own, and of two that share one. */
#include "tests/threads/threads.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static void finish(int fd)
{
    if (close(fd) != 0)
        wrong("close");
}

void fetch_blocking(int number)
{
    char buf[4096];
    int fd = dial();
    for (int request = 0; request < 2; request++) {
        struct answer a = {0};
        ask(fd, number ? "/bytes/100" : "/bytes/70000");
        for (;;) {
            ssize_t n = request ? recv(fd, buf, sizeof buf, 0) : read(fd, buf, sizeof buf);
            if (n <= 0)
                wrong("fetch_blocking: %zd", n);
            if (take(&a, buf, (size_t)n))
                break;
        }
    }
    finish(fd);
}

static int dial_non_blocking(const char *path)
{
    int fd = dial();
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        wrong("fcntl");
    ask(fd, path);
    return fd;
}

/* All that is there. True: the answer is complete. */
static bool drain(int fd, struct answer *a)
{
    char buf[3000];
    for (;;) {
        struct iovec parts[2] = {{buf, 1000}, {buf + 1000, 2000}};
        ssize_t n = readv(fd, parts, 2);
        if (n < 0 && errno == EAGAIN)
            return false;
        if (n <= 0)
            wrong("drain: %zd", n);
        if (take(a, buf, (size_t)n))
            return true;
    }
}

void fetch_polling(int number)
{
    struct pollfd p = {.fd = dial_non_blocking("/bytes/50000"), .events = POLLIN};
    struct answer a = {0};
    (void)number;
    do
        if (poll(&p, 1, 20000) != 1)
            wrong("poll");
    while (!drain(p.fd, &a));
    finish(p.fd);
}

void fetch_selecting(int number)
{
    int fd = dial_non_blocking("/bytes/30000");
    struct answer a = {0};
    (void)number;
    do {
        fd_set in;
        struct timeval time = {20, 0};
        FD_ZERO(&in);
        FD_SET(fd, &in);
        if (select(fd + 1, &in, NULL, NULL, &time) != 1)
            wrong("select");
    } while (!drain(fd, &a));
    finish(fd);
}

/* ---- one writes, the other reads; a third asks and waits ---- */

struct talk {
    int fd;
};
#define REQUESTS 6

static void *write_side(void *argument)
{
    const struct talk *t = argument;
    for (int i = 0; i < REQUESTS; i++)
        ask(t->fd, "/bytes/20000");
    return NULL;
}

static void *wait_side(void *argument)
{
    const struct talk *t = argument;
    struct pollfd p = {.fd = t->fd, .events = POLLIN | POLLOUT};
    for (int i = 0; i < 20; i++)
        if (poll(&p, 1, 5) < 0)
            wrong("poll beside");
    return NULL;
}

void converse(int number)
{
    struct talk t = {.fd = dial()};
    pthread_t writer, waiter;
    char buf[5000];
    (void)number;
    if (pthread_create(&writer, NULL, write_side, &t) != 0 ||
        pthread_create(&waiter, NULL, wait_side, &t) != 0)
        wrong("pthread_create");
    for (int i = 0; i < REQUESTS; i++) {
        struct answer a = {0};
        for (bool complete = false; !complete;) {
            char head[1];
            ssize_t n =
                a.in_body
                    ? recv(t.fd, buf, a.expected - a.body < sizeof buf ? a.expected - a.body : sizeof buf, 0)
                    : recv(t.fd, head, 1, 0);
            if (n <= 0)
                wrong("converse: %zd", n);
            complete = take(&a, a.in_body ? buf : head, (size_t)n);
        }
    }
    pthread_join(writer, NULL);
    pthread_join(waiter, NULL);
    finish(t.fd);
}
