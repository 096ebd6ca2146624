/* SPDX-License-Identifier: MIT */
#include "tests/origin/journal.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

struct sink {
    int fd;
    unsigned long last; /* the connection that wrote last: its next bytes need no marker */
    pthread_mutex_t lock;
};

static struct sink clear_sink = {.fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER};
static struct sink inside_sink = {.fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER};
static int events_fd = -1;

static int open_log(const char *dir, const char *name)
{
    char path[4096];

    if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
        return -1;
    return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
}

bool journal_open(const char *dir, bool quiet)
{
    clear_sink.fd = open_log(dir, "clear.log");
    inside_sink.fd = open_log(dir, "inside.log");
    events_fd = open_log(dir, "events.log");
    if (clear_sink.fd < 0 || inside_sink.fd < 0 || events_fd < 0)
        return false;
    if (quiet) {
        close(clear_sink.fd);
        close(inside_sink.fd);
        close(events_fd);
        clear_sink.fd = inside_sink.fd = events_fd = -1;
    }
    return true;
}

static size_t escape(char *out, size_t size, const char *text)
{
    size_t at = 0;

    for (; *text && at + 5 < size; text++) {
        unsigned char c = (unsigned char)*text;
        if (c >= 0x20 && c < 0x7f)
            out[at++] = (char)c;
        else
            at += (size_t)snprintf(out + at, 5, "\\x%02x", c);
    }
    return at;
}

void journal_event(unsigned long id, const char *fmt, ...)
{
    char text[1024], line[1100];
    va_list ap;
    int n;
    size_t at;

    if (events_fd < 0)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    n = snprintf(line, sizeof(line), "conn %lu ", id);
    at = (size_t)n + escape(line + n, sizeof(line) - (size_t)n - 1, text);
    line[at++] = '\n';
    if (write(events_fd, line, at) < 0)
        perror("origin: events.log");
}

/* marker (if another connection wrote last), the repeated tail, the bytes: in one writev */
static void put(struct sink *s, unsigned long id, const struct journal_tail *tail, const void *data,
                size_t len)
{
    char marker[48];
    struct iovec iov[3] = {{marker, 0}, {NULL, 0}, {(void *)data, len}};

    pthread_mutex_lock(&s->lock);
    if (s->last != id) {
        iov[0].iov_len = (size_t)snprintf(marker, sizeof(marker), "\n--- conn %lu\n", id);
        iov[1].iov_base = (void *)tail->last;
        iov[1].iov_len = tail->len;
        s->last = id;
    }
    if (writev(s->fd, iov, 3) < 0)
        perror("origin: log");
    pthread_mutex_unlock(&s->lock);
}

static void keep_tail(struct journal_tail *tail, const unsigned char *data, size_t len)
{
    if (len >= JOURNAL_TAIL) {
        memcpy(tail->last, data + len - JOURNAL_TAIL, JOURNAL_TAIL);
        tail->len = JOURNAL_TAIL;
        return;
    }
    if (tail->len + len > JOURNAL_TAIL) {
        size_t drop = tail->len + len - JOURNAL_TAIL;
        memmove(tail->last, tail->last + drop, tail->len - drop);
        tail->len -= drop;
    }
    memcpy(tail->last + tail->len, data, len);
    tail->len += len;
}

void journal_clear(unsigned long id, struct journal_tail *tail, const void *data, size_t len)
{
    if (clear_sink.fd < 0 || len == 0)
        return;
    put(&clear_sink, id, tail, data, len);
    keep_tail(tail, data, len);
}

void journal_inside(unsigned long id, const void *data, size_t len)
{
    static const struct journal_tail none;

    if (inside_sink.fd >= 0 && len > 0)
        put(&inside_sink, id, &none, data, len);
}
