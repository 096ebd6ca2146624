/* SPDX-License-Identifier: MIT */
/*
 * The driver of the differential tester: sequences of socket calls that depend on seeds alone, and a line for
 * what each call gave. Over plain TCP and under tlsup the lines are to be the same.
 *
 *   driver FIRST LAST CALLS PORT SKIP [linewise]     orders to the peer on descriptor 3, its answers on 4,
 * the trace on stdout
 *
 * Seed after seed, CALLS calls each. SKIP is a list of numbers of steps that are left out (",3,7,"), which is
 * how a failure is made smaller: the draws of a step that is left out are made all the same.
 */
#include "tests/differential/driver.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define STEPS_OF_CONNECTION 100
#define SEEDS_ALIKE         50 /* run starts a process for as many */

struct game game;
bool with_threads;
int self;
unsigned char buffer[ROOM];

static uint64_t state;
static unsigned long calls, step;

uint32_t chance(uint32_t below)
{
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)((state >> 33) % below);
}

/* ---- the trace ---- */

void trace_line(const char *call, long result, const char *format, ...)
{
    va_list ap;
    char text[300] = "";
    int error = errno;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    calls++;
    if (result == -1)
        printf("%lu %s %s %s\n", step, call, strerrorname_np(error), text);
    else
        printf("%lu %s %ld %s\n", step, call, result, text);
}

void trace_edge(const char *format, ...)
{
    va_list ap;
    char text[100];
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    printf("%lu edge %s\n", step, text);
}

uint32_t sum_of(const void *at, size_t len)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum = sum * 31 + ((const unsigned char *)at)[i];
    return sum;
}

/* ---- memory ---- */

void fill_buffer(size_t len)
{
    uint64_t word = (uint64_t)chance(1U << 30) << 32 | chance(1U << 30);
    for (size_t i = 0; i < len;
         i += sizeof word, word = word * 6364136223846793005ULL + 1442695040888963407ULL)
        memcpy(buffer + i, &word, sizeof word);
}

void *nowhere(void)
{
    static void *page;
    if (!page)
        page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page;
}

size_t cut(struct iovec *iov, unsigned char *at, size_t len)
{
    size_t n = 1 + chance(PARTS);
    for (size_t i = 0; i < n; i++) {
        size_t part = i + 1 == n ? len : chance((uint32_t)len + 1);
        if (i + 1 < n && chance(4) == 0)
            part = 0;
        iov[i] = (struct iovec){at, part};
        at += part;
        len -= part;
    }
    return n;
}

/* ---- the game ---- */

int any_fd(void)
{
    uint32_t n = chance(NUMBERS);
    for (uint32_t i = 0; i < NUMBERS; i++)
        if (game.fds[(n + i) % NUMBERS] >= 0)
            return game.fds[(n + i) % NUMBERS];
    return -1;
}

int count_fds(void)
{
    int n = 0;
    for (int i = 0; i < NUMBERS; i++)
        n += game.fds[i] >= 0;
    return n;
}

void took(long n)
{
    if (n > 0)
        game.unread -= (size_t)n < game.unread ? (size_t)n : game.unread;
}

long read_gave(long n)
{
    return game.told && n == -1 && errno == ECONNRESET ? 0 : n;
}

void gave(long n)
{
    game.told = game.told || (n < 0 && errno == ECONNRESET);
    if (n > 0)
        game.owed += (size_t)n;
    if (game.owed > 20000 || chance(8) == 0)
        settle();
}

/* What costs milliseconds is drawn less often. */
static bool play(void)
{
    static const struct {
        void (*act)(void);
        unsigned weight;
    } acts[] = {{do_send, 260},  {do_receive, 260}, {do_wait, 140},  {do_epoll, 200},
                {do_number, 80}, {do_option, 80},   {do_end, 8},     {do_file, 10},
                {do_full, 2},    {do_timeout, 2},   {do_signal, 10}, {do_thread, 14}};
    unsigned sum = 0, drawn = chance(1080);
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        sum += acts[i].weight;
        if (drawn < sum) {
            acts[i].act();
            return true;
        }
    }
    return chance(8) || with_threads ? true : do_fork();
}

static bool is_skipped(const char *list, unsigned long n)
{
    char word[32];
    snprintf(word, sizeof word, ",%lu,", n);
    return strstr(list, word) != NULL;
}

static void run(uint64_t seed, unsigned long wanted, int port, const char *skip)
{
    unsigned long until = calls + wanted;
    printf("seed %lu\n", (unsigned long)seed);
    step = 0;
    for (bool more = true; calls < until || !game.closed;) {
        state =
            (seed + 1) * 0x9e3779b97f4a7c15ULL + ++step * 0xd1342543de82ef95ULL; /* each step draws its own */
        chance(2);
        if (game.closed && calls >= until)
            break;
        if (game.closed)
            more = begin(port);
        else if (!is_skipped(skip, step))
            more = play();
        if (!more) { /* another process has ended it */
            game.closed = true;
            return;
        }
        if (step % STEPS_OF_CONNECTION == 0 || count_fds() == 0 || calls >= until)
            end();
    }
}

int main(int argc, char **argv)
{
    if (argc < 6)
        return 2;
    uint64_t first = strtoull(argv[1], NULL, 10), last = strtoull(argv[2], NULL, 10);
    static char out[1 << 16];
    self = (int)gettid();
    setvbuf(stdout, out, argc > 6 && *argv[6] ? _IOLBF : _IOFBF, sizeof out);
    signals_init();
    talk_to_peer(3, 4);
    game.closed = true;
    with_threads = first / SEEDS_ALIKE % 2; /* a process cannot go back */
    for (uint64_t seed = first; seed <= last; seed++)
        run(seed, strtoul(argv[3], NULL, 10), atoi(argv[4]), argv[5]);
    fprintf(stderr, "%lu\n", calls);
    return 0;
}
