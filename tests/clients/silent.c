/* SPDX-License-Identifier: MIT */
/*
 * Many connections in one epoll set to a server that never answers.
 *
 *   silent N PORT CANARY
 *
 * Dials them all without blocking, sends a request on each as soon as it may, and waits until each has ended.
 * Prints "ended K ERROR" for each errno that there was, and "after S", the seconds that it took.
 */
#include "tests/clients/many.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS      256
#define PATIENCE_MS 60000

static int set;
static char request[256];
static int ended[256]; /* by errno; 0: the server's end */

static void dial(const struct sockaddr_in *to)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct epoll_event e = {.events = EPOLLOUT, .data.fd = fd};
    if (fd < 0)
        wrong("socket");
    if (connect(fd, (const struct sockaddr *)to, sizeof *to) != 0 && errno != EINPROGRESS)
        wrong("connect");
    if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) != 0)
        wrong("epoll_ctl");
}

static int over(int fd, int error)
{
    ended[error & 255]++;
    close(fd);
    return 1;
}

/* 1: this one has ended. */
static int go_on(const struct epoll_event *e)
{
    int fd = e->data.fd;
    char byte;
    ssize_t n;
    if (e->events & EPOLLOUT) {
        struct epoll_event in = {.events = EPOLLIN, .data.fd = fd};
        if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
            return errno == EAGAIN ? 0 : over(fd, errno);
        if (epoll_ctl(set, EPOLL_CTL_MOD, fd, &in) != 0)
            wrong("epoll_ctl");
        return 0;
    }
    n = recv(fd, &byte, 1, 0);
    if (n > 0) {
        puts("an answer");
        exit(1);
    }
    if (n < 0 && errno == EAGAIN)
        return 0;
    return over(fd, n < 0 ? errno : 0);
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event events[EVENTS];
    if (argc != 4)
        return 2;
    int n = atoi(argv[1]);
    to.sin_port = htons((unsigned short)atoi(argv[2]));
    snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: localhost:%s\r\nX-Canary: %s\r\n\r\n", argv[2],
             argv[3]);
    many_descriptors();
    set = epoll_create1(0);
    time_t from = time(NULL);
    for (int i = 0; i < n; i++)
        dial(&to);
    for (int done = 0; done < n;) {
        int got = epoll_wait(set, events, EVENTS, PATIENCE_MS);
        if (got <= 0)
            wrong("epoll_wait");
        for (int k = 0; k < got; k++)
            done += go_on(&events[k]);
    }
    for (int e = 0; e < 256; e++)
        if (ended[e])
            printf("ended %d %s\n", ended[e], strerror(e));
    printf("after %ld\n", (long)(time(NULL) - from));
    return 0;
}
