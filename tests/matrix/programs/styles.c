/* SPDX-License-Identifier: MIT */
/*
 * styles STYLE HOST PORT TARGET: GET over HTTP/1.0, the body on stdout. A style is a way to do I/O on a
 * socket, one a run; see the table at the end. Built with _FORTIFY_SOURCE, so that the checked forms are
 * called.
 */
#include "tests/matrix/programs/styles.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char request[2048];
size_t request_len;
char buf[65536];
struct sockaddr_storage to;
socklen_t to_len;

void die(const char *what)
{
    perror(what);
    exit(2);
}

/* ---- where the answer goes ---- */

bool head_done;
static char head[65536];
static size_t head_len;

void out(const char *at, size_t len)
{
    while (len) {
        ssize_t n = write(STDOUT_FILENO, at, len);
        if (n <= 0)
            die("write");
        at += n;
        len -= (size_t)n;
    }
}

void sink(const char *at, size_t len)
{
    if (head_done) {
        out(at, len);
        return;
    }
    if (head_len + len > sizeof head)
        die("head");
    memcpy(head + head_len, at, len);
    head_len += len;
    char *end = memmem(head, head_len, "\r\n\r\n", 4);
    if (!end)
        return;
    if (memcmp(head, "HTTP/1.1 200", 12) != 0)
        die("status");
    head_done = true;
    out(end + 4, head_len - (size_t)(end + 4 - head));
}

/* ---- small things ---- */

static void resolve(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_INET}, *found;
    if (getaddrinfo(host, port, &hints, &found) != 0)
        die("getaddrinfo");
    memcpy(&to, found->ai_addr, found->ai_addrlen);
    to_len = found->ai_addrlen;
    freeaddrinfo(found);
}

int dial(int type)
{
    int s = socket(to.ss_family, SOCK_STREAM | type, 0);
    if (s < 0 || (connect(s, (struct sockaddr *)&to, to_len) != 0 && errno != EINPROGRESS))
        die("connect");
    return s;
}

void ask(int s)
{
    if (write(s, request, request_len) != (ssize_t)request_len)
        die("write");
}

void drain(int s)
{
    ssize_t n;
    while ((n = read(s, buf, sizeof buf)) > 0)
        sink(buf, (size_t)n);
    if (n < 0)
        die("read");
}

void read_head(int s)
{
    while (!head_done && read(s, buf, 1) == 1)
        sink(buf, 1);
}

static const struct {
    const char *name;
    void (*run)(void);
} styles[] = {
    {"rw", style_rw},
    {"gethostbyname", style_by_hostent},
    {"onebyte", style_one_byte},
    {"shutwr", style_shut_write},
    {"msg", style_messages},
    {"mmsg", style_many_messages},
    {"iov", style_vectors},
    {"peek", style_peek},
    {"waitall", style_wait_all},
    {"rcvtimeo", style_timeouts},
    {"fastopen", style_fast_open},
    {"poll", style_by_poll},
    {"poll-again", style_by_poll_again},
    {"select", style_by_select},
    {"epoll-oneshot", style_by_epoll_oneshot},
    {"epoll-before", style_by_epoll_before},
    {"fionread", style_by_fionread},
    {"stdio", style_one_stream},
    {"stdio2", style_two_streams},
    {"dprintf", style_by_dprintf},
    {"splice", style_by_splice},
    {"sendfile", style_by_sendfile},
    {"aio", style_by_aio},
    {"dup", style_duplicates},
    {"forkwrite", style_fork_write},
    {"forkread", style_fork_read},
    {"execcat", style_exec_cat},
    {"spawncat", style_spawn_cat},
    {"threads", style_threads},
    {"syscall", style_by_syscall},
#if defined(__x86_64__) || defined(__aarch64__)
    {"instruction", style_by_instruction},
#endif
#ifdef WITH_URING
    {"uring", style_by_uring},
    {"uring-or-not", style_by_uring_or_not},
#endif
};

int main(int argc, char **argv)
{
    if (argc < 5)
        return 64;
    request_len =
        (size_t)snprintf(request, sizeof request, "GET %s HTTP/1.0\r\nHost: %s:%s\r\nUser-Agent: %s\r\n\r\n",
                         argv[4], argv[2], argv[3], argv[1]);
    resolve(argv[2], argv[3]);
    for (size_t i = 0; i < sizeof styles / sizeof *styles; i++)
        if (strcmp(styles[i].name, argv[1]) == 0) {
            styles[i].run();
            return head_done ? 0 : 9;
        }
    fprintf(stderr, "styles: no style '%s'\n", argv[1]);
    return 65;
}
