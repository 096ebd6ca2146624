/* SPDX-License-Identifier: MIT */
/*
 * A connection that is used while a handler runs some thousand times a second.
 *
 *   storm WAY PORT CANARY     ways: see the table at the end; prints what is wrong, or "ok"
 *
 * The handler counts, looks at the connection that is being used, uses another one, or leaves by
 * siglongjmp(); and threads are cancelled at any instruction. Whatever it was that was interrupted, every
 * byte is right, the thread is left as it was, and the connection answers.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define BODY   300000UL
#define RUNS   400  /* of the handler, at least */
#define LEAPS  300  /* out of a call */
#define VALUES 5000 /* signals */
#define PERIOD 150L /* microseconds */

static struct sockaddr_in server = {.sin_family = AF_INET};
static const char *canary;

static void wrong(const char *what)
{
    printf("%s: %s\n", what, strerror(errno));
    exit(1);
}

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval patience = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    while (connect(fd, (struct sockaddr *)&server, sizeof server) != 0)
        if (errno != EINTR)
            wrong("connect");
    return fd;
}

static unsigned char byte_at(unsigned long i) /* tests/origin/pattern.h */
{
    return (unsigned char)(i * 31 + (i >> 8));
}

/* One answer, as far as it was read. */
struct answer {
    int fd;
    char head[1024];
    size_t head_len;
    bool in_body;
    unsigned long body;
};

static void ask(struct answer *a, int fd)
{
    char request[256];
    int len = snprintf(request, sizeof request,
                       "GET /bytes/%lu HTTP/1.1\r\nHost: localhost:%u\r\nX-Canary: %s\r\n\r\n", BODY,
                       ntohs(server.sin_port), canary);
    *a = (struct answer){.fd = fd};
    for (int sent = 0; sent < len;) {
        ssize_t n = send(fd, request + sent, (size_t)(len - sent), MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            wrong("send");
        sent += n > 0 ? (int)n : 0;
    }
}

static void take(struct answer *a, const unsigned char *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (a->in_body) {
            if (at[i] != byte_at(a->body++)) {
                printf("byte %lu of the body is wrong\n", a->body - 1);
                exit(1);
            }
            continue;
        }
        if (a->head_len == sizeof a->head)
            wrong("head too long");
        a->head[a->head_len++] = (char)at[i];
        a->in_body = a->head_len >= 4 && memcmp(a->head + a->head_len - 4, "\r\n\r\n", 4) == 0;
    }
}

/* Reads on with these flags: false when there is nothing now. */
static bool go_on(struct answer *a, size_t room, int flags)
{
    unsigned char buf[20000];
    ssize_t n = recv(a->fd, buf, room < sizeof buf ? room : sizeof buf, flags);
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
        wrong("recv");
    if (n > 0)
        take(a, buf, (size_t)n);
    return n > 0;
}

/* ---- the storm ---- */

static volatile sig_atomic_t runs, leaps, armed;
static struct answer mine, other;
static int my_fd; /* mine.fd, which is 0 for a moment when ask() begins a new answer */
static sigjmp_buf back;
static void (*in_handler)(void);

static void handler(int signal, siginfo_t *info, void *context)
{
    int saved = errno;
    (void)context;
    if (info->si_signo != signal || info->si_code != SI_KERNEL)
        wrong("not the timer's signal");
    runs++;
    if (in_handler)
        in_handler();
    errno = saved;
}

static void begin(void (*what)(void))
{
    struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_RESTART | SA_SIGINFO};
    struct itimerval t = {{0, PERIOD}, {0, PERIOD}};
    in_handler = what;
    sigaction(SIGALRM, &a, NULL);
    setitimer(ITIMER_REAL, &t, NULL);
}

static void end(void)
{
    struct itimerval never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &never, NULL);
}

static void look_at_mine(void)
{
    struct pollfd p = {.fd = my_fd, .events = POLLIN | POLLOUT};
    char byte;
    int n;
    if (poll(&p, 1, 0) < 0 || ioctl(my_fd, FIONREAD, &n) != 0)
        wrong("a look in the handler");
    if (recv(my_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
        wrong("an end in the handler");
}

static void use_other(void)
{
    if (other.in_body && other.body == BODY)
        ask(&other, other.fd);
    go_on(&other, 3000, MSG_DONTWAIT);
}

static void leap(void)
{
    if (armed) {
        armed = 0;
        leaps++;
        siglongjmp(back, 1);
    }
}

/* ---- ways ---- */

static void read_whole(size_t *room)
{
    while (mine.body < BODY) {
        go_on(&mine, *room, 0);
        *room = *room * 7 % 19997 + 1;
    }
}

/* Answer after answer, in reads of all sizes, until the handler has run often enough. */
static void transfer(void (*what)(void))
{
    size_t room = 1;
    my_fd = dial();
    ask(&mine, my_fd);
    read_whole(&room); /* TLS is up before the storm begins */
    begin(what);
    do {
        ask(&mine, my_fd);
        read_whole(&room);
    } while (runs < RUNS);
    end();
}

static void count(void)
{
    transfer(NULL);
}

static void same(void)
{
    transfer(look_at_mine);
}

static void another(void)
{
    ask(&other, dial());
    transfer(use_other);
}

/* Signals with a number each, from another thread: all of them come, in their order, as they were sent. */
static volatile sig_atomic_t next_value, bad_value;

static void count_values(int signal, siginfo_t *info, void *context)
{
    sigset_t now;
    (void)context;
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    if (info->si_signo != signal || info->si_code != SI_QUEUE || info->si_pid != getpid() ||
        info->si_value.sival_int != next_value || !sigismember(&now, signal) || sigismember(&now, SIGUSR1))
        bad_value = 1;
    next_value++;
}

static void *send_values(void *to)
{
    for (int i = 0; i < VALUES; i++)
        if (pthread_sigqueue(*(pthread_t *)to, SIGRTMIN + 1, (union sigval){.sival_int = i}) == 0)
            usleep(i % 16 ? 0 : 300); /* in bursts */
        else
            i--; /* the queue is full */
    return NULL;
}

static void values(void)
{
    struct sigaction a = {.sa_sigaction = count_values, .sa_flags = SA_RESTART | SA_SIGINFO};
    pthread_t self = pthread_self(), sender;
    size_t room = 1;
    my_fd = dial();
    ask(&mine, my_fd);
    read_whole(&room);
    sigaction(SIGRTMIN + 1, &a, NULL);
    if (pthread_create(&sender, NULL, send_values, &self) != 0)
        wrong("pthread_create");
    while (next_value < VALUES && !bad_value) {
        ask(&mine, my_fd);
        read_whole(&room);
    }
    if (bad_value)
        wrong("a signal is not what was sent");
    pthread_join(sender, NULL);
}

/* The mask and the cancellation state that a thread has when nothing is under way. */
static void check_thread(void)
{
    sigset_t now;
    int cancel;
    sigprocmask(SIG_BLOCK, NULL, &now);
    for (int n = 1; n < NSIG; n++)
        if (sigismember(&now, n) == 1) {
            printf("signal %d is left blocked\n", n);
            exit(1);
        }
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &cancel);
    if (cancel != PTHREAD_CANCEL_ENABLE)
        wrong("cancellation is left off");
}

/* The connection answers, in this thread and in another one. */
static void *check_conn(void *fd)
{
    struct pollfd p = {.fd = *(int *)fd, .events = POLLIN | POLLOUT};
    char byte;
    if (poll(&p, 1, 0) < 0 || recv(p.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
        wrong("a look afterwards");
    return NULL;
}

static volatile int leaping; /* survives the leap */

static void leave_once(bool by_poll)
{
    struct pollfd p = {.fd = leaping, .events = POLLIN};
    if (sigsetjmp(back, 1))
        return;
    armed = 1;
    while (armed) { /* it may have gone off between two calls */
        if (mine.body == BODY)
            ask(&mine, leaping);
        if (by_poll && poll(&p, 1, 1000) < 0 && errno != EINTR)
            wrong("poll");
        go_on(&mine, 5000, by_poll ? MSG_DONTWAIT : 0);
    }
}

static void leave(bool threads)
{
    begin(leap);
    while (leaps < LEAPS) {
        pthread_t thread;
        leaping = dial();
        ask(&mine, leaping);
        leave_once(leaps % 2);
        check_thread();
        check_conn((void *)&leaping);
        if (threads && pthread_create(&thread, NULL, check_conn, (void *)&leaping) == 0)
            pthread_join(thread, NULL);
        close(leaping);
    }
    end();
}

static void leaving(void)
{
    leave(false);
}

static void leaving_with_threads(void)
{
    leave(true);
}

/* Each connection leaves records, which are written where a signal may come as well. */
static void recorded(void)
{
    begin(NULL);
    for (int i = 0; i < LEAPS; i++) {
        int fd = dial();
        ask(&mine, fd);
        while (!mine.in_body)
            go_on(&mine, 100, 0);
        close(fd);
        check_thread();
    }
    end();
}

static void *read_for_ever(void *at)
{
    struct answer *a = at;
    char buf[3000];
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL); /* NOLINT(cert-pos47-c): what is tested */
    while (recv(a->fd, buf, sizeof buf, 0) > 0)
        continue;
    return NULL;
}

static void cancelled(void)
{
    for (int i = 0; i < 2 * LEAPS; i++) {
        pthread_t thread;
        int fd = dial();
        ask(&mine, fd);
        while (!mine.in_body)
            go_on(&mine, 100, 0);
        if (pthread_create(&thread, NULL, read_for_ever, &mine) != 0)
            wrong("pthread_create");
        usleep((useconds_t)(i * 37 % 900));
        pthread_cancel(thread);
        pthread_join(thread, NULL);
        check_conn(&fd);
        close(fd);
    }
}

static const struct {
    const char *name;
    void (*run)(void);
} ways[] = {
    {"count", count},   {"same", same},         {"other", another},
    {"leave", leaving}, {"cancel", cancelled},  {"leave-threads", leaving_with_threads},
    {"values", values}, {"recorded", recorded},
};

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    canary = argv[3];
    server.sin_port = htons((unsigned short)atoi(argv[2]));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strcmp(argv[1], ways[i].name) == 0) {
            ways[i].run();
            puts("ok");
            return 0;
        }
    return 2;
}
