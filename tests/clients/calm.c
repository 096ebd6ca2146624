/* SPDX-License-Identifier: MIT */
/* Connects of every ordinary kind, past libc: what they print is compared with what they print without tlsup,
 * or says what the kernel would have said. */
#include "tests/clients/bypass.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

const char *name_of(long r)
{
    return r < 0 ? strerrorname_np((int)-r) : "0";
}

static int error_of(int fd)
{
    int error = -1;
    socklen_t len = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    return error;
}

static int wait_for(int fd, short events, int ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    return poll(&p, 1, ms) > 0 ? p.revents : 0;
}

static int blocking(int fd)
{
    int no = 0;
    return (int)raw(SYS_ioctl, fd, 0x5421 /* FIONBIO */, (long)&no, 0, 0, 0);
}

long calm_nonblocking(void)
{
    int fd = new_socket(SOCK_NONBLOCK);
    printf("connect %s\n", name_of(dial(fd)));
    int ready = wait_for(fd, POLLOUT, 5000), error = error_of(fd);
    printf("out %d error %s\n", (ready & POLLOUT) != 0, name_of(-error));
    fflush(stdout);
    blocking(fd);
    return error ? 1 : talk(fd);
}

/* connect() once it is there says 0 (after one that did not wait) or EISCONN. */
long calm_again(void)
{
    int fd = new_socket(SOCK_NONBLOCK), other = new_socket(0);
    dial(fd);
    wait_for(fd, POLLOUT, 5000);
    long first = dial(fd), second = dial(fd);
    printf("%s %s", name_of(first), name_of(second));
    first = dial(other);
    printf(" %s %s\n", name_of(first), name_of(dial(other)));
    return 0;
}

static int alarms;

static void alarm_in(int ms, int flags);

/* The last one ends a call. */
static void ring(int number)
{
    (void)number;
    if (--alarms > 0)
        alarm_in(200, 0);
}

static void alarm_in(int ms, int flags)
{
    struct sigaction a = {.sa_handler = ring, .sa_flags = flags};
    struct itimerval t = {.it_value = {.tv_usec = ms * 1000}};
    sigaction(SIGALRM, &a, NULL);
    setitimer(ITIMER_REAL, &t, NULL);
}

/* To a host that does not answer. */
long calm_interrupted(void)
{
    int fd = new_socket(0);
    alarms = 1;
    alarm_in(200, 0);
    printf("connect %s\n", name_of(dial(fd)));
    printf("out %d\n", wait_for(fd, POLLOUT, 100) != 0);
    return 0;
}

long calm_restarted(void)
{
    int fd = new_socket(0);
    alarms = 2;
    alarm_in(100, SA_RESTART);
    printf("connect %s, alarms left %d\n", name_of(dial(fd)), alarms);
    return 0;
}

long calm_timeout(void)
{
    int fd = new_socket(0);
    struct timeval t = {.tv_usec = 200000};
    struct timespec a, b;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
    clock_gettime(CLOCK_MONOTONIC, &a);
    long r = dial(fd);
    clock_gettime(CLOCK_MONOTONIC, &b);
    long ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
    printf("connect %s in time %d, again %s\n", name_of(r), ms >= 150 && ms < 2000, name_of(dial(fd)));
    return 0;
}

/* From another address of the loopback network. */
long calm_bound(void)
{
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002)}, is = {0};
    socklen_t len = sizeof is;
    int fd = new_socket(0);
    if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0)
        return 1;
    long r = dial(fd);
    getsockname(fd, (struct sockaddr *)&is, &len);
    printf("connect %s from %s\n", name_of(r), inet_ntoa(is.sin_addr));
    fflush(stdout);
    return r < 0 ? 1 : talk(fd);
}

/* One socket, two connections. */
long calm_redial(void)
{
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    int fd = new_socket(0);
    long a = dial(fd), b = raw(SYS_connect, fd, (long)&nowhere, sizeof nowhere, 0, 0, 0), c = dial(fd);
    printf("%s %s %s\n", name_of(a), name_of(b), name_of(c));
    fflush(stdout);
    return c < 0 ? 1 : talk(fd);
}

#define THREADS 8

static void *one(void *arg)
{
    int fd = new_socket(0);
    *(long *)arg = dial(fd);
    if (*(long *)arg == 0)
        *(long *)arg = talk(fd);
    return NULL;
}

long calm_threads(void)
{
    pthread_t t[THREADS];
    long r[THREADS], bad = 0;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, one, &r[i]);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(t[i], NULL);
        bad |= r[i];
    }
    return bad != 0;
}

/* OTHER times: connect, close. */
long calm_many(void)
{
    struct timespec a, b;
    long errors = 0;
    struct linger now = {.l_onoff = 1};
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < to.other_port; i++) {
        int fd = new_socket(0);
        errors += dial(fd) != 0;
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close(fd);
    }
    clock_gettime(CLOCK_MONOTONIC, &b);
    double us = (double)(b.tv_sec - a.tv_sec) * 1e6 + (double)(b.tv_nsec - a.tv_nsec) / 1e3;
    fprintf(stderr, "%.1f us each\n", us / to.other_port);
    printf("errors %ld\n", errors);
    return errors != 0;
}

/* forbid ERRNO - COMMAND...: seccomp(2) gives that errno below. */
long calm_forbid(char **words)
{
    struct sock_filter f[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr)},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_seccomp},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | (unsigned)atoi(words[2])},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    };
    struct sock_fprog p = {4, f};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p);
    execv(words[4], words + 4);
    return 127;
}

/* ---- a thread that changes the address while the supervisor looks ---- */

static atomic_bool over;
static unsigned short harmless, governed;

static void *flip(void *arg)
{
    volatile unsigned short *port = &((struct sockaddr_in *)arg)->sin_port;
    while (!atomic_load(&over)) {
        *port = harmless;
        *port = governed;
    }
    return NULL;
}

#define ROUNDS 3000

/* Where a connection went: to a relay, for none has these ports. */
enum { TO_RELAY, TO_HARMLESS, TO_GOVERNED };

static int led_to(int fd)
{
    struct sockaddr_in peer = {0};
    socklen_t len = sizeof peer;
    getpeername(fd, (struct sockaddr *)&peer, &len);
    return peer.sin_port == governed ? TO_GOVERNED : peer.sin_port == harmless ? TO_HARMLESS : TO_RELAY;
}

/* Both ways were taken, and the address was changed under way. */
static bool has_raced(const long led[3], long changed)
{
    return led[TO_RELAY] > ROUNDS / 20 && led[TO_HARMLESS] > ROUNDS / 20 && changed > ROUNDS / 100;
}

/* The request goes out where it would be a leak. What was asked for a moment before the call tells whether
 * the address was changed under way. */
long calm_race(void)
{
    pthread_t t;
    const char *request = the_request();
    volatile unsigned short *port = &((struct sockaddr_in *)&to.addr)->sin_port;
    long led[3] = {0}, errors = 0, changed = 0;
    governed = *port;
    harmless = htons(to.other_port);
    pthread_create(&t, NULL, flip, &to.addr);
    /* on a busy machine both threads may sit on one core, where fewer addresses change under way */
    for (int i = 0; i < ROUNDS || (!has_raced(led, changed) && i < 10 * ROUNDS); i++) {
        int fd = new_socket(0), before = *port == governed;
        if (dial(fd) == 0) {
            int where = led_to(fd);
            led[where]++;
            changed += before != (where != TO_HARMLESS);
            if (where == TO_GOVERNED)
                raw(SYS_write, fd, (long)request, (long)strlen(request), 0, 0, 0);
        } else {
            errors++;
        }
        close(fd);
    }
    atomic_store(&over, true);
    pthread_join(t, NULL);
    fprintf(stderr, "relay %ld harmless %ld governed %ld errors %ld changed %ld\n", led[TO_RELAY],
            led[TO_HARMLESS], led[TO_GOVERNED], errors, changed);
    printf("raced %d errors %ld leaks %ld\n", has_raced(led, changed), errors, led[TO_GOVERNED]);
    return 0;
}

/* What is none of the policy's business: UDP, AF_UNIX, no socket, no descriptor, no address. */
long calm_others(void)
{
    struct sockaddr_un nobody = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"};
    int udp = socket(AF_INET, SOCK_DGRAM, 0), local = socket(AF_UNIX, SOCK_STREAM, 0), tcp = new_socket(0);
    printf("udp %s\n", name_of(dial(udp)));
    printf("unix %s\n", name_of(raw(SYS_connect, local, (long)&nobody, sizeof nobody, 0, 0, 0)));
    printf("file %s\n", name_of(dial(0)));
    printf("none %s\n", name_of(dial(999)));
    printf("fault %s\n", name_of(raw(SYS_connect, tcp, 8, 16, 0, 0, 0)));
    printf("short %s\n", name_of(raw(SYS_connect, tcp, (long)&to.addr, 4, 0, 0, 0)));
    printf("long %s\n", name_of(raw(SYS_connect, tcp, (long)&to.addr, 4000, 0, 0, 0)));
    printf("family %s\n", name_of(raw(SYS_connect, tcp, (long)&nobody, sizeof nobody, 0, 0, 0)));
    return 0;
}
