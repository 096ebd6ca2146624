/* SPDX-License-Identifier: MIT */
/* client [-c CA] get|echo|idle COUNT PORT [PID...]: to a server on this machine, with plain sockets (client)
 * or OpenSSL (client-tls): get   COUNT connections one after the other, a request of 1 KB each nanoseconds
 * for one: wall, processor echo  COUNT round trips of 64 bytes on one connection                   the same
 *   idle  COUNT connections at once, a request of 1 KB each, then nothing   KiB for one: here, in the
 * processes PID; KiB that the first one took One line on stdout; status 1 if an answer was not what it should
 * be. */
#include "tests/bench/clock.h"
#include "tests/bench/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MESSAGE = 64, BODY = 1024 };

static int port, pids, *pid;

/* Reads until the head is there, and what came behind it. The size of the latter, or -1. */
static long head(struct link *link, const char *status)
{
    char text[4096];
    size_t have = 0;

    while (have < sizeof(text) - 1) {
        ssize_t n = link_recv(link, text + have, sizeof(text) - 1 - have);
        if (n <= 0)
            return -1;
        have += (size_t)n;
        text[have] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        if (end)
            return strncmp(text, status, strlen(status)) == 0 ? (long)have - (end + 4 - text) : -1;
    }
    return -1;
}

static bool ask(struct link *link, const char *path, const char *fields)
{
    char request[256];
    int n = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost:%d\r\n%s\r\n", path, port,
                     fields);

    return link_send(link, request, (size_t)n);
}

/* a request and its answer of 1 KB */
static bool fetch(struct link *link, const char *fields)
{
    char body[BODY];
    long have = ask(link, "/1k", fields) ? head(link, "HTTP/1.1 200") : -1;

    while (have >= 0 && have < BODY) {
        ssize_t n = link_recv(link, body, sizeof(body));
        if (n <= 0)
            return false;
        have += n;
    }
    return have == BODY;
}

static void per_piece(double wall, double cpu, long count)
{
    printf("%.1f %.1f\n", (clock_wall() - wall) / (double)count, (clock_cpu() - cpu) / (double)count);
}

static bool get(long count)
{
    double wall = clock_wall(), cpu = clock_cpu();
    struct link link;

    for (long i = 0; i < count; i++) {
        if (!link_connect(&link, port))
            return false;
        if (!fetch(&link, "Connection: close\r\n"))
            return false;
        link_close(&link);
    }
    per_piece(wall, cpu, count);
    return true;
}

static bool trip(struct link *link)
{
    static const char out[MESSAGE] = "there and back";
    char in[MESSAGE];
    size_t have = 0;

    if (!link_send(link, out, sizeof(out)))
        return false;
    while (have < sizeof(in)) {
        ssize_t n = link_recv(link, in + have, sizeof(in) - have);
        if (n <= 0)
            return false;
        have += (size_t)n;
    }
    return memcmp(in, out, sizeof(in)) == 0;
}

static bool echo(long count)
{
    struct link link;

    if (!link_connect(&link, port) || !ask(&link, "/echo", "Upgrade: echo\r\nConnection: Upgrade\r\n") ||
        head(&link, "HTTP/1.1 101") != 0)
        return false;
    for (long i = 0; i < 100; i++) /* until everything is warm */
        if (!trip(&link))
            return false;
    double wall = clock_wall(), cpu = clock_cpu();
    for (long i = 0; i < count; i++)
        if (!trip(&link))
            return false;
    per_piece(wall, cpu, count);
    link_close(&link);
    return true;
}

/* KiB that belong to a process, its share of what it shares; 0: it is not there */
static long memory_of(int process)
{
    char path[64], line[256];
    long kib = 0;

    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", process);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    while (fgets(line, sizeof(line), f) && strncmp(line, "Pss:", 4) != 0)
        ;
    fclose(f);
    if (strncmp(line, "Pss:", 4) == 0)
        kib = strtol(line + 4, NULL, 10);
    return kib;
}

static long memory_of_all(void)
{
    long kib = 0;

    for (int i = 0; i < pids; i++)
        kib += memory_of(pid[i]);
    return kib;
}

/* what memory was after the first connection */
struct mark {
    long here, others;
};

static bool open_all(struct link *links, long count, struct mark *first)
{
    for (long i = 0; i < count; i++) {
        if (!link_connect(&links[i], port) || !fetch(&links[i], ""))
            return false;
        if (i == 0)
            *first = (struct mark){memory_of(getpid()), memory_of_all()};
    }
    return true;
}

static bool idle(long count)
{
    struct rlimit files = {(rlim_t)count + 64, (rlim_t)count + 64};
    long before = memory_of(getpid());
    struct mark first = {0};
    struct link *links = calloc((size_t)count, sizeof(*links));
    bool good = links && count > 1 && setrlimit(RLIMIT_NOFILE, &files) == 0 && open_all(links, count, &first);

    if (good) {
        double rest = (double)(count - 1);
        printf("%.2f %.2f %ld\n", (double)(memory_of(getpid()) - first.here) / rest,
               (double)(memory_of_all() - first.others) / rest, first.here - before);
        for (long i = 0; i < count; i++)
            link_close(&links[i]);
    }
    free(links);
    return good;
}

/* the processes after the port */
static bool processes(int count, char **text)
{
    pids = count;
    pid = calloc((size_t)count + 1, sizeof(*pid));
    for (int i = 0; pid && i < count; i++)
        pid[i] = (int)strtol(text[i], NULL, 10);
    return pid != NULL;
}

static int usage(void)
{
    fputs("usage: client [-c CA] get|echo|idle COUNT PORT [PID...]\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        bool (*run)(long count);
    } verbs[] = {{"get", get}, {"echo", echo}, {"idle", idle}};
    const char *ca = NULL;
    int at = 1;

    if (argc > 2 && strcmp(argv[1], "-c") == 0) {
        ca = argv[2];
        at = 3;
    }
    if (argc < at + 3)
        return usage();
    long count = strtol(argv[at + 1], NULL, 10);
    port = (int)strtol(argv[at + 2], NULL, 10);
    if (count < 1 || !processes(argc - at - 3, argv + at + 3) || !link_trust(ca))
        return usage();
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (strcmp(argv[at], verbs[i].name) == 0)
            return verbs[i].run(count) ? 0 : 1;
    return usage();
}
