/* SPDX-License-Identifier: MIT */
/* Jobs in which several threads touch one connection, one set, or one table. */
#include "tests/threads/threads.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- one epoll set, and every thread waits on it ---- */

static int set = -1;
static pthread_once_t set_made = PTHREAD_ONCE_INIT;
static atomic_int fetching; /* connections in the set */

struct fetch {
    int fd;
    pthread_mutex_t lock; /* one-shot keeps them apart; it is the program's own memory that wants a lock */
    struct answer answer;
};

static void make_set(void)
{
    set = epoll_create1(EPOLL_CLOEXEC);
    if (set < 0)
        wrong("epoll_create1");
}

/* The answer goes on; when it is complete, so is the connection's life. */
static void go_on(struct fetch *f)
{
    struct epoll_event again = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = f};
    char buf[2000];
    ssize_t n;
    bool complete = false;
    pthread_mutex_lock(&f->lock);
    while (!complete && (n = recv(f->fd, buf, sizeof buf, MSG_DONTWAIT)) > 0)
        complete = take(&f->answer, buf, (size_t)n);
    if (!complete && errno != EAGAIN)
        wrong("wait_together");
    if (!complete && epoll_ctl(set, EPOLL_CTL_MOD, f->fd, &again) != 0)
        wrong("EPOLL_CTL_MOD");
    pthread_mutex_unlock(&f->lock);
    if (!complete)
        return;
    if (close(f->fd) != 0)
        wrong("close");
    free(f);
    atomic_fetch_sub(&fetching, 1);
}

void wait_together(int number)
{
    struct epoll_event events[4];
    (void)number;
    pthread_once(&set_made, make_set);
    do {
        int n = epoll_wait(set, events, 4, 50);
        if (n < 0 &&
            errno != EINTR) /* SIGCHLD wakes any thread while the one that forked has signals blocked */
            wrong("epoll_wait");
        for (int i = 0; i < n; i++)
            go_on(events[i].data.ptr);
    } while (atomic_load(&fetching) > 0);
}

void feed_together(int number)
{
    struct fetch *f = calloc(1, sizeof *f);
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = f};
    (void)number;
    if (!f)
        wrong("calloc");
    pthread_once(&set_made, make_set);
    pthread_mutex_init(&f->lock, NULL);
    atomic_fetch_add(&fetching, 1);
    pthread_mutex_lock(&f->lock);
    f->fd = dial();
    bool early = atomic_load(&fetching) % 2;
    if (early && epoll_ctl(set, EPOLL_CTL_ADD, f->fd, &event) != 0)
        wrong("EPOLL_CTL_ADD");
    ask(f->fd, "/bytes/9000");
    if (!early && epoll_ctl(set, EPOLL_CTL_ADD, f->fd, &event) != 0)
        wrong("EPOLL_CTL_ADD");
    pthread_mutex_unlock(&f->lock);
    while (atomic_load(&fetching) > 4 && !over())
        usleep(1000);
}

/* ---- numbers that come and go while one is read ---- */

static void *make_duplicates(void *argument)
{
    int fd = *(int *)argument;
    for (int i = 0; i < 20; i++) {
        int copy = i % 3 == 0 ? dup(fd) : fcntl(fd, i % 3 == 1 ? F_DUPFD_CLOEXEC : F_DUPFD, 100);
        if (copy < 0 || (i % 2 && dup2(fd, copy) != copy) || close(copy) != 0)
            wrong("duplicates");
    }
    return NULL;
}

void duplicate(int number)
{
    int fd = dial();
    struct answer a = {0};
    pthread_t other;
    char buf[1000];
    ssize_t n;
    (void)number;
    if (pthread_create(&other, NULL, make_duplicates, &fd) != 0)
        wrong("pthread_create");
    ask(fd, "/bytes/60000");
    do
        if ((n = recv(fd, buf, sizeof buf, 0)) <= 0)
            wrong("duplicate: %zd", n);
    while (!take(&a, buf, (size_t)n));
    pthread_join(other, NULL);
    close(fd);
}

/* ---- closed, or replaced, under a reader ----
 * A race of the program's own, which the sanitizer would find in its close(): so the shim's are called
 * directly. A number that is closed is the next socket's of another thread, so close() waits until the reader
 * is inside. */

static int (*shim_close)(int fd) = close;
static int (*shim_dup2)(int from, int to) = dup2;
static pthread_once_t shim_found = PTHREAD_ONCE_INIT;
static int nowhere;

static void find_shim(void)
{
    void *shim = dlopen("libtlsup.so", RTLD_NOW | RTLD_NOLOAD);
    if (shim) {
        shim_close = (int (*)(int))dlsym(shim, "close");
        shim_dup2 = (int (*)(int, int))dlsym(shim, "dup2");
    }
    nowhere = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

struct reader {
    int fd;
    atomic_int tid;
    ssize_t got;
    int error;
};

static void *read_once(void *argument)
{
    struct reader *r = argument;
    char byte;
    atomic_store(&r->tid, gettid());
    r->got = recv(r->fd, &byte, 1, 0);
    r->error = errno;
    return NULL;
}

/* In the call that waits for bytes, or past it. */
static bool is_inside(struct reader *r)
{
    char path[64], text[16] = "";
    int tid = atomic_load(&r->tid);
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", tid);
    int fd = tid ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return tid != 0; /* it is gone */
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    return n > 0 && (atoi(text) == SYS_ppoll || atoi(text) == SYS_recvfrom);
}

void close_under(int number)
{
    struct reader r = {.fd = dial()};
    static unsigned turn;
    pthread_t thread;
    (void)number;
    pthread_once(&shim_found, find_shim);
    ask(r.fd, ++turn % 2 ? "/slow/60" : "/bytes/10");
    if (pthread_create(&thread, NULL, read_once, &r) != 0)
        wrong("pthread_create");
    if (turn % 4 < 2) {
        if (shim_dup2(nowhere, r.fd) != r.fd)
            wrong("dup2 under a reader");
    } else {
        for (int i = 0; i < 100 && !is_inside(&r); i++)
            usleep(1000);
    }
    bool closes = turn % 4 == 3 && is_inside(&r);
    if (closes && shim_close(r.fd) != 0)
        wrong("close under a reader");
    pthread_join(thread, NULL);
    if (!closes)
        close(r.fd);
    else if (r.got != 1) /* the socket lives until the call is over */
        wrong("closed under a reader, who got %zd, errno %d", r.got, r.error);
}

/* ---- children, while all of the above goes on ---- */

static int child(int turn, int fd)
{
    static char *const arguments[] = {(char *)"true", NULL};
    if (turn % 3 == 1)
        close(fd);
#ifdef __SANITIZE_THREAD__ /* exec may make a relay, and the runtime takes its clone() for a thread */
    if (turn < 0)
#else
    if (turn % 3 == 2)
#endif
        execv("/bin/true", arguments);
    _exit(0);
}

void fork_beside(int number)
{
    static int turn;
    struct answer a = {0};
    char buf[1000];
    ssize_t n;
    int status = -1, fd = dial();
    (void)number;
    ask(fd, "/bytes/5000");
    pid_t pid = fork();
    if (pid == 0)
        _exit(child(turn, fd));
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        wrong("fork: status %d", status);
    turn++;
    do
        if ((n = read(fd, buf, sizeof buf)) <= 0)
            wrong("fork_beside: %zd", n);
    while (!take(&a, buf, (size_t)n));
    close(fd);
}

/* ---- questions about a connection that another thread uses ---- */

static void *ask_questions(void *argument)
{
    int fd = *(int *)argument;
    for (int i = 0; i < 40; i++) {
        struct sockaddr_storage name;
        socklen_t len = sizeof name, word = sizeof(int);
        int value = -1;
        if (getpeername(fd, (struct sockaddr *)&name, &len) != 0 ||
            getsockname(fd, (struct sockaddr *)&name, &len) != 0 ||
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &word) != 0 || value != 0 ||
            fcntl(fd, F_GETFD) != FD_CLOEXEC || ioctl(fd, FIONREAD, &value) != 0)
            wrong("questions: %d", value);
    }
    return NULL;
}

void ask_about(int number)
{
    int fd = dial();
    struct answer a = {0};
    pthread_t other;
    char buf[700];
    ssize_t n;
    (void)number;
    if (pthread_create(&other, NULL, ask_questions, &fd) != 0)
        wrong("pthread_create");
    ask(fd, "/bytes/40000");
    do
        if ((n = recv(fd, buf, sizeof buf, 0)) <= 0)
            wrong("ask_about: %zd", n);
    while (!take(&a, buf, (size_t)n));
    pthread_join(other, NULL);
    if (shutdown(fd, SHUT_RDWR) != 0)
        wrong("shutdown");
    close(fd);
}

void resolve(int number)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    (void)number;
    if (getaddrinfo("localhost", "80", &hints, &found) != 0)
        wrong("getaddrinfo");
    freeaddrinfo(found);
    usleep(3000);
}
