/* SPDX-License-Identifier: MIT */
/*
 * One request by one unusual way through libc; the response goes to stdout. calls MODE PORT PATH CANARY
 * [PLUGIN]
 *
 *   dprintf    the request is printed on the descriptor
 *   errno      non-blocking; calls that succeed must leave errno alone, which is checked
 *   waitall    one recv(MSG_WAITALL) larger than the response
 *   syscalls   socket, connect, write, read and close by libc's syscall()
 *   threads    one thread reads from the start, the other sends the head a byte at a time
 *   aio        aio_read and aio_write: what they say goes to stdout
 *   plugin     the request is made by PLUGIN, opened with RTLD_DEEPBIND
 *   dup        sent on a duplicate that was made before connect()
 *   vfork      a child of vfork tries to take the descriptor through exec; then the request goes on
 *   shutdown   non-blocking; shut down both ways while TLS is on its way, then waited for
 *   empty      writev() and sendmsg() whose first segment is empty, and a send of nothing before
 *   clearenv   the environment is cleaned before connect()
 *   fork-close a child closes its copy while the parent is between two requests
 */
#include <aio.h>
#include <arpa/inet.h>
#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static char request[512];
static size_t request_len;
static int port;

static struct sockaddr_in address(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return in;
}

static int dial(void)
{
    struct sockaddr_in in = address();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&in, sizeof in) != 0)
        err(1, "connect");
    return fd;
}

static void send_all(int fd)
{
    if (write(fd, request, request_len) != (ssize_t)request_len)
        err(1, "write");
}

static void drain(int fd)
{
    char buf[4096];
    ssize_t n;
    while ((n = read(fd, buf, sizeof buf)) > 0)
        fwrite(buf, 1, (size_t)n, stdout);
    if (n < 0)
        err(1, "read");
}

static void by_dprintf(void)
{
    int fd = dial();
    if (dprintf(fd, "%s", request) != (int)request_len)
        err(1, "dprintf");
    drain(fd);
}

static void check_errno(const char *call)
{
    if (errno != 0)
        errx(3, "%s succeeded and left errno %d", call, errno);
}

static void wait_for(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    errno = 0;
    if (poll(&p, 1, 5000) != 1)
        errx(1, "poll");
    check_errno("poll");
}

static void by_errno(void)
{
    char buf[4096];
    ssize_t n;
    int fd = dial();
    fcntl(fd, F_SETFL, O_NONBLOCK);
    wait_for(fd, POLLOUT);
    errno = 0;
    if (send(fd, request, request_len, 0) != (ssize_t)request_len)
        err(1, "send");
    check_errno("send");
    do {
        wait_for(fd, POLLIN);
        errno = 0;
        n = recv(fd, buf, sizeof buf, 0);
        if (n >= 0)
            check_errno("recv");
        else if (errno == EAGAIN)
            errx(4, "poll told of bytes that are not there");
        if (n > 0)
            fwrite(buf, 1, (size_t)n, stdout);
    } while (n > 0);
}

static void by_waitall(void)
{
    static char buf[1 << 20];
    int fd = dial();
    send_all(fd);
    ssize_t n = recv(fd, buf, sizeof buf, MSG_WAITALL);
    if (n < 0)
        err(1, "recv");
    fwrite(buf, 1, (size_t)n, stdout);
}

static void by_syscalls(void)
{
    char buf[4096];
    struct sockaddr_in in = address();
    long n, fd = syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
    if (syscall(SYS_connect, fd, &in, sizeof in) != 0)
        err(1, "connect");
    if (syscall(SYS_write, fd, request, request_len) != (long)request_len)
        err(1, "write");
    while ((n = syscall(SYS_read, fd, buf, sizeof buf)) > 0)
        fwrite(buf, 1, (size_t)n, stdout);
    syscall(SYS_close, fd);
}

static void *reader(void *fd)
{
    drain(*(int *)fd);
    return NULL;
}

static void by_threads(void)
{
    int fd = dial();
    pthread_t t;
    pthread_create(&t, NULL, reader, &fd);
    usleep(20000);
    for (size_t i = 0; i < request_len; i++)
        if (send(fd, request + i, 1, 0) != 1)
            err(1, "send");
    pthread_join(t, NULL);
}

static void by_aio(void)
{
    int fd = dial();
    struct aiocb a = {.aio_fildes = fd, .aio_buf = request, .aio_nbytes = request_len};
    const struct aiocb *list = &a;
    if (aio_write(&a) != 0) {
        printf("aio_write %s\n", strerrorname_np(errno));
    } else {
        aio_suspend(&list, 1, NULL);
        printf("aio_write %zd\n", aio_return(&a));
    }
    a.aio_buf = malloc(100);
    a.aio_nbytes = 100;
    printf("aio_read %s\n", aio_read(&a) == 0 ? "0" : strerrorname_np(errno));
}

static void by_plugin(const char *path)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_DEEPBIND);
    if (!handle)
        errx(1, "%s", dlerror());
    int (*fetch)(int, const char *, size_t) = (int (*)(int, const char *, size_t))dlsym(handle, "fetch");
    fflush(stdout);
    if (fetch)
        exit(fetch(port, request, request_len));
    errx(1, "%s", dlerror());
}

static void by_dup(void)
{
    struct sockaddr_in in = address();
    int fd = socket(AF_INET, SOCK_STREAM, 0), twin = dup(fd);
    if (connect(fd, (struct sockaddr *)&in, sizeof in) != 0)
        err(1, "connect");
    send_all(twin);
    drain(fd);
}

/* A child of vfork() that prepares to run something else changes nothing here, and what it runs does not find
 * the descriptor. */
static void by_vfork(void)
{
    char script[] = "(echo GET /leak >&9) 2>&- || (echo GET /leak >&8) 2>&- || exit 7";
    char *argv[] = {"sh", "-c", script, NULL};
    struct sockaddr_in in = address();
    int fd = dial(), status = -1;
    dup2(fd, 8);
    pid_t child = vfork();
    if (child == 0) { /* libc's wrappers are what is tested here */
        dup2(fd, 9);
        int fresh = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fresh, (struct sockaddr *)&in, sizeof in) != 0 || dup2(fresh, fd) != fd)
            _exit(6);
        close(fresh);
        execvp("sh", argv);
        _exit(127);
    }
    waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 7)
        errx(5, "status of what was executed: %#x", (unsigned)status);
    send_all(fd);
    drain(fd);
}

static void by_shutdown(void)
{
    int fd = dial();
    struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};
    fcntl(fd, F_SETFL, O_NONBLOCK);
    send_all(fd);
    if (shutdown(fd, SHUT_RDWR) != 0)
        err(1, "shutdown");
    for (int i = 0; i < 10; i++) {
        poll(&p, 1, 50);
        usleep(50000);
    }
    close(fd);
}

static void by_empty(void)
{
    char nothing[1];
    int fd = dial();
    struct iovec iov[2] = {{nothing, 0}, {request, request_len / 2}};
    struct iovec rest[2] = {{nothing, 0}, {request + request_len / 2, request_len - request_len / 2}};
    struct msghdr msg = {.msg_iov = rest, .msg_iovlen = 2};
    if (send(fd, nothing, 0, 0) != 0 || writev(fd, iov, 2) != (ssize_t)iov[1].iov_len ||
        sendmsg(fd, &msg, 0) != (ssize_t)rest[1].iov_len)
        err(1, "writev");
    drain(fd);
}

static void by_clearenv(void)
{
    clearenv();
    int fd = dial();
    send_all(fd);
    drain(fd);
}

/* Reads one response of which the head says how long it is. */
static void one_response(int fd)
{
    char head[4096];
    size_t len = 0, body = 0;
    while (len < sizeof head - 1 && read(fd, head + len, 1) == 1) {
        head[++len] = 0;
        if (len > 4 && strcmp(head + len - 4, "\r\n\r\n") == 0)
            break;
    }
    const char *field = strcasestr(head, "content-length:");
    for (body = field ? strtoul(field + 15, NULL, 10) : 0; body > 0; body--)
        if (read(fd, head, 1) != 1)
            err(1, "read");
}

static void by_fork_close(void)
{
    int fd = dial();
    send_all(fd);
    one_response(fd);
    pid_t child = fork();
    if (child == 0) {
        close(fd);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    char *keep = strstr(request, "keep-alive");
    if (keep)
        memcpy(keep, "close     ", 10);
    send_all(fd);
    drain(fd);
}

int main(int argc, char **argv)
{
    if (argc < 5)
        errx(2, "usage: calls MODE PORT PATH CANARY [PLUGIN]");
    const char *mode = argv[1];
    port = atoi(argv[2]);
    bool keep = strcmp(mode, "fork-close") == 0;
    request_len =
        (size_t)snprintf(request, sizeof request,
                         "GET %s HTTP/1.1\r\nHost: localhost:%d\r\nX-Canary: %s\r\nConnection: %s\r\n\r\n",
                         argv[3], port, argv[4], keep ? "keep-alive" : "close");
    static const struct {
        const char *name;
        void (*run)(void);
    } modes[] = {{"dprintf", by_dprintf},   {"errno", by_errno},           {"waitall", by_waitall},
                 {"syscalls", by_syscalls}, {"threads", by_threads},       {"aio", by_aio},
                 {"dup", by_dup},           {"fork-close", by_fork_close}, {"clearenv", by_clearenv},
                 {"vfork", by_vfork},       {"empty", by_empty},           {"shutdown", by_shutdown}};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (strcmp(mode, modes[i].name) == 0) {
            modes[i].run();
            return 0;
        }
    if (strcmp(mode, "plugin") == 0 && argc == 6)
        by_plugin(argv[5]);
    errx(2, "unknown mode %s", mode);
}
