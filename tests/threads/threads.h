/* SPDX-License-Identifier: MIT */
/* What the files of the threaded driver share: a way to the server, and jobs, each run by several threads. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Ends the process with a message: what a job did not get is an error of the shim. */
void wrong(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* The time is over: jobs end when they have finished what they began. */
bool over(void);

/* A connection to the server, blocking. */
int dial(void);
/* GET PATH goes out, with the canary. */
void ask(int fd, const char *path);
/* All of it. */
void send_all(int fd, const char *at, size_t len);

struct answer { /* of /bytes/N, taken in pieces; all zero: nothing yet */
    char head[1024];
    size_t head_len, body, expected;
    bool in_body;
};
/* What came is an answer's next piece, and right. True: it is complete. */
bool take(struct answer *a, const char *at, size_t len);

/* jobs; each is one thread's work, and number tells threads of one job apart */
typedef void job(int number);
job fetch_blocking, fetch_polling, fetch_selecting, converse, wait_together, feed_together, duplicate,
    close_under, fork_beside, ask_about, resolve;
