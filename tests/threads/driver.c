/* SPDX-License-Identifier: MIT */
/*
 * Many threads that do to connections what programs do, all at once, for some seconds: made for
 * ThreadSanitizer, and checks every byte besides.
 *
 *   driver PORT SECONDS CANARY     one line per job on stdout: how often it was done; status 0 if all was
 * right
 */
#include "tests/threads/threads.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int port;
static const char *canary;
static struct timespec end;

static job race;
static const struct {
    const char *name;
    job *work;
    int threads;
} jobs[] = {
    {"fetch_blocking", fetch_blocking, 2},
    {"fetch_polling", fetch_polling, 1},
    {"fetch_selecting", fetch_selecting, 1},
    {"converse", converse, 1},
    {"wait_together", wait_together, 3},
    {"feed_together", feed_together, 1},
    {"duplicate", duplicate, 1},
    {"close_under", close_under, 1},
    {"fork_beside", fork_beside, 1},
    {"ask_about", ask_about, 1},
    {"resolve", resolve, 1},
    {"race", race, 2},
};
#define JOBS (sizeof jobs / sizeof jobs[0])

static atomic_ulong done[JOBS];

/* Done only by name: two threads count without a lock, which the sanitizer must tell. */
static unsigned long raced;
static void race(int number)
{
    (void)number;
    raced++;
}

void wrong(const char *format, ...)
{
    va_list ap;
    int error = errno;
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fprintf(stderr, " (%s)\n", strerrorname_np(error));
    _exit(3);
}

bool over(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec >= end.tv_nsec);
}

/* ---- the server ---- */

int dial(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        wrong("connect");
    return fd;
}

void send_all(int fd, const char *at, size_t len)
{
    while (len) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n <= 0)
            wrong("send: %zd of %zu", n, len);
        at += n;
        len -= (size_t)n;
    }
}

void ask(int fd, const char *path)
{
    char head[300];
    int n = snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: localhost:%d\r\nX-Canary: %s\r\n\r\n", path,
                     port, canary);
    send_all(fd, head, (size_t)n);
}

/* ---- answers ---- */

static void parse_head(struct answer *a)
{
    const char *length = strcasestr(a->head, "\r\ncontent-length:");
    if (strncmp(a->head, "HTTP/1.1 200", 12) != 0 || !length)
        wrong("not an answer: %s", a->head);
    a->expected = strtoul(length + 17, NULL, 10);
    a->in_body = true;
}

static void take_body(struct answer *a, const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++, a->body++)
        if ((unsigned char)at[i] != ((a->body * 31 + (a->body >> 8)) & 0xff))
            wrong("byte %zu is not the one that was sent", a->body);
}

bool take(struct answer *a, const char *at, size_t len)
{
    while (len && !a->in_body) {
        if (a->head_len == sizeof a->head - 1)
            wrong("a head without an end");
        a->head[a->head_len++] = *at++;
        len--;
        if (a->head_len >= 4 && memcmp(a->head + a->head_len - 4, "\r\n\r\n", 4) == 0)
            parse_head(a);
    }
    take_body(a, at, len);
    if (a->body > a->expected)
        wrong("%zu bytes of %zu", a->body, a->expected);
    return a->in_body && a->body == a->expected;
}

/* ---- all of it ---- */

struct worker {
    size_t job;
    int number;
};

static void *work(void *argument)
{
    struct worker *w = argument;
    while (!over()) {
        jobs[w->job].work(w->number);
        atomic_fetch_add(&done[w->job], 1);
    }
    return NULL;
}

/* Jobs that are named, or all. */
static bool chosen(size_t j, char **names, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], jobs[j].name) == 0)
            return true;
    return n == 0 && jobs[j].work != race;
}

#define MOST 64
int main(int argc, char **argv)
{
    static struct worker workers[MOST];
    pthread_t threads[MOST];
    int n = 0;
    if (argc < 4)
        return 2;
    port = atoi(argv[1]);
    canary = argv[3];
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += atoi(argv[2]);
    signal(SIGPIPE, SIG_IGN);
    for (size_t j = 0; j < JOBS; j++)
        for (int i = 0; chosen(j, argv + 4, argc - 4) && i < jobs[j].threads && n < MOST; i++, n++) {
            workers[n] = (struct worker){j, i};
            if (pthread_create(&threads[n], NULL, work, &workers[n]) != 0)
                wrong("pthread_create");
        }
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    for (size_t j = 0; j < JOBS; j++)
        if (chosen(j, argv + 4, argc - 4))
            printf("%s %lu\n", jobs[j].name, atomic_load(&done[j]));
    return 0;
}
