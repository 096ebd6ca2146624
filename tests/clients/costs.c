/* SPDX-License-Identifier: MIT */
/*
 * What calls cost, in calls of libc and the kernel, with tally.so below.
 *
 *   costs PORT CANARY     prints "NAME CALLS MALLOCS" for calls on a pipe, and for a request in one piece and
 * in several
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static unsigned long (*tally)(void), (*tally_memory)(void);
static unsigned long before, memory_before;

static void start(void)
{
    before = tally();
    memory_before = tally_memory();
}

static void show(const char *what, long result)
{
    unsigned long calls = tally() - before, memory = tally_memory() - memory_before;
    if (result < 0)
        printf("%s: %s\n", what, strerror(errno));
    else
        printf("%s %lu %lu\n", what, calls, memory);
}

#define COST(what, call)                                                                                     \
    do {                                                                                                     \
        start();                                                                                             \
        show(what, (long)(call));                                                                            \
    } while (0)

/* Descriptors that are none of our business, while a connection lives. */
static void foreign(void)
{
    int ends[2], set = epoll_create1(0), sockets[2];
    char byte = 'x';
    struct iovec one = {&byte, 1};
    if (pipe(ends) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0)
        exit(2);
    struct pollfd p = {.fd = ends[0], .events = POLLIN};
    struct epoll_event e = {.events = EPOLLIN};
    struct timeval none = {0, 0};
    fd_set in;
    FD_ZERO(&in);
    FD_SET(ends[0], &in);
    /* whether a program's memory can be written to is asked of the kernel once for each piece of it */
    if (poll(&p, 1, 0) != 0 || epoll_ctl(set, EPOLL_CTL_ADD, ends[1], &e) != 0 ||
        epoll_ctl(set, EPOLL_CTL_DEL, ends[1], &e) != 0)
        exit(2);
    COST("write", write(ends[1], &byte, 1));
    COST("poll", poll(&p, 1, 0));
    COST("select", select(ends[0] + 1, &in, NULL, NULL, &none));
    COST("epoll_ctl", epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &e));
    COST("epoll_wait", epoll_wait(set, &e, 1, 0));
    COST("read", read(ends[0], &byte, 1));
    COST("writev", writev(ends[1], &one, 1));
    COST("readv", readv(ends[0], &one, 1));
    COST("send", send(sockets[0], &byte, 1, 0));
    COST("recv", recv(sockets[1], &byte, 1, 0));
}

static void read_answer(int fd)
{
    char buf[4096];
    size_t len = 0;
    ssize_t n;
    while (len < sizeof buf - 1 && (n = recv(fd, buf + len, sizeof buf - 1 - len, 0)) > 0) {
        len += (size_t)n;
        buf[len] = '\0';
        const char *end = strstr(buf, "\r\n\r\n");
        if (end && (size_t)(end + 4 + 10 - buf) <= len)
            return;
    }
    printf("no answer: %s\n", strerror(errno));
    exit(1);
}

/* Head and body, in one piece and in several: one record, one segment. */
static void request(int fd, const char *port, const char *canary)
{
    char text[512];
    int len = snprintf(
        text, sizeof text,
        "POST /echo HTTP/1.1\r\nHost: localhost:%s\r\nX-Canary: %s\r\nContent-Length: 10\r\n\r\n0123456789",
        port, canary);
    size_t body = (size_t)len - 10;
    struct iovec pieces[] = {
        {text, 20}, {text, 0}, {text + 20, body - 20}, {text + body, 4}, {text + body + 4, 6}};
    for (int i = 0; i < 2; i++) { /* the first time TLS begins */
        start();
        ssize_t n = write(fd, text, (size_t)len);
        if (i)
            show("whole", n == len ? 0 : -1);
        read_answer(fd);
    }
    start();
    ssize_t n = writev(fd, pieces, sizeof pieces / sizeof *pieces);
    show("pieces", n == len ? 0 : -1);
    read_answer(fd);
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    void *found = dlsym(RTLD_DEFAULT, "tally"), *memory = dlsym(RTLD_DEFAULT, "tally_memory");
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (argc != 3 || !found || !memory)
        return 2;
    memcpy(&tally, &found, sizeof tally);
    memcpy(&tally_memory, &memory, sizeof tally_memory);
    to.sin_port = htons((unsigned short)atoi(argv[1]));
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        return 2;
    request(fd, argv[1], argv[2]);
    foreign();
    return 0;
}
