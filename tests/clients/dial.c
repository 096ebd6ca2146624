/* SPDX-License-Identifier: MIT */
/*
 * A blocking client that says what every call gave it: connect, send what stands on stdin, receive to the
 * end. After a failure it tries again, because a refusal is for good: no later call may work or wait.
 *
 *   dial [-n BYTES] [-p MS] [-k OFFSET] [-l] [-w MS] [-o FILE] HOST PORT
 *
 * One line a call: "connect 0", "send 120", "send EACCES", "recv 300 EOF", and "again CALL RESULT".
 */
#include "tests/clients/told.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX (4U << 20)
#define SLOW_MS     500
#define PATIENCE_S  20 /* SIGALRM ends a call that never returns */

static size_t piece = REQUEST_MAX; /* bytes a send */
static unsigned pause_ms;          /* between sends */
static size_t keep_at;             /* the response to this many bytes is read before the rest is sent */
static bool listens;               /* receives before it sends */
static unsigned wait_ms;           /* before it sends */
static FILE *received;

static int dial(const char *host, const char *port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    if (inet_pton(AF_INET, host, &in.sin_addr) != 1) {
        struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
        int rc = getaddrinfo(host, port, &hints, &found);
        if (rc != 0) {
            fprintf(stderr, "dial: %s: %s\n", host, gai_strerror(rc));
            exit(2);
        }
        memcpy(&in, found->ai_addr, sizeof in);
        freeaddrinfo(found);
    }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int rc = connect(fd, (struct sockaddr *)&in, sizeof in);
    printf("connect %s\n", result(rc));
    return rc == 0 ? fd : -1;
}

/* Everything again: each answer at once. */
static void again(int fd)
{
    char byte;
    int error = 0;
    socklen_t len = sizeof error;
    long long begun = now_ms();
    for (int i = 0; i < 2; i++) {
        printf("again send %s\n", result(send(fd, "x", 1, 0)));
        printf("again recv %s\n", result(recv(fd, &byte, 1, 0)));
    }
    printf("again write %s\n", result(write(fd, "x", 1)));
    printf("again read %s\n", result(read(fd, &byte, 1)));
    struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};
    int n = poll(&p, 1, 10000);
    printf("again poll %d%s%s\n", n, p.revents & POLLERR ? " ERR" : "", p.revents & POLLHUP ? " HUP" : "");
    int rc = getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    printf("again so_error %s\n", rc != 0 ? "failed" : error ? strerrorname_np(error) : "0");
    if (now_ms() - begun > SLOW_MS)
        puts("again slow");
}

static bool say_all(int fd, const char *at, size_t len)
{
    size_t sent = 0;
    while (sent < len) {
        size_t now = len - sent < piece ? len - sent : piece;
        ssize_t n = send(fd, at + sent, now, 0);
        if (n < 0) {
            printf("send %s\n", result(n));
            again(fd);
            return false;
        }
        sent += (size_t)n;
        if (pause_ms && sent < len)
            usleep(pause_ms * 1000);
    }
    printf("send %zu\n", sent);
    return true;
}

/* Receives until the end, or until `enough` says so. */
static bool hear(int fd, bool (*enough)(const char *at, size_t len))
{
    static char all[REQUEST_MAX];
    size_t total = 0;
    for (;;) {
        ssize_t n = recv(fd, all + total, sizeof all - 1 - total, 0);
        if (n <= 0) {
            printf("recv %zu %s\n", total, n == 0 ? "EOF" : result(n));
            if (n < 0)
                again(fd);
            return n == 0;
        }
        if (received)
            fwrite(all + total, 1, (size_t)n, received);
        total += (size_t)n;
        all[total] = 0;
        if (enough && enough(all, total)) {
            printf("recv %zu\n", total);
            return true;
        }
    }
}

/* A response with Content-Length is complete. */
static bool is_response(const char *at, size_t len)
{
    const char *end = memmem(at, len, "\r\n\r\n", 4);
    const char *length = strcasestr(at, "\r\nContent-Length:");
    size_t body = length ? strtoul(length + strlen("\r\nContent-Length:"), NULL, 10) : 0;
    return end && len >= (size_t)(end + 4 - at) + body;
}

static bool is_anything(const char *at, size_t len)
{
    (void)at;
    return len > 0;
}

static bool talk(int fd, const char *request, size_t len)
{
    usleep(wait_ms * 1000);
    if (listens && !hear(fd, is_anything))
        return false;
    if (keep_at && keep_at < len) {
        if (!say_all(fd, request, keep_at) || !hear(fd, is_response))
            return false;
        request += keep_at;
        len -= keep_at;
    }
    return (len == 0 || say_all(fd, request, len)) && hear(fd, NULL);
}

static size_t read_request(char *buf)
{
    size_t len = 0;
    ssize_t n;
    while ((n = read(STDIN_FILENO, buf + len, REQUEST_MAX - len)) > 0)
        len += (size_t)n;
    return len;
}

int main(int argc, char **argv)
{
    static char request[REQUEST_MAX];
    int c;
    while ((c = getopt(argc, argv, "n:p:k:lw:o:")) != -1) {
        switch (c) {
        case 'n': piece = strtoul(optarg, NULL, 10); break;
        case 'p': pause_ms = (unsigned)atoi(optarg); break;
        case 'k': keep_at = strtoul(optarg, NULL, 10); break;
        case 'l': listens = true; break;
        case 'w': wait_ms = (unsigned)atoi(optarg); break;
        case 'o': received = fopen(optarg, "w"); break;
        default: return 2;
        }
    }
    if (argc - optind != 2)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, on_pipe);
    alarm(PATIENCE_S);
    size_t len = read_request(request);
    int fd = dial(argv[optind], argv[optind + 1]);
    bool fine = fd >= 0 && talk(fd, request, len);
    if (fd >= 0)
        printf("close %s\n", result(close(fd)));
    if (pipe_signal)
        puts("SIGPIPE");
    if (received)
        fclose(received);
    return fine ? 0 : 1;
}
