/* SPDX-License-Identifier: MIT */
/*
 * Tries to take a connection past the shim, one way a run, and says what every call gave.
 *
 *   door WAY PORT [FILE]     ways: see the table at the end
 *
 * The request that must not cross stands in the variable REQUEST. A way ends with "open" if the connection
 * was usable to the end afterwards (a request answered inside it), else with what the call gave.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK  1000
#define LOW_FD 60 /* above what programs use, so that dup2 onto it replaces nothing */

extern char **environ;

static const char *request;
static const char *self;
static struct sockaddr_in to = {.sin_family = AF_INET};

static void say(const char *what, long n)
{
    /* not stdio: stdout may be the subject */
    char text[120];
    int len = n < 0 ? snprintf(text, sizeof text, "%s %s\n", what, strerrorname_np(errno))
                    : snprintf(text, sizeof text, "%s %ld\n", what, n);
    if (write(LOW_FD, text, (size_t)len) != len)
        _exit(3);
}

static int new_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0);
}

static int dial(void)
{
    int fd = new_socket();
    say("connect", connect(fd, (struct sockaddr *)&to, sizeof to));
    return fd;
}

/* Sends the request and reads the answer to its end. */
static void converse(int fd)
{
    char buf[4096];
    ssize_t n = send(fd, request, strlen(request), MSG_NOSIGNAL);
    say("send", n < 0 ? n : 0);
    long total = 0;
    while (n > 0 && (n = recv(fd, buf, sizeof buf, 0)) > 0)
        total += n;
    if (n < 0)
        say("recv", n);
    else
        say(total ? "answered" : "unanswered", 0);
}

/* A request on a kept-alive connection, so that it is open and stays so. */
static void warm_up(int fd)
{
    static const char warm[] = "GET /bytes/5 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    char buf[4096];
    ssize_t n = send(fd, warm, sizeof warm - 1, MSG_NOSIGNAL), total = 0;
    while (n > 0 && !memmem(buf, (size_t)total, "\r\n\r\n", 4))
        if ((n = recv(fd, buf + total, sizeof buf - (size_t)total, 0)) > 0)
            total += n;
    const char *head = memmem(buf, (size_t)total, "\r\n\r\n", 4);
    while (head && n > 0 && buf + total < head + 4 + 5)
        if ((n = recv(fd, buf + total, sizeof buf - (size_t)total, 0)) > 0)
            total += n;
    say("warm", n < 0 ? n : 0);
}

static void collect(pid_t pid)
{
    int status = 0;
    waitpid(pid, &status, 0);
    say("child", WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status));
}

/* ---- stdio ---- */

static void way_fdopen(void)
{
    int fd = dial();
    FILE *f = fdopen(fd, "r+");
    say("fdopen", f ? 0 : -1);
    converse(fd);
}

static void way_fdopen_before(void)
{
    int fd = new_socket();
    FILE *f = fdopen(fd, "r+");
    say("fdopen", f ? 0 : -1);
    say("connect", connect(fd, (struct sockaddr *)&to, sizeof to));
    if (f) {
        fputs(request, f);
        say("flush", fflush(f));
    }
}

static void onto(int number)
{
    int fd = dial();
    say("dup2", dup2(fd, number));
    if (number == STDOUT_FILENO) {
        fputs(request, stdout);
        fflush(stdout);
    }
    converse(fd);
}

static void way_dup2_0(void)
{
    onto(0);
}

static void way_dup2_1(void)
{
    onto(1);
}

static void way_dup2_2(void)
{
    onto(2);
}

static void way_dup3(void)
{
    int fd = dial();
    say("dup3", dup3(fd, 1, O_CLOEXEC));
    converse(fd);
}

static void way_dupfd_low(void)
{
    int fd = dial();
    close(STDIN_FILENO);
    say("dupfd", fcntl(fd, F_DUPFD, 0));
    say("dup", dup(fd));
    converse(fd);
}

static void way_connect_low(void)
{
    close(STDIN_FILENO);
    int fd = new_socket();
    say("socket", fd);
    say("connect", connect(fd, (struct sockaddr *)&to, sizeof to));
    say("send", send(fd, request, strlen(request), MSG_NOSIGNAL));
}

/* ---- the end ---- */

static void way_leave(void)
{
    warm_up(dial());
}

static void way_leave_fired(void)
{
    int fd = dial();
    say("send", send(fd, request, strlen(request), 0) < 0 ? -1 : 0);
}

static void way_leave_fired_nonblocking(void)
{
    int fd = dial();
    fcntl(fd, F_SETFL, O_NONBLOCK);
    say("send", send(fd, request, strlen(request), 0) < 0 ? -1 : 0);
}

/* A body in numbered blocks, as many as the socket takes without waiting, and the end. */
static void leave_full(const struct linger *linger)
{
    static const char head[] = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n";
    static char blocks[2000][BLOCK];
    int fd = dial();
    char go_on[100];
    ssize_t n;
    size_t taken = 0;
    for (int i = 0; i < 2000; i++)
        snprintf(blocks[i], BLOCK, "leak%*d", BLOCK - 5, i);
    say("head", send(fd, head, sizeof head - 1, 0) < 0 || recv(fd, go_on, sizeof go_on, 0) < 0 ? -1 : 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){4096}, sizeof(int));
    while (taken < sizeof blocks && (n = send(fd, blocks[0] + taken, sizeof blocks - taken, 0)) > 0)
        taken += (size_t)n;
    if (linger)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, linger, sizeof *linger);
    close(fd);
    say("full", taken < sizeof blocks ? 0 : -1);
    say("last block", (long)(taken / BLOCK) - 1);
}

static void way_leave_full(void)
{
    leave_full(NULL);
}

static void way_leave_full_abort(void)
{
    static const struct linger at_once = {.l_onoff = 1};
    leave_full(&at_once);
}

/* ---- other programs ---- */

static void way_spawn(void)
{
    posix_spawn_file_actions_t actions;
    int fd = dial();
    posix_spawn_file_actions_init(&actions);
    errno = posix_spawn_file_actions_adddup2(&actions, fd, 0);
    say("adddup2", errno ? -1 : 0);
    posix_spawn_file_actions_destroy(&actions);
    converse(fd);
}

static void write_as_child(int fd)
{
    char number[16];
    snprintf(number, sizeof number, "%d", fd);
    char *argv[] = {(char *)self, "write-on", number, NULL};
    execv(self, argv);
    _exit(4);
}

static void way_exec(void)
{
    int fd = dial();
    say("getfd", fcntl(fd, F_GETFD));
    pid_t pid = fork();
    if (pid == 0)
        write_as_child(fd);
    collect(pid);
    converse(fd);
}

static void way_exec_open(void)
{
    int fd = dial();
    warm_up(fd);
    say("setfd", fcntl(fd, F_SETFD, 0));
    say("getfd", fcntl(fd, F_GETFD));
    pid_t pid = fork();
    if (pid == 0)
        write_as_child(fd);
    collect(pid);
    converse(fd);
}

static ssize_t pass(int fd, bool many)
{
    int pair[2];
    char byte = 'x', control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec iov = {&byte, 1};
    struct mmsghdr m = {
        .msg_hdr = {
            .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control}};
    struct cmsghdr *h = CMSG_FIRSTHDR(&m.msg_hdr);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(h), &fd, sizeof fd);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return -1;
    return many ? sendmmsg(pair[0], &m, 1, 0) : sendmsg(pair[0], &m.msg_hdr, 0);
}

static void way_rights(void)
{
    int fd = dial();
    say("sendmsg", pass(fd, false));
    say("sendmmsg", pass(fd, true));
    say("harmless", pass(STDIN_FILENO, false));
    converse(fd);
}

/* ---- other calls ---- */

static void way_oob(void)
{
    char byte;
    int fd = dial();
    say("send", send(fd, "!", 1, MSG_OOB));
    say("recv", recv(fd, &byte, 1, MSG_OOB | MSG_DONTWAIT));
    converse(fd);
}

static void way_syscall(void)
{
    int fd = dial();
    say("write", syscall(SYS_write, fd, request, strlen(request)) < 0 ? -1 : 0);
    char buf[4096];
    say("read", syscall(SYS_read, fd, buf, sizeof buf) <= 0 ? -1 : 0);
}

/* ---- numbers ---- */

static void way_ring(void)
{
    char params[256] = {0};
    long ring = syscall(SYS_io_uring_setup, 4, params);
    say("io_uring_setup", ring < 0 ? -1 : 0);
}

static void way_dup_before(void)
{
    int fd = new_socket(), twin = dup(fd), far = fcntl(fd, F_DUPFD, 40), third = dup2(fd, 50);
    say("connect", connect(fd, (struct sockaddr *)&to, sizeof to));
    say("same", third == 50 && far >= 40 ? 0 : -1);
    close(fd);
    close(far);
    say("send", send(twin, request, strlen(request), MSG_NOSIGNAL) < 0 ? -1 : 0);
    char buf[4096];
    say("recv", recv(third, buf, sizeof buf, 0) > 0 ? 0 : -1);
}

static void way_dup_after(void)
{
    int fd = dial(), twin = dup(fd);
    say("dup2", dup2(fd, 50));
    close(fd);
    close(twin);
    converse(50);
}

/* libc's own close, which is not looked for under its name: the shim does not see it. */
static void close_unseen(int fd)
{
    int (*libc_close)(int) = NULL;
    void *symbol = dlsym(dlopen("libc.so.6", RTLD_NOW), "close");
    memcpy(&libc_close, &symbol, sizeof symbol);
    say("close", libc_close(fd));
}

/* The number comes back for something that is no connection. */
static void way_reuse_other(void)
{
    int fd = dial(), pair[2];
    warm_up(fd);
    say("close", syscall(SYS_close, fd));
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return;
    say("reused", pair[0] == fd ? 0 : 1);
    char buf[8] = "";
    say("write", write(pair[0], "plain", 5));
    say("read", read(pair[1], buf, sizeof buf));
    say("same", strcmp(buf, "plain") == 0 ? 0 : 1);
}

/* The number comes back as another connection, which must be protected by itself. */
static void way_reuse_dial(void)
{
    int fd = dial();
    warm_up(fd);
    close_unseen(fd);
    int next = dial();
    say("reused", next == fd ? 0 : 1);
    converse(next);
}

/* ---- two processes ---- */

static void way_fork_parent(void)
{
    int fd = dial();
    warm_up(fd);
    pid_t pid = fork();
    if (pid == 0) {
        close(fd);
        _exit(0);
    }
    collect(pid);
    converse(fd);
}

static void way_fork_child(void)
{
    int fd = dial();
    warm_up(fd);
    pid_t pid = fork();
    if (pid == 0) {
        converse(fd);
        _exit(0);
    }
    collect(pid);
    converse(fd);
}

static void way_fork_before_bytes(void)
{
    int fd = dial();
    pid_t pid = fork();
    if (pid == 0) {
        converse(fd);
        _exit(0);
    }
    collect(pid);
    close(fd);
}

static void way_vfork(void)
{
    int fd = dial();
    warm_up(fd);
    /* NOLINTBEGIN(clang-analyzer-security.insecureAPI.vfork,clang-analyzer-unix.Vfork): what python does */
    pid_t pid = vfork();
    if (pid == 0) {
        close(fd);
        dup2(LOW_FD, fd);
        execl("/bin/true", "true", (char *)NULL);
        _exit(5);
    }
    /* NOLINTEND(clang-analyzer-security.insecureAPI.vfork,clang-analyzer-unix.Vfork): see above */
    collect(pid);
    converse(fd);
}

static const struct {
    const char *name;
    void (*go)(void);
} ways[] = {
    {"fdopen", way_fdopen},
    {"fdopen-before", way_fdopen_before},
    {"dup2-0", way_dup2_0},
    {"dup2-1", way_dup2_1},
    {"dup2-2", way_dup2_2},
    {"dup3", way_dup3},
    {"dupfd-low", way_dupfd_low},
    {"connect-low", way_connect_low},
    {"leave", way_leave},
    {"leave-fired", way_leave_fired},
    {"leave-fired-nonblocking", way_leave_fired_nonblocking},
    {"leave-full", way_leave_full},
    {"leave-full-abort", way_leave_full_abort},
    {"spawn", way_spawn},
    {"exec", way_exec},
    {"exec-open", way_exec_open},
    {"rights", way_rights},
    {"oob", way_oob},
    {"syscall", way_syscall},
    {"ring", way_ring},
    {"dup-before", way_dup_before},
    {"dup-after", way_dup_after},
    {"reuse-other", way_reuse_other},
    {"reuse-dial", way_reuse_dial},
    {"fork-parent", way_fork_parent},
    {"fork-child", way_fork_child},
    {"fork-before-bytes", way_fork_before_bytes},
    {"vfork", way_vfork},
};

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    if (strcmp(argv[1], "write-on") == 0) /* the child of exec: 0 if the number is lost */
        return write(atoi(argv[2]), "leak", 4) < 0 && errno == EBADF ? 0 : 1;
    self = argv[0];
    request = getenv("REQUEST");
    to.sin_port = htons((uint16_t)atoi(argv[2]));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    dup2(STDOUT_FILENO, LOW_FD);
    signal(SIGPIPE, SIG_IGN);
    alarm(20);
    for (size_t i = 0; request && i < sizeof ways / sizeof *ways; i++)
        if (strcmp(argv[1], ways[i].name) == 0) {
            ways[i].go();
            return 0;
        }
    return 2;
}
