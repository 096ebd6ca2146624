/* SPDX-License-Identifier: MIT */
/*
 * The driver of the differential tester: a sequence of socket calls that depends on the seed alone, and a
 * line for what each gave. Over plain TCP and under tlsup the lines are to be the same.
 *
 *   driver SEED CALLS PORT SKIP     orders to the peer on descriptor 3, its answers on 4, the trace on stdout
 *
 * SKIP is a list of numbers of steps that are left out (",3,7,"), which is how a failure is made smaller: the
 * draws of a step that is left out are made all the same.
 */
#include "tests/differential/driver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct game game;

static uint64_t state;
static unsigned long calls, step;
static FILE *orders, *answers;

uint32_t chance(uint32_t below)
{
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)((state >> 33) % below);
}

void trace(const char *call, long result, const char *format, ...)
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

const char *tell(const char *format, ...)
{
    static char answer[100];
    va_list ap;
    va_start(ap, format);
    vfprintf(orders, format, ap);
    va_end(ap);
    fputc('\n', orders);
    fflush(orders);
    if (!fgets(answer, sizeof answer, answers)) {
        fprintf(stderr, "the peer is gone\n");
        exit(3);
    }
    answer[strcspn(answer, "\n")] = 0;
    return answer;
}

int any_fd(void)
{
    uint32_t n = chance(NUMBERS);
    for (uint32_t i = 0; i < NUMBERS; i++)
        if (game.fds[(n + i) % NUMBERS] >= 0)
            return game.fds[(n + i) % NUMBERS];
    return -1;
}

static void send_head(int fd)
{
    static const char head[] =
        "POST /x HTTP/1.1\r\nHost: localhost\r\nX-Canary: canary-of-the-differential\r\n"
        "Content-Length: 4000000000\r\n\r\n";
    size_t len = sizeof head - 1, at = 0;
    while (at < len) {
        size_t part = 1 + chance((uint32_t)len);
        ssize_t n = send(fd, head + at, part < len - at ? part : len - at, MSG_NOSIGNAL);
        if (n <= 0) {
            trace("head", -1, " ");
            return;
        }
        at += (size_t)n;
    }
    trace("head", 0, "peer %s", tell("read %zu", len));
}

bool begin(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    bool edge = chance(2);
    struct epoll_event early = {.events = EPOLLIN | (edge ? EPOLLET : 0), .data.u64 = 0xfeedULL << 48 | edge};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memset(&game, 0, sizeof game);
    for (int i = 0; i < NUMBERS; i++)
        game.fds[i] = -1;
    game.sets[0] = epoll_create1(EPOLL_CLOEXEC);
    game.sets[1] = epoll_create1(EPOLL_CLOEXEC);
    int fd = game.fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (chance(3) == 0)
        trace("add early", epoll_ctl(game.sets[0], EPOLL_CTL_ADD, fd, &early), " ");
    if (chance(3) == 0)
        game.fds[1] = dup(fd);
    trace("connect", connect(fd, (struct sockaddr *)&to, sizeof to), " ");
    tell("accept");
    send_head(fd);
    return true;
}

static void end(void)
{
    for (int i = 0; i < NUMBERS; i++)
        if (game.fds[i] >= 0)
            trace("close", close(game.fds[i]), " ");
    close(game.sets[0]);
    close(game.sets[1]);
    tell("close");
}

static void play(void)
{
    switch (chance(24)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
    case 5: do_send(); break;
    case 6:
    case 7:
    case 8:
    case 9:
    case 10:
    case 11: do_receive(); break;
    case 12:
    case 13:
    case 14: do_wait(); break;
    case 15:
    case 16:
    case 17:
    case 18: do_epoll(); break;
    case 19:
    case 20: do_number(); break;
    case 21:
    case 22: do_option(); break;
    default: do_end(); break;
    }
}

static bool is_skipped(const char *list, unsigned long n)
{
    char word[32];
    snprintf(word, sizeof word, ",%lu,", n);
    return strstr(list, word) != NULL;
}

int main(int argc, char **argv)
{
    if (argc < 5)
        return 2;
    unsigned long wanted = strtoul(argv[2], NULL, 10);
    uint64_t seed = strtoull(argv[1], NULL, 10) * 0x9e3779b97f4a7c15ULL;
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    orders = fdopen(3, "w");
    answers = fdopen(4, "r");
    game.closed = true;
    while (calls < wanted) {
        state = seed + ++step * 0xd1342543de82ef95ULL; /* each step draws its own numbers */
        if (game.closed)
            begin(atoi(argv[3]));
        else if (!is_skipped(argv[4], step))
            play();
        if (!game.closed && (step % 60 == 0 || any_fd() < 0)) {
            end();
            game.closed = true;
        }
    }
    if (!game.closed)
        end();
    fprintf(stderr, "%lu\n", calls);
    return 0;
}
