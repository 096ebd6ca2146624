/* SPDX-License-Identifier: MIT */
/*
 * The program of the conformance suite: it sends what stands on stdin, receives to the end, and says what
 * each call gave it. After a failure it tries everything again, because a failure is for good.
 *
 *   client [-n BYTES] [-p MS] [-s BYTES] [-w MS] [-l] [-k BYTES] [-e] [-c] [-r MS] [-W CALL] [-a] [-t]
 *          blocking|poll|edge NAME PORT OUT
 *
 *   -n, -p  bytes a send, and a pause between two; -s the first send alone is that long
 *   -w      waits after connect   -l  receives before it sends   -k  the answer to so many bytes comes first
 *   -W      the call that sends: write writev sendmsg sendmmsg sendfile splice fastopen fastopen-connect
 *   -e      shuts its side down behind the request   -c  closes without reading   -r  reads late
 *   -a      takes the next address when one fails, from a socket of its own
 *   -t      makes a connection before, and says nothing of it
 *
 * Lines: "connect RESULT", "send RESULT", "recv BYTES END", "again CALL RESULT", "close RESULT", "fds N"
 * (more open than before), "ms N" (from connect to the end), "pipe" (SIGPIPE came). What was received goes to
 * the file OUT.
 */
#include "tests/clients/told.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX (1U << 20)
#define PATIENCE_S                                                                                           \
    20 /* then SIGALRM ends a call that never returns; PATIENCE of the environment says another */
#define SLOW_MS 1000

enum style { BLOCKING, POLL, EDGE };

struct options {
    enum style style;
    size_t piece, first, keep;
    unsigned pause_ms, wait_ms, read_ms;
    bool listens, shuts, closes, moves_on, twice;
    const char *call; /* that sends; NULL: send() */
};

/* a request on its way, and its answer */
struct talk {
    int fd, set;
    const char *request;
    size_t len, sent, got;
    FILE *out;
};

static struct options options = {.piece = REQUEST_MAX};
static int patience = PATIENCE_S;

static int open_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

/* ---- waiting ---- */

static bool would_block(void)
{
    return options.style != BLOCKING && (errno == EAGAIN || errno == EINPROGRESS);
}

/* Until something may be done; false: nothing came for a long time. */
static bool wait_for(const struct talk *t, short events)
{
    if (options.style == POLL) {
        struct pollfd p = {.fd = t->fd, .events = events};
        return poll(&p, 1, patience * 800) > 0;
    }
    struct epoll_event e; /* an edge: whatever it is, the caller does all it can */
    return epoll_wait(t->set, &e, 1, patience * 800) > 0;
}

static bool watch(struct talk *t)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    if (options.style != EDGE)
        return true;
    t->set = epoll_create1(EPOLL_CLOEXEC);
    return epoll_ctl(t->set, EPOLL_CTL_ADD, t->fd, &e) == 0;
}

/* ---- ways to send ---- */

static ssize_t by_sendmsg(int fd, const char *at, size_t len, bool many)
{
    struct iovec v[2] = {{(char *)at, len / 2}, {(char *)at + len / 2, len - len / 2}};
    struct mmsghdr m = {.msg_hdr = {.msg_iov = v, .msg_iovlen = 2}};
    if (!many)
        return sendmsg(fd, &m.msg_hdr, 0);
    return sendmmsg(fd, &m, 1, 0) == 1 ? (ssize_t)m.msg_len : -1;
}

static ssize_t by_sendfile(int fd, const char *at, size_t len)
{
    int file = memfd_create("request", MFD_CLOEXEC);
    off_t from = 0;
    ssize_t n = pwrite(file, at, len, 0) == (ssize_t)len ? sendfile(fd, file, &from, len) : -1;
    int saved = errno;
    close(file);
    errno = saved;
    return n;
}

static ssize_t by_splice(int fd, const char *at, size_t len)
{
    int two[2];
    if (pipe2(two, O_CLOEXEC) != 0 || write(two[1], at, len) != (ssize_t)len)
        return -1;
    ssize_t n = splice(two[0], NULL, fd, NULL, len, 0);
    int saved = errno;
    close(two[0]);
    close(two[1]);
    errno = saved;
    return n;
}

static bool calls(const char *name)
{
    return options.call && strcmp(options.call, name) == 0;
}

static ssize_t pass(int fd, const char *at, size_t len)
{
    struct iovec v = {(char *)at, len};
    if (calls("write"))
        return write(fd, at, len);
    if (calls("writev"))
        return writev(fd, &v, 1);
    if (calls("sendmsg") || calls("sendmmsg"))
        return by_sendmsg(fd, at, len, calls("sendmmsg"));
    if (calls("sendfile"))
        return by_sendfile(fd, at, len);
    if (calls("splice"))
        return by_splice(fd, at, len);
    return send(fd, at, len, 0);
}

/* ---- one connection ---- */

static int option_error(int fd)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        return -1;
    errno = error;
    return error ? -1 : 0;
}

static int dial(struct talk *t, const struct addrinfo *to)
{
    int rc, on = 1;
    t->fd = socket(to->ai_family, SOCK_STREAM | (options.style == BLOCKING ? 0 : SOCK_NONBLOCK), 0);
    if (calls("fastopen-connect") &&
        setsockopt(t->fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof on) != 0)
        return -1;
    if (calls("fastopen")) { /* the request in the SYN */
        ssize_t n = sendto(t->fd, t->request, t->len, MSG_FASTOPEN, to->ai_addr, to->ai_addrlen);
        printf("connect %s\n", n < 0 ? result(n) : "0");
        t->sent = n < 0 ? 0 : (size_t)n;
        return n < 0 ? -1 : 0;
    }
    rc = connect(t->fd, to->ai_addr, to->ai_addrlen);
    if (!watch(t))
        return -1;
    while (rc != 0 && would_block()) {
        struct pollfd p = {.fd = t->fd, .events = POLLOUT};
        if (!wait_for(t, POLLOUT)) {
            puts("hang connect");
            return -1;
        }
        rc = options.style == EDGE && poll(&p, 1, 0) == 0 ? (errno = EAGAIN, -1) : option_error(t->fd);
    }
    printf("connect %s\n", result(rc));
    return rc;
}

/* Everything again: each answer at once, and none that looks like success. */
static void again(int fd)
{
    char byte;
    long long begun = now_ms();
    struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};
    for (int i = 0; i < 2; i++) {
        printf("again send %s\n", result(send(fd, "x", 1, MSG_NOSIGNAL)));
        printf("again recv %s\n", result(recv(fd, &byte, 1, 0)));
    }
    printf("again read %s\n", result(read(fd, &byte, 1)));
    int n = poll(&p, 1, 5000);
    printf("again poll %d%s%s\n", n, p.revents & POLLERR ? " ERR" : "", p.revents & POLLHUP ? " HUP" : "");
    printf("again so_error %s\n", result(option_error(fd)));
    if (now_ms() - begun > SLOW_MS)
        puts("again slow");
}

static bool failed(const struct talk *t, const char *call)
{
    printf("%s %s\n", call, result(-1));
    again(t->fd);
    return false;
}

static size_t piece(const struct talk *t, size_t until)
{
    size_t left = until - t->sent;
    size_t most = t->sent == 0 && options.first ? options.first : options.piece;
    return left < most ? left : most;
}

static bool say(struct talk *t, size_t until)
{
    while (t->sent < until) {
        ssize_t n = pass(t->fd, t->request + t->sent, piece(t, until));
        if (n < 0 && would_block()) {
            if (wait_for(t, POLLOUT | POLLIN))
                continue;
            puts("hang send");
            return false;
        }
        if (n < 0)
            return failed(t, "send");
        t->sent += (size_t)n;
        if ((options.pause_ms || options.first) && t->sent < until)
            usleep(options.pause_ms * 1000);
    }
    printf("send %zu\n", t->sent);
    return true;
}

/* Receives to the end, or only once. */
static bool hear(struct talk *t, bool once)
{
    char buf[16384];
    char end[64];
    for (;;) {
        ssize_t n = recv(t->fd, buf, sizeof buf, 0);
        if (n > 0) {
            t->got += (size_t)n;
            fwrite(buf, 1, (size_t)n, t->out);
            if (once)
                return true;
        } else if (n < 0 && would_block()) {
            if (wait_for(t, POLLIN))
                continue;
            printf("recv %zu hang\n", t->got);
            return false;
        } else {
            snprintf(end, sizeof end, "recv %zu", t->got);
            if (n < 0)
                return failed(t, end);
            printf("%s EOF\n", end);
            printf("again recv %s\n", result(recv(t->fd, buf, 1, 0))); /* now and later */
            return true;
        }
    }
}

static bool talk(struct talk *t)
{
    usleep(options.wait_ms * 1000);
    if (options.listens && !hear(t, true))
        return false;
    if (options.keep && (!say(t, options.keep) || !hear(t, true)))
        return false;
    if (!say(t, t->len))
        return false;
    if (options.shuts)
        printf("shutdown %s\n", result(shutdown(t->fd, SHUT_WR)));
    usleep(options.read_ms * 1000);
    return options.closes || hear(t, false);
}

/* ---- the whole ---- */

/* The same, without a word. */
static void rehearse(const struct addrinfo *to, const char *request, size_t len)
{
    char buf[4096];
    int fd = socket(to->ai_family, SOCK_STREAM, 0);
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0 && send(fd, request, len, 0) == (ssize_t)len)
        while (recv(fd, buf, sizeof buf, 0) > 0)
            continue;
    close(fd);
}

static bool attempt(const struct addrinfo *to, const char *request, size_t len, FILE *out)
{
    struct talk t = {.request = request, .len = len, .out = out, .set = -1};
    long long begun = now_ms();
    bool fine = dial(&t, to) == 0 && talk(&t);
    printf("ms %lld\n", now_ms() - begun);
    if (t.set >= 0)
        close(t.set);
    begun = now_ms();
    printf("close %s\n", result(close(t.fd)));
    if (now_ms() - begun > SLOW_MS)
        puts("hang close");
    return fine;
}

static size_t read_all(char *buf, size_t size)
{
    size_t len = 0;
    ssize_t n;
    while ((n = read(STDIN_FILENO, buf + len, size - len)) > 0)
        len += (size_t)n;
    return len;
}

static enum style style_of(const char *word)
{
    return strcmp(word, "poll") == 0 ? POLL : strcmp(word, "edge") == 0 ? EDGE : BLOCKING;
}

static void read_options(int argc, char **argv)
{
    int c;
    while ((c = getopt(argc, argv, "n:p:s:w:r:k:W:lecat")) != -1) {
        size_t number = optarg ? strtoul(optarg, NULL, 10) : 0;
        switch (c) {
        case 'n': options.piece = number; break;
        case 'p': options.pause_ms = (unsigned)number; break;
        case 's': options.first = number; break;
        case 'w': options.wait_ms = (unsigned)number; break;
        case 'r': options.read_ms = (unsigned)number; break;
        case 'k': options.keep = number; break;
        case 'W': options.call = optarg; break;
        case 'l': options.listens = true; break;
        case 'e': options.shuts = true; break;
        case 'c': options.closes = true; break;
        case 'a': options.moves_on = true; break;
        case 't': options.twice = true; break;
        default: exit(2);
        }
    }
    if (argc - optind != 4)
        exit(2);
    options.style = style_of(argv[optind]);
}

int main(int argc, char **argv)
{
    static char request[REQUEST_MAX];
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list;
    read_options(argc, argv);
    argv += optind;
    setvbuf(stdout, NULL, _IOLBF, 0);
    const char *other = getenv("PATIENCE");
    if (other)
        patience = atoi(other);
    signal(SIGPIPE, on_pipe);
    alarm((unsigned)patience);
    size_t len = read_all(request, sizeof request);
    FILE *out = fopen(argv[3], "we");
    if (!out || getaddrinfo(argv[1], argv[2], &hints, &list) != 0)
        return 2;
    if (options.twice)
        rehearse(list, request, len);
    int before = open_descriptors();
    bool fine = attempt(list, request, len, out);
    for (const struct addrinfo *to = list->ai_next; to && options.moves_on && !fine; to = to->ai_next)
        fine = attempt(to, request, len, out);
    printf("fds %d\n", open_descriptors() - before);
    if (pipe_signal)
        puts("pipe");
    freeaddrinfo(list);
    fclose(out);
    return fine ? 0 : 1;
}
