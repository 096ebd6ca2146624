/* SPDX-License-Identifier: MIT */
/*
 * Many connects of one kind: swarm HOW ADDRESS PORT TIMES. Sends $REQUEST and reads the answer to its end
 * where the kind says so. Prints "bad N"; what went wrong is on stderr. To be linked statically.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 20000
#define THREADS     16

static struct sockaddr_storage to;
static socklen_t to_len;
static int times;
static const char *request;

/* ---- small things ---- */

/* 1, said */
static int bad(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, errno ? strerror(errno) : "not as it should be");
    return 1;
}

static int new_socket(int flags)
{
    errno = 0;
    return socket(to.ss_family, SOCK_STREAM | flags, 0);
}

static int dial(int s)
{
    return connect(s, (struct sockaddr *)&to, to_len);
}

static int error_of(int s)
{
    int error = -1;
    socklen_t len = sizeof error;
    getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &len);
    errno = error;
    return error;
}

static short await(int s, short events)
{
    struct pollfd p = {.fd = s, .events = events};
    int n;
    while ((n = poll(&p, 1, PATIENCE_MS)) < 0 && errno == EINTR)
        continue;
    return n > 0 ? p.revents : 0;
}

static bool goes_on(int s, short events)
{
    return errno == EINTR || (errno == EAGAIN && await(s, events));
}

/* The request, and the answer to its end. */
static int converse(int s)
{
    char answer[4096];
    size_t len = strlen(request), at = 0, got = 0;
    ssize_t n = 0;
    while (at < len && ((n = send(s, request + at, len - at, MSG_NOSIGNAL)) >= 0 || goes_on(s, POLLOUT)))
        at += n > 0 ? (size_t)n : 0;
    if (at < len)
        return bad("send");
    while (got < sizeof answer &&
           ((n = recv(s, answer + got, sizeof answer - got, 0)) > 0 || (n < 0 && goes_on(s, POLLIN))))
        got += n > 0 ? (size_t)n : 0;
    if (n != 0)
        return bad("recv");
    return got < 12 || memcmp(answer, "HTTP/1.1 200", 12) != 0 ? bad("answer") : 0;
}

static int converse_and_close(int s)
{
    int wrong = converse(s);
    close(s);
    return wrong;
}

/* ---- ways to wait ---- */

static int by_epoll(int s, uint32_t events, bool before)
{
    int set = epoll_create1(0), n, result;
    struct epoll_event e = {.events = events};
    if (before)
        epoll_ctl(set, EPOLL_CTL_ADD, s, &e);
    result = dial(s);
    if (!before)
        epoll_ctl(set, EPOLL_CTL_ADD, s, &e);
    if (result != 0 && errno != EINPROGRESS)
        return bad("connect");
    do /* a socket that is not dialled is writable and hung up */
        n = epoll_wait(set, &e, 1, PATIENCE_MS);
    while (n > 0 && before && e.events & EPOLLHUP);
    close(set);
    errno = 0;
    return n != 1 || e.events != EPOLLOUT ? bad("epoll_wait") : 0;
}

static int by_edge_before(int s)
{
    return by_epoll(s, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, true);
}

static int by_level(int s)
{
    return by_epoll(s, EPOLLIN | EPOLLOUT, false);
}

static int by_oneshot(int s)
{
    return by_epoll(s, EPOLLOUT | EPOLLET | EPOLLONESHOT, false);
}

static int by_poll(int s)
{
    if (dial(s) != 0 && errno != EINPROGRESS)
        return bad("connect");
    return await(s, POLLIN | POLLOUT | POLLPRI | POLLRDHUP) != POLLOUT ? bad("poll") : 0;
}

static int by_select(int s)
{
    fd_set out;
    struct timeval t = {.tv_sec = PATIENCE_MS / 1000};
    if (dial(s) != 0 && errno != EINPROGRESS)
        return bad("connect");
    FD_ZERO(&out);
    FD_SET(s, &out);
    return select(s + 1, NULL, &out, NULL, &t) != 1 ? bad("select") : 0;
}

static int by_asking(int s)
{
    for (int i = 0; dial(s) != 0 && errno != EISCONN; i++) {
        if ((errno != EALREADY && errno != EINPROGRESS) || i == PATIENCE_MS)
            return bad("connect again");
        usleep(1000);
    }
    return 0;
}

static int nonblocking(void)
{
    static int (*const ways[])(int) = {by_edge_before, by_level, by_oneshot, by_poll, by_select, by_asking};
    int wrong = 0;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof peer;
        int s = new_socket(SOCK_NONBLOCK);
        if (ways[i](s) != 0 || error_of(s) != 0 || getpeername(s, (struct sockaddr *)&peer, &len) != 0)
            wrong += bad("way");
        else
            wrong += converse(s);
        close(s);
    }
    return wrong;
}

/* ---- kinds ---- */

static int blocking(void)
{
    int s = new_socket(0);
    return dial(s) != 0 ? bad("connect") : converse_and_close(s);
}

static int closed_at_once(void)
{
    int s = new_socket(0), wrong = dial(s) != 0 ? bad("connect") : 0;
    return close(s), wrong;
}

static int abandoned(void)
{
    int s = new_socket(SOCK_NONBLOCK), wrong = dial(s) != 0 && errno != EINPROGRESS ? bad("connect") : 0;
    return close(s), wrong;
}

/* Another socket takes the number of one that is on its way. */
static int replaced(void)
{
    int s = new_socket(SOCK_NONBLOCK), other = new_socket(0);
    dial(s);
    dup2(other, s);
    close(other);
    return dial(s) != 0 ? bad("connect") : converse_and_close(s);
}

/* A child goes on with what its parent has begun. */
static int inherited(void)
{
    int s = new_socket(SOCK_NONBLOCK), status;
    dial(s);
    pid_t pid = fork();
    if (pid == 0)
        _exit(await(s, POLLOUT) != POLLOUT || error_of(s) != 0 || converse(s) != 0);
    close(s);
    waitpid(pid, &status, 0);
    return status != 0;
}

/* shutdown() of a socket that is no connection fails, and is remembered: connect() takes its time all the
 * same. Prints how it ended. */
static int shut_before(void)
{
    int s = new_socket(0);
    shutdown(s, SHUT_RDWR);
    puts(dial(s) == 0 ? "connected" : strerrorname_np(errno));
    return close(s);
}

static int from_a_port(void)
{
    static unsigned short port = 24000;
    struct sockaddr_storage from = {.ss_family = to.ss_family};
    struct sockaddr_in is = {0}; /* of the other family's it takes the first part, which has the port */
    socklen_t len = sizeof is;
    int s = new_socket(0);
    do
        ((struct sockaddr_in *)&from)->sin_port = htons(++port);
    while (bind(s, (struct sockaddr *)&from, to_len) != 0);
    if (dial(s) != 0 || getsockname(s, (struct sockaddr *)&is, &len) != 0)
        return bad("connect");
    errno = 0;
    if (is.sin_port != htons(port))
        return bad("port");
    return converse_and_close(s);
}

/* Prints the errno of a connect() that does not wait. */
static int unreachable(void)
{
    puts(dial(new_socket(SOCK_NONBLOCK)) == 0 ? "connected" : strerrorname_np(errno));
    return 0;
}

static int repeat(int (*kind)(void))
{
    int wrong = 0;
    for (int i = 0; i < times; i++)
        wrong += kind();
    return wrong;
}

static void *in_thread(void *arg)
{
    *(int *)arg = repeat(blocking);
    return NULL;
}

static int threads(void)
{
    pthread_t t[THREADS];
    int wrong[THREADS], sum = 0;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, in_thread, &wrong[i]);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(t[i], NULL);
        sum += wrong[i];
    }
    return sum;
}

static void nothing(int number)
{
    (void)number;
}

/* Calls are interrupted all the time, and restarted. */
static int under_signals(void)
{
    struct sigaction a = {.sa_handler = nothing, .sa_flags = SA_RESTART};
    struct itimerval t = {.it_value = {.tv_usec = 900}, .it_interval = {.tv_usec = 900}};
    sigaction(SIGALRM, &a, NULL);
    setitimer(ITIMER_REAL, &t, NULL);
    return repeat(blocking);
}

static const struct {
    const char *name;
    int (*run)(void);
    bool all; /* is asked once for all */
} kinds[] = {
    {"nonblocking", nonblocking, false},
    {"blocking", blocking, false},
    {"closed-at-once", closed_at_once, false},
    {"abandoned", abandoned, false},
    {"replaced", replaced, false},
    {"inherited", inherited, false},
    {"shut-before", shut_before, false},
    {"from-a-port", from_a_port, false},
    {"unreachable", unreachable, false},
    {"threads", threads, true},
    {"under-signals", under_signals, true},
};

static void put_address(const char *address, const char *port)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&to;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&to;
    bool v4 = inet_pton(AF_INET, address, &in->sin_addr) == 1;
    in->sin_port = htons((unsigned short)atoi(port)); /* at the same place in both */
    to.ss_family = v4 ? AF_INET : AF_INET6;
    to_len = v4 ? sizeof *in : sizeof *in6;
    if (!v4)
        inet_pton(AF_INET6, address, &in6->sin6_addr);
}

int main(int argc, char **argv)
{
    if (argc < 5)
        return 2;
    request = getenv("REQUEST");
    times = atoi(argv[4]);
    put_address(argv[2], argv[3]);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, argv[1]) == 0) {
            int wrong = kinds[i].all ? kinds[i].run() : repeat(kinds[i].run);
            printf("bad %d\n", wrong);
            return wrong != 0;
        }
    return 2;
}
