/* SPDX-License-Identifier: MIT */
/*
 * Two processes use one connection after a fork: what they print is the same over plain TCP and under the
 * shim.
 *
 *   forks WAY PORT     ways: see the table at the end; the request stands in the variable REQUEST and asks
 * for "Connection: close"
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *request;
static struct sockaddr_in to = {.sin_family = AF_INET};

/* ---- what both do ---- */

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        perror("connect");
        exit(1);
    }
    return fd;
}

/* In one write, so that what two processes say does not mix. */
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (write(STDOUT_FILENO, line, (size_t)n) != n)
        _exit(9);
}

static void give(const char *who, int fd, const char *text, size_t len)
{
    ssize_t n = write(fd, text, len);
    if (n < 0)
        say("%s: write %s\n", who, strerrorname_np(errno));
}

static unsigned sum(unsigned so_far, const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        so_far = so_far * 31 + (unsigned char)at[i];
    return so_far;
}

/* Date is the only line that two answers do not share. */
static void take(const char *who, int fd)
{
    static char text[1 << 20];
    size_t len = 0;
    ssize_t n;
    while (len < sizeof text && ((n = read(fd, text + len, sizeof text - len)) > 0 || errno == EAGAIN)) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (n > 0)
            len += (size_t)n;
        else if (n == 0 || poll(&p, 1, 5000) <= 0)
            break;
    }
    const char *body = memmem(text, len, "\r\n\r\n", 4);
    size_t head = body ? (size_t)(body + 4 - text) : len;
    say("%s: %.*s, body %zu %u, %s\n", who, (int)strcspn(text, "\r\n"), text, len - head,
        sum(0, text + head, len - head), n < 0 ? strerrorname_np(errno) : "end");
}

/* The child runs `body` and ends. */
static pid_t child(int fd, void (*body)(int fd))
{
    pid_t pid = fork();
    if (pid == 0) {
        body(fd);
        _exit(0);
    }
    return pid;
}

static void collect(pid_t pid)
{
    int status = -1;
    waitpid(pid, &status, 0);
    if (status != 0)
        say("the child ended with %d\n", status);
}

static void ask(int fd)
{
    give("child", fd, request, strlen(request));
}
static void ask_late(int fd)
{
    usleep(200000);
    ask(fd);
}
static void answer(int fd)
{
    take("child", fd);
}

/* ---- one writes, the other reads ---- */

static void way_child_writes(int fd)
{
    collect(child(fd, ask));
    take("parent", fd);
}

static void way_child_writes_late(int fd)
{
    pid_t pid = child(fd, ask_late);
    take("parent", fd);
    collect(pid);
}

static void way_parent_writes(int fd)
{
    pid_t pid = child(fd, answer);
    give("parent", fd, request, strlen(request));
    collect(pid);
}

static void way_parent_writes_late(int fd)
{
    pid_t pid = child(fd, answer);
    usleep(200000);
    give("parent", fd, request, strlen(request));
    collect(pid);
}

/* Two children; the parent only waits, and closes at last. */
static void way_two_children(int fd)
{
    pid_t reader = child(fd, answer), writer = child(fd, ask);
    collect(writer);
    collect(reader);
    close(fd);
}

/* By turns: each writes a half and reads a part. */
static int turn[2];

static void second_half(int fd)
{
    char byte, part[12];
    size_t half = strlen(request) / 2;
    if (read(turn[0], &byte, 1) != 1)
        _exit(9);
    give("child", fd, request + half, strlen(request + half));
    ssize_t n = recv(fd, part, sizeof part, MSG_WAITALL);
    say("child: %.*s\n", (int)n, part);
}

static void way_by_turns(int fd)
{
    if (pipe(turn) != 0)
        exit(9);
    pid_t pid = child(fd, second_half);
    give("parent", fd, request, strlen(request) / 2);
    if (write(turn[1], "", 1) != 1)
        exit(9);
    collect(pid);
    take("parent", fd);
}

/* ---- the parent waits in all the ways there are, from before the child writes ---- */

static void way_poll(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    pid_t pid = child(fd, ask_late);
    say("poll %d %d\n", poll(&p, 1, 5000), p.revents);
    take("parent", fd);
    collect(pid);
}

static void way_select(int fd)
{
    fd_set in;
    struct timeval t = {5, 0};
    FD_ZERO(&in);
    FD_SET(fd, &in);
    pid_t pid = child(fd, ask_late);
    int n = select(fd + 1, &in, NULL, NULL, &t);
    say("select %d %d\n", n, FD_ISSET(fd, &in) != 0);
    take("parent", fd);
    collect(pid);
}

static void wait_by_epoll(int fd, uint32_t events, void (*body)(int fd))
{
    int set = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event e = {.events = events, .data.u64 = 0x123456789abcdef};
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
    pid_t pid = child(fd, body);
    if (body == ask) /* the child is first, and has the set as well */
        collect(pid);
    int n = epoll_wait(set, &e, 1, 5000);
    say("epoll %d %x %llx\n", n, e.events, (unsigned long long)e.data.u64);
    take("parent", fd);
    if (body != ask)
        collect(pid);
}
static void way_epoll(int fd)
{
    wait_by_epoll(fd, EPOLLIN, ask_late);
}
static void way_epoll_edge(int fd)
{
    wait_by_epoll(fd, EPOLLIN | EPOLLET, ask_late);
}
static void way_epoll_after(int fd)
{
    wait_by_epoll(fd, EPOLLIN, ask);
}

static void way_fionread(int fd)
{
    int n = 0;
    pid_t pid = child(fd, ask);
    for (int i = 0; i < 500 && n == 0 && ioctl(fd, FIONREAD, &n) == 0; i++)
        usleep(10000);
    say("FIONREAD %s\n", n > 0 ? "some" : "none");
    take("parent", fd);
    collect(pid);
}

static void way_shutdown(int fd)
{
    pid_t pid = child(fd, answer);
    give("parent", fd, request, strlen(request));
    if (shutdown(fd, SHUT_WR) != 0)
        say("shutdown %s\n", strerrorname_np(errno));
    collect(pid);
}

/* O_NONBLOCK belongs to the connection, whichever process sets it. */
static void way_nonblocking(int fd)
{
    pid_t pid = child(fd, ask_late);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    char byte;
    ssize_t n = read(fd, &byte, 1);
    say("read %s\n", n < 0 ? strerrorname_np(errno) : "something");
    take("parent", fd);
    collect(pid);
}

/* ---- used by one alone: nothing happens ---- */

static void nothing(int fd)
{
    (void)fd;
}
static void run_true(int fd)
{
    (void)fd;
    execl("/bin/true", "true", (char *)NULL);
}
static void talk(const char *who, int fd)
{
    give(who, fd, request, strlen(request));
    take(who, fd);
}
static void talk_late(int fd)
{
    usleep(100000);
    talk("child", fd);
}
static void drop(int fd)
{
    close(fd);
    pause();
}

static void way_alone_exec(int fd)
{
    collect(child(fd, run_true));
    talk("parent", fd);
}
static void way_alone_popen(int fd)
{
    char line[16] = "";
    FILE *f = popen("echo popen", "r"); /* NOLINT(cert-env33-c): it is what programs do */
    if (!f || !fgets(line, sizeof line, f))
        exit(9);
    say("%s", line);
    pclose(f);
    talk("parent", fd);
}
static void way_alone_child_closed(int fd)
{
    pid_t pid = child(fd, drop);
    usleep(100000);
    talk("parent", fd);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}
static void way_alone_parent_closed(int fd)
{
    pid_t pid = child(fd, talk_late);
    close(fd);
    collect(pid);
}
static void exit_in_order(int fd)
{
    (void)fd;
    exit(0);
}
static void way_alone_child_ended(int fd)
{
    collect(child(fd, exit_in_order));
    talk("parent", fd);
}

/* ---- what programs do besides ---- */

/* A daemon closes whatever there may be, ours with it, and its numbers name other things then. */
static void close_all(int fd)
{
    int keep = dup(fd);
    for (int n = 3; n < 1024; n++)
        if (n != keep)
            close(n);
    for (int n = 3; n < 1024; n++)
        open("/dev/null", O_RDWR);
    talk("child", keep);
    for (int n = 3, bad = 0; n < 1024; n++)
        if (n != keep && fcntl(n, F_GETFD) < 0 && !bad++)
            say("child: %d is not open\n", n);
}
static void way_close_all(int fd)
{
    pid_t pid = child(fd, close_all);
    close(fd);
    collect(pid);
}

/* A child that was killed said nothing: a relay is started for nobody. */
static void way_killed(int fd)
{
    pid_t pid = child(fd, nothing);
    waitpid(pid, NULL, 0);
    talk("parent", fd);
}

/* A thread sleeps in read() when the fork comes. */
static void *take_in_thread(void *fd)
{
    take("parent", *(int *)fd);
    return NULL;
}
static void way_thread(int fd)
{
    pthread_t reader;
    pthread_create(&reader, NULL, take_in_thread, &fd);
    usleep(100000);
    collect(child(fd, ask));
    pthread_join(reader, NULL);
}

/* A fork that calls no handlers, so that nothing is prepared: the child's all the same, and the parent, who
 * looks whether there is something for it, does no harm. */
static void way_looks(int fd)
{
    pid_t pid = _Fork();
    if (pid == 0) {
        talk("child", fd);
        _exit(0);
    }
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (waitpid(pid, NULL, WNOHANG) == 0) {
        poll(&p, 1, 1);
        usleep(1000);
    }
}

static void grandchild(int fd)
{
    collect(child(fd, ask));
}
static void way_grandchild(int fd)
{
    pid_t pid = child(fd, grandchild);
    take("parent", fd);
    collect(pid);
}

static const struct {
    const char *name;
    void (*run)(int fd);
} ways[] = {
    {"child-writes", way_child_writes},
    {"child-writes-late", way_child_writes_late},
    {"parent-writes", way_parent_writes},
    {"parent-writes-late", way_parent_writes_late},
    {"two-children", way_two_children},
    {"by-turns", way_by_turns},
    {"poll", way_poll},
    {"select", way_select},
    {"epoll", way_epoll},
    {"epoll-edge", way_epoll_edge},
    {"epoll-after", way_epoll_after},
    {"fionread", way_fionread},
    {"shutdown", way_shutdown},
    {"nonblocking", way_nonblocking},
    {"alone-exec", way_alone_exec},
    {"alone-popen", way_alone_popen},
    {"alone-child-closed", way_alone_child_closed},
    {"alone-parent-closed", way_alone_parent_closed},
    {"alone-child-ended", way_alone_child_ended},
    {"close-all", way_close_all},
    {"killed", way_killed},
    {"looks", way_looks},
    {"thread", way_thread},
    {"grandchild", way_grandchild},
};

int main(int argc, char **argv)
{
    request = getenv("REQUEST");
    if (argc < 3 || !request)
        return 2;
    to.sin_port = htons((uint16_t)atoi(argv[2]));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strcmp(ways[i].name, argv[1]) == 0) {
            ways[i].run(dial());
            return 0;
        }
    return 2;
}
