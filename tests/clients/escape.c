/* SPDX-License-Identifier: MIT */
/*
 * Takes a connection through a door, one a run, and talks through it: what it prints is the same over plain
 * TCP and under the shim.
 *
 *   escape STATE DOOR PORT      STATE: candidate, partial, open; DOOR: see the table at the end
 *
 * The request stands in the variable REQUEST and asks for "Connection: close". In state "partial" its first
 * half has gone out by send(); in state "open" a request was answered on the connection before. All that is
 * said goes to descriptor 60, for 1 may be the subject.
 */
#include <aio.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAY_FD 60

extern char **environ;

static const char *request; /* what is still to be sent */
static const char *self;
static struct sockaddr_in to = {.sin_family = AF_INET};

static void say(const char *what, long n)
{
    if (n < 0)
        dprintf(SAY_FD, "%s %s\n", what, strerrorname_np(errno));
    else
        dprintf(SAY_FD, "%s %ld\n", what, n);
}

/* ---- talking ---- */

static void say_answer(const char *text, size_t len, const char *how)
{
    const char *body = memmem(text, len, "\r\n\r\n", 4);
    unsigned sum = 0;
    for (const char *at = body; at && at < text + len; at++)
        sum = sum * 31 + (unsigned char)*at;
    dprintf(SAY_FD, "%.*s, body %ld %u, %s\n", (int)strcspn(text, "\r\n"), text,
            body ? (long)(text + len - body - 4) : -1L, sum, how);
}

static void read_answer(int fd)
{
    static char text[1 << 20];
    size_t len = 0;
    ssize_t n;
    while (len < sizeof text && (n = read(fd, text + len, sizeof text - len)) > 0)
        len += (size_t)n;
    say_answer(text, len, n < 0 ? strerrorname_np(errno) : "end");
}

static void converse(int in, int out)
{
    size_t len = strlen(request);
    say("write", write(out, request, len) == (ssize_t)len ? 0 : -1);
    read_answer(in);
}

/* What a program asks of its socket. */
static void ask(int fd)
{
    struct sockaddr_in name = {0};
    socklen_t len = sizeof name;
    int value = -1;
    say("getpeername", getpeername(fd, (struct sockaddr *)&name, &len));
    dprintf(SAY_FD, "peer %d %s same port %d\n", name.sin_family, inet_ntoa(name.sin_addr),
            name.sin_port == to.sin_port);
    len = sizeof name;
    say("getsockname", getsockname(fd, (struct sockaddr *)&name, &len));
    dprintf(SAY_FD, "name %d %s\n", name.sin_family, inet_ntoa(name.sin_addr));
    int on = 1;
    say("set nodelay", setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    len = sizeof value;
    say("get nodelay", getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &len) ? -1 : value);
    len = sizeof value;
    say("get domain", getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &len) ? -1 : value);
    len = sizeof value;
    say("get error", getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &len) ? -1 : value);
    say("connect again", connect(fd, (struct sockaddr *)&to, sizeof to));
    say("flags", fcntl(fd, F_GETFL) & O_NONBLOCK);
    say("getfd", fcntl(fd, F_GETFD));
}

static void collect(pid_t pid)
{
    int status = 0;
    waitpid(pid, &status, 0);
    say("child", WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status));
}

/* ---- doors ---- */

static void door_fdopen(int fd)
{
    static char text[1 << 20];
    FILE *f = fdopen(fd, "r+");
    say("fdopen", f ? 0 : -1);
    if (!f)
        return;
    ask(fd);
    fprintf(f, "%s", request);
    say("fflush", fflush(f));
    size_t len = 0;
    while (fgets(text + len, (int)(sizeof text - len), f))
        len += strlen(text + len);
    say_answer(text, len, ferror(f) ? strerrorname_np(errno) : "end");
    say("fclose", fclose(f));
}

static void onto(int fd, int number)
{
    say("dup2", dup2(fd, number));
    ask(number);
    converse(number, number);
}

static void door_dup2_0(int fd)
{
    onto(fd, 0);
}

static void door_dup2_2(int fd)
{
    onto(fd, 2);
}

static void door_stdout(int fd)
{
    say("dup2", dup2(fd, STDOUT_FILENO));
    printf("%s", request);
    say("fflush", fflush(stdout));
    read_answer(fd);
}

static void door_dup3(int fd)
{
    say("dup3", dup3(fd, 1, O_CLOEXEC));
    say("getfd", fcntl(1, F_GETFD));
    converse(fd, 1);
}

static void door_dup(int fd)
{
    close(STDIN_FILENO);
    say("dup", dup(fd));
    converse(0, fd);
}

static void door_dupfd(int fd)
{
    close(STDIN_FILENO);
    say("dupfd", fcntl(fd, F_DUPFD, 0));
    converse(0, fd);
}

static void child_converses(int in, int out, int close_one)
{
    char a[16], b[16];
    snprintf(a, sizeof a, "%d", in);
    snprintf(b, sizeof b, "%d", out);
    setenv("REQUEST", request, 1);
    if (close_one >= 0)
        close(close_one);
    execl(self, self, "converse", a, b, NULL);
    _exit(4);
}

static void door_spawn(int fd)
{
    posix_spawn_file_actions_t actions;
    char *argv[] = {(char *)self, "converse", "0", "1", NULL};
    pid_t pid = -1;
    posix_spawn_file_actions_init(&actions);
    errno = posix_spawn_file_actions_adddup2(&actions, fd, 0);
    say("adddup2", errno ? -1 : 0);
    errno = posix_spawn_file_actions_adddup2(&actions, fd, 1);
    say("adddup2", errno ? -1 : 0);
    setenv("REQUEST", request, 1);
    int error = posix_spawn(&pid, self, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    collect(pid);
    errno = error;
    say("posix_spawn", error ? -1 : 0);
}

/* As python's pass_fds does: the child makes the descriptor inheritable. */
static void door_setfd(int fd)
{
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    pid_t pid = fork();
    if (pid == 0) {
        say("setfd", fcntl(fd, F_SETFD, 0));
        child_converses(fd, fd, -1);
    }
    collect(pid);
}

static void door_fionclex(int fd)
{
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    say("fionclex", ioctl(fd, FIONCLEX));
    say("getfd", fcntl(fd, F_GETFD));
    pid_t pid = fork();
    if (pid == 0)
        child_converses(fd, fd, -1);
    collect(pid);
}

/* As inetd's and socat's children: fork, dup2 onto 0 and 1, exec. */
static void door_child_stdio(int fd)
{
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fd, 0);
        dup2(fd, 1);
        child_converses(0, 1, fd);
    }
    close(fd);
    collect(pid);
}

static void door_exec(int fd)
{
    child_converses(fd, fd, -1);
}

static void door_rights(int fd)
{
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    pid_t pid = fork();
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    memset(&control, 0, sizeof control);
    struct iovec iov = {"x", 1};
    char byte;
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
    if (pid == 0) {
        close(fd);
        iov.iov_base = &byte;
        say("recvmsg", recvmsg(pair[1], &msg, 0));
        int got = -1;
        if (CMSG_FIRSTHDR(&msg))
            memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof got);
        converse(got, got);
        _exit(0);
    }
    struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(h), &fd, sizeof fd);
    ssize_t sent = sendmsg(pair[0], &msg, 0);
    close(fd);
    collect(pid);
    say("sendmsg", sent); /* not beside what the child says */
}

static void door_splice(int fd)
{
    int pipes[2];
    static char text[1 << 16];
    if (pipe(pipes) || write(pipes[1], request, strlen(request)) < 0)
        return;
    say("splice out",
        splice(pipes[0], NULL, fd, NULL, strlen(request), 0) == (ssize_t)strlen(request) ? 0 : -1);
    size_t len = 0;
    ssize_t n;
    while (len < sizeof text && (n = splice(fd, NULL, pipes[1], NULL, sizeof text - len, 0)) > 0) {
        n = read(pipes[0], text + len, sizeof text - len);
        len += n > 0 ? (size_t)n : 0;
    }
    say_answer(text, len, n < 0 ? strerrorname_np(errno) : "end");
}

static void door_sendfile(int fd)
{
    FILE *f = tmpfile();
    fputs("??", f);
    fputs(request, f);
    fflush(f);
    off_t at = 2;
    size_t len = strlen(request);
    say("sendfile", sendfile(fd, fileno(f), &at, 10) == 10 ? at : -1);
    lseek(fileno(f), at, SEEK_SET);
    say("sendfile", sendfile(fd, fileno(f), NULL, 1 << 20) == (ssize_t)len - 10 ? 0 : -1);
    say("position", lseek(fileno(f), 0, SEEK_CUR) == (off_t)len + 2 ? 0 : -1);
    read_answer(fd);
}

static ssize_t aio_wait(struct aiocb *a)
{
    const struct aiocb *list[] = {a};
    while (aio_error(a) == EINPROGRESS)
        aio_suspend(list, 1, NULL);
    errno = aio_error(a);
    return aio_return(a);
}

static void door_aio(int fd)
{
    static char text[1 << 16];
    struct aiocb a = {.aio_fildes = fd, .aio_buf = (char *)request, .aio_nbytes = strlen(request)};
    say("aio_write", aio_write(&a));
    say("aio_return", aio_wait(&a) == (ssize_t)strlen(request) ? 0 : -1);
    size_t len = 0;
    ssize_t n = 1;
    while (n > 0 && len < sizeof text) {
        struct aiocb r = {.aio_fildes = fd, .aio_buf = text + len, .aio_nbytes = sizeof text - len};
        if (aio_read(&r) != 0)
            break;
        n = aio_wait(&r);
        len += n > 0 ? (size_t)n : 0;
    }
    say_answer(text, len, n < 0 ? strerrorname_np(errno) : "end");
}

static void door_dprintf(int fd)
{
    say("dprintf", dprintf(fd, "%s", request) == (int)strlen(request) ? 0 : -1);
    read_answer(fd);
}

/* Registrations stay with the number. */
static void door_epoll(int fd)
{
    int set = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = 0x1122334455667788}, got = {0};
    say("add", epoll_ctl(set, EPOLL_CTL_ADD, fd, &e));
    say("dup2", dup2(fd, 0));
    say("write", write(fd, request, strlen(request)) == (ssize_t)strlen(request) ? 0 : -1);
    say("wait", epoll_wait(set, &got, 1, 5000));
    say("data", got.data.u64 == e.data.u64 ? got.events & EPOLLIN : -1);
    e.events = EPOLLOUT;
    say("mod", epoll_ctl(set, EPOLL_CTL_MOD, fd, &e));
    say("wait", epoll_wait(set, &got, 1, 5000));
    say("data", got.events & EPOLLOUT);
    say("del", epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL));
    read_answer(fd);
}

static void door_close(int fd)
{
    say("send", send(fd, request, strlen(request), 0) == (ssize_t)strlen(request) ? 0 : -1);
    say("close", close(fd));
}

/* ---- states ---- */

static void read_kept_answer(int fd)
{
    char text[4096];
    size_t len = 0;
    ssize_t n = 1;
    const char *head = NULL;
    while (n > 0 && (!head || text + len < head + 4 + 5)) {
        n = recv(fd, text + len, sizeof text - len, 0);
        len += n > 0 ? (size_t)n : 0;
        head = memmem(text, len, "\r\n\r\n", 4);
    }
    say("warm", n < 0 ? n : 0);
}

/* What was prepared before connect() talks first. */
static void begin_by(FILE *f)
{
    fprintf(f, "%.20s", request);
    say("fflush", fflush(f));
    request += 20;
}

/* Nobody listens there: the same socket is connected again afterwards. */
static void fail_once(int fd)
{
    struct sockaddr_in nobody = {.sin_family = AF_INET, .sin_port = htons(1)};
    nobody.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    say("connect in vain", connect(fd, (struct sockaddr *)&nobody, sizeof nobody));
    nobody.sin_port = to.sin_port;
    nobody.sin_addr.s_addr = htonl(0x7f000002); /* governed as well, and nobody is there either */
    say("connect in vain", connect(fd, (struct sockaddr *)&nobody, sizeof nobody));
}

static int reach(const char *state)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    FILE *other = NULL;
    if (strcmp(state, "low-dup") == 0 && dup2(fd, STDOUT_FILENO) == STDOUT_FILENO)
        other = stdout;
    if (strcmp(state, "stream-dup") == 0)
        other = fdopen(dup(fd), "w");
    if (strcmp(state, "stream-again") == 0) {
        other = fdopen(fd, "r+");
        fail_once(fd);
    }
    bool low = strcmp(state, "low") == 0;
    if (low) { /* connect() on a number that stdio uses */
        dup2(fd, 0);
        close(fd);
        fd = 0;
    }
    FILE *f = strcmp(state, "stream") == 0 ? fdopen(fd, "r+") : NULL;
    say("connect", connect(fd, (struct sockaddr *)&to, sizeof to));
    if (f)
        begin_by(f);
    if (other)
        begin_by(other);
    if (strcmp(state, "partial") == 0) {
        say("part", send(fd, request, 20, 0));
        request += 20;
    }
    if (strcmp(state, "open") == 0) {
        static const char warm[] = "GET /bytes/5 HTTP/1.1\r\nHost: localhost\r\n\r\n";
        say("send", send(fd, warm, sizeof warm - 1, 0) == sizeof warm - 1 ? 0 : -1);
        read_kept_answer(fd);
    }
    return fd;
}

static const struct {
    const char *name;
    void (*run)(int fd);
} doors[] = {
    {"fdopen", door_fdopen},     {"dup2-0", door_dup2_0},   {"dup2-2", door_dup2_2},
    {"stdout", door_stdout},     {"dup3", door_dup3},       {"dup", door_dup},
    {"dupfd", door_dupfd},       {"spawn", door_spawn},     {"setfd", door_setfd},
    {"fionclex", door_fionclex}, {"exec", door_exec},       {"child-stdio", door_child_stdio},
    {"rights", door_rights},     {"splice", door_splice},   {"sendfile", door_sendfile},
    {"aio", door_aio},           {"dprintf", door_dprintf}, {"epoll", door_epoll},
    {"close", door_close},
};

int main(int argc, char **argv)
{
    self = "/proc/self/exe";
    request = getenv("REQUEST");
    if (argc < 4 || !request)
        return 2;
    if (strcmp(argv[1], "converse") == 0) {
        converse(atoi(argv[2]), atoi(argv[3]));
        return 0;
    }
    dup2(STDOUT_FILENO, SAY_FD);
    to.sin_port = htons((uint16_t)atoi(argv[3]));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (size_t i = 0; i < sizeof doors / sizeof *doors; i++)
        if (strcmp(doors[i].name, argv[2]) == 0) {
            doors[i].run(reach(argv[1]));
            return 0;
        }
    return 2;
}
