/* SPDX-License-Identifier: MIT */
/*
 * What waits.c, waits_epoll.c and waits_threads.c share: PROGRAM PORT CANARY [CASE... | -CASE] runs its
 * cases, all but one, or those that are named, against an origin on PORT of localhost. One line a case: "ok
 * NAME" or "not ok NAME: LINE". Nothing in a case depends on tlsup: the outcome is the same with and without
 * it.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct wait_case {
    const char *name;
    void (*run)(void);
};

static struct sockaddr_in to = {.sin_family = AF_INET};
static const char *canary;
static int failed_line;
#define WANT(cond)                                                                                           \
    do {                                                                                                     \
        if (!(cond)) {                                                                                       \
            failed_line = __LINE__;                                                                          \
            return;                                                                                          \
        }                                                                                                    \
    } while (0)

static inline void die(const char *what)
{
    perror(what);
    exit(1);
}

static inline long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline long cpu_ms(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000 + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1000;
}

static inline int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connect");
    return fd;
}

static inline void ask(int fd, const char *path)
{
    char request[512];
    int n = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost:%d\r\nX-Canary: %s\r\n\r\n",
                     path, ntohs(to.sin_port), canary);
    if (send(fd, request, (size_t)n, MSG_NOSIGNAL) != n)
        die("send");
}

/* The answer is there, 10 bytes of it were read. */
static inline int pending(void)
{
    char ten[10];
    int fd = dial();
    ask(fd, "/bytes/1000");
    if (recv(fd, ten, sizeof ten, MSG_WAITALL) != sizeof ten)
        die("recv");
    return fd;
}

/* Connected, through TLS once, and nothing to read. */
static inline int idle(void)
{
    char buf[4096];
    int fd = dial();
    ask(fd, "/bytes/10");
    while (recv(fd, buf, sizeof buf, MSG_DONTWAIT) < 0 || !memmem(buf, sizeof buf, "\r\n\r\n", 4))
        usleep(1000);
    usleep(20000);
    while (recv(fd, buf, sizeof buf, MSG_DONTWAIT) > 0)
        continue;
    return fd;
}

static inline bool chosen(int n, char **names, const char *name)
{
    bool all_but = n == 0 || names[0][0] == '-';
    for (int i = 0; i < n; i++)
        if (strcmp(names[i] + all_but, name) == 0)
            return !all_but;
    return all_but;
}

static inline int run_cases(const struct wait_case *cases, size_t n, int argc, char **argv)
{
    int status = 0;
    if (argc < 3)
        return 2;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)atoi(argv[1]));
    canary = argv[2];
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < n; i++) {
        if (!chosen(argc - 3, argv + 3, cases[i].name))
            continue;
        failed_line = 0;
        cases[i].run();
        if (failed_line)
            printf("not ok %s: line %d (%s)\n", cases[i].name, failed_line, strerror(errno)), status = 1;
        else
            printf("ok %s\n", cases[i].name);
    }
    return status;
}
