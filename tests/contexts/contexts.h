/* SPDX-License-Identifier: MIT */
/*
 * A snippet does something with one call of libc, on several kinds of descriptors, and says what came of it.
 * It is named after the call, which stands in its own body: run finds there, in the object, which names are
 * called.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct ends {
    const char *kind; /* pipe, pair, tcp: both ends are here; conn: a peer sends back what it gets */
    int r, w; /* what is written to w can be read from r; one descriptor for pair's, tcp's and conn's ends */
};
static inline bool is_conn(const struct ends *e)
{
    return e->kind[0] == 'c';
}

enum runs {
    ON_EACH,  /* kind of ends */
    ONCE,     /* it is not about a descriptor: one kind is enough */
    THREADED, /* libc starts a thread for it, which a child of vfork cannot have */
};

struct snippet {
    const char *name;
    void (*run)(struct ends *e);
    enum runs runs;
};

#define SNIPPET_ENTRY(call, how)                                                                             \
    static void snippet_##call(struct ends *e);                                                              \
    static const struct snippet entry_##call = {#call, snippet_##call, how};                                 \
    static const struct snippet *const listed_##call __attribute__((used, section("snippets"))) =            \
        &entry_##call;                                                                                       \
    __attribute__((noinline)) static void snippet_##call(struct ends *e)
#define SNIPPET(call)          SNIPPET_ENTRY(call, ON_EACH)
#define SNIPPET_ONCE(call)     SNIPPET_ENTRY(call, ONCE)
#define SNIPPET_THREADED(call) SNIPPET_ENTRY(call, THREADED)

/* A line of the trace: no stdio, for a child of vfork and a handler say things too. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same for a call: its result, and errno's name if that is -1. */
void said(const char *call, long result);
/* `len` bytes of what was read. */
void said_bytes(const char *call, ssize_t result, const char *at);

/* The bytes go to e->w, by write(). */
void put(const struct ends *e, const char *text);
/* So many bytes come from e->r, and are said. */
void take(const struct ends *e, size_t len);
/* They are there to be read, all of them. */
void arrived(const struct ends *e, size_t len);
/* A call that may read as much as this at once; the compiler does not know how much it is. */
extern volatile size_t hello_len;
#define HELLO "hello"

/* A listening socket on loopback that no policy names, and its port in network order. */
int listener(unsigned short *port);
/* The end of a child, as text. */
void said_child(pid_t pid);
/* What a child wrote to the other end of a pipe whose end this is; closes it. */
void said_output(int fd);

/* All snippets in the context that argv[1] names; a status. */
int contexts_run(int argc, char **argv);
