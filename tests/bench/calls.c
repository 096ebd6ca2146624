/* SPDX-License-Identifier: MIT */
/* calls: what calls cost on descriptors that are no connection of tlsup's. A line each: name, nanoseconds for
 * one. Of many batches the quickest counts: it is the one that nothing else disturbed. */
#include "tests/bench/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCHES = 60, BATCH = 5000 };

static int zero, null, pair[2];
static char byte;

static void one_read(void)
{
    (void)!read(zero, &byte, 1);
}

static void one_write(void)
{
    (void)!write(null, &byte, 1);
}

static void one_poll(void)
{
    struct pollfd p = {.fd = null, .events = POLLOUT};

    poll(&p, 1, 0);
}

static void one_recv(void)
{
    recv(pair[0], &byte, 1, MSG_DONTWAIT); /* nothing is there: EAGAIN */
}

static void one_close(void)
{
    close(-1);
}

static double quickest(void (*call)(void))
{
    double best = 1e18;

    for (int batch = 0; batch < BATCHES; batch++) {
        double begun = clock_wall();
        for (int i = 0; i < BATCH; i++)
            call();
        double took = clock_wall() - begun;
        if (took < best)
            best = took;
    }
    return best / BATCH;
}

int main(void)
{
    static const struct {
        const char *name;
        void (*call)(void);
    } calls[] = {{"read", one_read},
                 {"write", one_write},
                 {"poll", one_poll},
                 {"recv", one_recv},
                 {"close", one_close}};

    zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (zero < 0 || null < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0) {
        perror("calls");
        return 1;
    }
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        printf("%s %.2f\n", calls[i].name, quickest(calls[i].call));
    return 0;
}
