/* SPDX-License-Identifier: MIT */
/* Talking to the peer. */
#include "tests/differential/driver.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int orders, answers;

bool talk_to_peer(int orders_fd, int answers_fd)
{
    orders = orders_fd;
    answers = answers_fd;
    return true;
}

static void write_order(const char *line, size_t len)
{
    if (write(orders, line, len) != (ssize_t)len) {
        fprintf(stderr, "the peer is gone\n");
        exit(3);
    }
}

static const char *answer(void)
{
    static char line[100];
    size_t len = 0;
    while (len == 0 || line[len - 1] != '\n') {
        ssize_t n = read(answers, line + len, sizeof line - len);
        if (n <= 0) {
            fprintf(stderr, "the peer is gone\n");
            exit(3);
        }
        len += (size_t)n;
    }
    line[len - 1] = 0;
    return line;
}

const char *tell(const char *format, ...)
{
    char line[100];
    va_list ap;
    va_start(ap, format);
    int len = vsnprintf(line, sizeof line - 1, format, ap);
    va_end(ap);
    line[len] = '\n';
    write_order(line, (size_t)len + 1);
    return answer();
}

bool peer_sends(size_t bytes)
{
    if (!peer_may_send(bytes))
        return false;
    tell("send %zu", bytes);
    game.unread += bytes;
    return true;
}

void when_asleep(int tid, const char *format, ...)
{
    char order[60];
    va_list ap;
    va_start(ap, format);
    vsnprintf(order, sizeof order, format, ap);
    va_end(ap);
    tell("asleep %d %d %s", (int)getpid(), tid, order);
}

void settle(void)
{
    if (game.owed && !game.reset)
        trace("peer", 0, "%s", tell("read %zu", game.owed));
    game.owed = 0;
}
