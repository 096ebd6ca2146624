/* SPDX-License-Identifier: MIT */
/*
 * Many connections in one epoll set.
 *
 *   scale N PORT CANARY     with tally.so below: what each thing costs, in calls of libc and the kernel
 *
 * Prints "dial C", "round C" and "wait C": how many calls it took, on the average and in tenths, to dial a
 * connection and have one answer; to have another one, while all the others are idle; and to find that there
 * is nothing.
 */
#include "tests/clients/many.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS 200
#define BODY   1000
#define EVENTS 64

struct peer {
    int fd;
    char end[4]; /* the last bytes of the head */
    long body;   /* read of it; negative: not there yet */
};

static struct peer *peers;
static int n, set;
static char request[256];
static unsigned long (*tally)(void);

static void watch(int i, int op, unsigned events)
{
    struct epoll_event e = {.events = events, .data.u32 = (unsigned)i};
    if (epoll_ctl(set, op, peers[i].fd, &e) != 0)
        wrong("epoll_ctl");
}

static void ask(int i)
{
    peers[i].body = -1;
    if (send(peers[i].fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request))
        wrong("send");
}

/* 1: the answer is whole. */
static int take(int i)
{
    struct peer *p = &peers[i];
    char buf[4096];
    ssize_t got = recv(p->fd, buf, sizeof buf, 0);
    if (got <= 0)
        wrong("recv");
    for (ssize_t k = 0; k < got; k++) {
        if (p->body >= 0) {
            p->body++;
            continue;
        }
        memmove(p->end, p->end + 1, 3);
        p->end[3] = buf[k];
        if (memcmp(p->end, "\r\n\r\n", 4) == 0)
            p->body = 0;
    }
    return p->body == BODY;
}

static int wait_for(struct epoll_event *events, int ms)
{
    int got = epoll_wait(set, events, EVENTS, ms);
    if (got < 0)
        wrong("epoll_wait");
    return got;
}

/* All sockets are there before the first is connected. */
static void dial_all(const struct sockaddr_in *to)
{
    for (int i = 0; i < n; i++)
        if ((peers[i].fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) < 0)
            wrong("socket");
    for (int i = 0; i < n; i++) {
        if (connect(peers[i].fd, (const struct sockaddr *)to, sizeof *to) != 0 && errno != EINPROGRESS)
            wrong("connect");
        watch(i, EPOLL_CTL_ADD, EPOLLOUT);
    }
    for (int done = 0; done < n;) {
        struct epoll_event events[EVENTS];
        int got = wait_for(events, 20000);
        if (!got)
            wrong("nothing for 20 s");
        for (int k = 0; k < got; k++) {
            int i = (int)events[k].data.u32;
            if (events[k].events & EPOLLOUT) {
                watch(i, EPOLL_CTL_MOD, EPOLLIN);
                ask(i);
            } else {
                done += take(i);
            }
        }
    }
}

static void one_round(int i)
{
    struct epoll_event events[EVENTS];
    ask(i);
    do
        if (wait_for(events, 20000) != 1 || (int)events[0].data.u32 != i)
            wrong("somebody else is ready");
    while (!take(i));
}

static void show(const char *what, unsigned long before, int times)
{
    unsigned long calls = (tally() - before) * 10 / (unsigned long)times;
    printf("%s %lu\n", what, calls);
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    void *found = dlsym(RTLD_DEFAULT, "tally");
    if (argc != 4 || !found)
        return 2;
    memcpy(&tally, &found, sizeof tally);
    n = atoi(argv[1]);
    to.sin_port = htons((unsigned short)atoi(argv[2]));
    snprintf(request, sizeof request, "GET /bytes/%d HTTP/1.1\r\nHost: localhost:%s\r\nX-Canary: %s\r\n\r\n",
             BODY, argv[2], argv[3]);
    many_descriptors();
    peers = calloc((size_t)n, sizeof *peers);
    set = epoll_create1(0);

    unsigned long before = tally();
    dial_all(&to);
    show("dial", before, n);
    struct epoll_event events[EVENTS];
    while (wait_for(events, 100) > 0) /* tickets may come still, which nobody is told of */
        continue;
    before = tally();
    for (int k = 0; k < ROUNDS; k++)
        one_round((int)((long)k * 7919 % n));
    show("round", before, ROUNDS);
    before = tally();
    for (int k = 0; k < ROUNDS; k++)
        if (wait_for(events, 0))
            wrong("nobody is ready");
    show("wait", before, ROUNDS);
    return 0;
}
