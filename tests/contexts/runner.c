/* SPDX-License-Identifier: MIT */
/*
 *   contexts CONTEXT PORT CANARY    every snippet in that context; the trace goes to stdout
 *
 * This is in a library, because library and plugin are its constructor: the former runs before that of an
 * object that is preloaded, the latter when a program that runs already opens the library.
 *
 *   main  thread  signal (a handler)  vfork (its child)
 *   atfork, atfork-early: the child's handler; the latter was registered before any that a preloaded object
 * registers A connection of a child was made by its parent, and in atfork-early by itself.
 */
#include "tests/contexts/contexts.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern const struct snippet *const __start_snippets[], *const __stop_snippets[]; /* the linker's */

static const char *context = "";
static int port;
static const char *canary;
static const char *const kinds[] = {"pipe", "pair", "tcp", "conn"};
#define KINDS (sizeof kinds / sizeof kinds[0])

/* ---- descriptors ---- */

static bool in(const char *name)
{
    return strcmp(context, name) == 0;
}

static void fatal(const char *what)
{
    say("%s failed", what);
    perror(what);
    _exit(9);
}

static int dial(unsigned short to)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = to};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&in, sizeof in) != 0)
        fatal("connect");
    return fd;
}

/* A connection to the peer, past the heads of a request and a response that never end. */
static void open_conn(struct ends *e)
{
    char head[200], byte;
    unsigned end = 0;
    e->r = e->w = dial(htons((unsigned short)port));
    snprintf(head, sizeof head,
             "POST /%s HTTP/1.1\r\nHost: localhost:%d\r\nX-Canary: %s\r\nContent-Length: 1000000000\r\n\r\n",
             context, port, canary);
    put(e, head);
    while (end < 4 && read(e->r, &byte, 1) == 1)
        end = byte == "\r\n\r\n"[end] ? end + 1 : byte == '\r';
    if (end < 4)
        fatal("no response");
}

static void open_tcp(struct ends *e)
{
    unsigned short at;
    int l = listener(&at);
    e->w = dial(at);
    e->r = accept(l, NULL, NULL);
    close(l);
}

static void open_ends(struct ends *e, const char *kind)
{
    int two[2] = {-1, -1};
    e->kind = kind;
    if (is_conn(e)) {
        open_conn(e);
        return;
    }
    if (strcmp(kind, "tcp") == 0) {
        open_tcp(e);
        return;
    }
    if ((kind[1] == 'i' ? pipe(two) : socketpair(AF_UNIX, SOCK_STREAM, 0, two)) != 0)
        fatal("descriptors");
    e->r = two[0];
    e->w = two[1];
}

static void close_ends(const struct ends *e)
{
    close(e->r);
    if (e->w != e->r)
        close(e->w);
}

/* ---- one snippet ---- */

static const struct snippet *current;
static struct ends *current_ends; /* of atfork-early only the kind: its child makes them */

static void run_here(const struct snippet *s, struct ends *e)
{
    /* NOLINTNEXTLINE(bugprone-signal-handler,cert-sig30-c): what is called from a handler is the subject */
    say("-- %s on %s", s->name, e->kind);
    s->run(e);
}

static void in_handler(int signal)
{
    (void)signal;
    run_here(current, current_ends);
}

static void in_child(void)
{
    struct ends e;
    if (!current)
        return;
    const struct snippet *s = current;
    current = NULL; /* children of the snippet are none of ours */
    if (in("atfork-early"))
        open_ends(&e, current_ends->kind);
    else
        e = *current_ends;
    run_here(s, &e);
    _exit(0);
}

static void run_in_vfork(const struct snippet *s, struct ends *e)
{
    pid_t pid = vfork();
    if (pid == 0) {
        run_here(s, e);
        _exit(0);
    }
    said_child(pid);
}

static void run_in_fork(void)
{
    pid_t pid = fork(); /* the child ends in its handler */
    current = NULL;
    said_child(pid);
}

static void run_one(const struct snippet *s, const char *kind)
{
    struct ends e = {kind, -1, -1};
    if (!in("atfork-early"))
        open_ends(&e, kind);
    current = s;
    current_ends = &e;
    if (in("signal"))
        raise(SIGUSR1);
    else if (in("vfork"))
        run_in_vfork(s, &e);
    else if (in("atfork") || in("atfork-early"))
        run_in_fork();
    else
        run_here(s, &e);
    current = NULL;
    current_ends = NULL;
    if (!in("atfork-early"))
        close_ends(&e);
}

static void *run_all(void *unused)
{
    for (const struct snippet *const *s = __start_snippets; s != __stop_snippets; s++)
        for (size_t k = 0; k < ((*s)->runs == ONCE ? 1 : KINDS); k++)
            if ((*s)->runs != THREADED || !in("vfork"))
                run_one(*s, kinds[k]);
    return unused;
}

/* ---- the context ---- */

static int prepare(int argc, char **argv)
{
    if (argc == 5) { /* plugin names the library first */
        argc--;
        argv++;
    }
    if (argc != 4)
        return 2;
    context = argv[1];
    port = atoi(argv[2]);
    canary = argv[3];
    signal(SIGPIPE, SIG_IGN);
    signal(SIGUSR1, in_handler);
    return 0;
}

int contexts_run(int argc, char **argv)
{
    pthread_t thread;
    if (prepare(argc, argv) != 0)
        return 2;
    if (in("library") || in("plugin"))
        return 0; /* done already */
    if (in("atfork"))
        pthread_atfork(NULL, NULL, in_child);
    if (!in("thread"))
        run_all(NULL);
    else if (pthread_create(&thread, NULL, run_all, NULL) != 0 || pthread_join(thread, NULL) != 0)
        return 3;
    return 0;
}

__attribute__((constructor)) static void before_main(int argc, char **argv)
{
    if (prepare(argc, argv) != 0)
        return;
    if (in("atfork-early"))
        pthread_atfork(NULL, NULL, in_child);
    if (in("library") || in("plugin"))
        run_all(NULL);
}
