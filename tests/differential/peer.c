/* SPDX-License-Identifier: MIT */
/*
 * The peer of the differential tester: does what the driver tells it, and answers when it is done and when
 * the bytes have arrived, so that nothing in a trace depends on time.
 *
 *   peer CERT KEY      prints "PORT" and serves; one connection after the other, orders on stdin
 *
 * Orders, a line each, answered by a line:
 *   accept          the next connection is there           "ok"
 *   send N          N bytes of the pattern go out, and are in the other kernel    "ok"
 *   read N          N bytes are read                       "ok SUM", or "end SUM" if there were less
 *   fin             close_notify, and FIN                  "ok"
 *   reset           RST                                    "ok"
 *   close           reads what there is, and closes        "end" if the other side had closed, "open" if not
 *   asleep PID TID ORDER    "ok" at once; the order is obeyed, without an answer, when that thread sleeps
 *   asleep PID TID signal S N      the thread gets the signal S; if it sleeps on after that, N bytes
 *   sync            "ok 1" if those bytes went out, "ok 0" if not
 *
 * A connection that begins with OPTIONS * is upgraded to TLS by RFC 2817; any other is plain.
 */
#include "tests/differential/arrival.h"
#include "tests/differential/asleep.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ORDER 100

static SSL_CTX *context;
static int listener, fd = -1;
static SSL *tls;
static unsigned char at_out; /* place in the pattern */
static bool started;         /* the first bytes are known: plain or TLS */
static bool went_on;         /* the last signal did not end the call */

static bool readable(int which, int ms)
{
    struct pollfd p = {.fd = which, .events = POLLIN};
    int n;
    do
        n = poll(&p, 1, ms);
    while (n < 0 && errno == EINTR);
    return n > 0;
}

/* ---- the upgrade ---- */

static void read_head(void)
{
    char byte;
    unsigned ends = 0;
    while (ends < 4 && read(fd, &byte, 1) == 1)
        ends = byte == (ends % 2 ? '\n' : '\r') ? ends + 1 : byte == '\r';
}

static void say_clear(const char *text)
{
    if (write(fd, text, strlen(text)) < 0)
        warn("write");
}

static void upgrade(void)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    read_head();
    say_clear(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: TLS/1.2, HTTP/1.1\r\nConnection: Upgrade\r\n\r\n");
    tls = SSL_new(context);
    SSL_set_fd(tls, fd);
    if (SSL_accept(tls) != 1 || SSL_write(tls, answer, sizeof answer - 1) <= 0)
        warnx("TLS failed");
}

/* What the client says first decides. */
static void start(void)
{
    char first[9] = "";
    ssize_t n;
    if (started)
        return;
    started = true;
    do {
        readable(fd, -1);
        n = recv(fd, first, 8, MSG_PEEK);
    } while (n > 0 && n < 8 && strncmp(first, "OPTIONS ", (size_t)n) == 0);
    if (strcmp(first, "OPTIONS ") == 0)
        upgrade();
    fputs(tls ? "TLS\n" : "clear\n", stderr); /* the runner looks that it is what it should be */
}

/* ---- bytes ---- */

static ssize_t take(void *buf, size_t len)
{
    int on =
        1; /* it goes out by itself after a while: a delayed acknowledgement holds up what Nagle holds back */
    setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    return tls ? SSL_read(tls, buf, (int)len) : read(fd, buf, len);
}

static void send_pattern(size_t n)
{
    unsigned char part[16000]; /* what a sleeper is woken by is one record, and one segment */
    while (n) {
        size_t len = n < sizeof part ? n : sizeof part;
        for (size_t i = 0; i < len; i++)
            part[i] = at_out++;
        ssize_t sent = tls ? SSL_write(tls, part, (int)len) : write(fd, part, len);
        if (sent <= 0)
            return;
        n -= len;
    }
    arrival(fd, false);
}

/* True: all of it came. */
static bool read_exactly(size_t n, unsigned *sum)
{
    static unsigned char part[65536];
    for (*sum = 0; n;) {
        ssize_t got = take(part, n < sizeof part ? n : sizeof part);
        if (got <= 0)
            return false;
        for (ssize_t i = 0; i < got; i++)
            *sum = *sum * 31 + part[i];
        n -= (size_t)got;
    }
    return true;
}

/* ---- ends ---- */

static void drop(void)
{
    if (tls)
        SSL_free(tls);
    tls = NULL;
    if (fd >= 0)
        close(fd);
    fd = -1;
    started = false;
    at_out = 0;
}

static bool finds_an_end(void)
{
    static char part[65536];
    while ((tls && SSL_pending(tls)) || readable(fd, 2000))
        if (take(part, sizeof part) <= 0)
            return true;
    return false;
}

static void finish(void)
{
    if (tls)
        SSL_shutdown(tls);
    shutdown(fd, SHUT_WR);
    arrival(fd, true);
}

static void reset(void)
{
    struct linger now = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    struct arrival_place place = arrival_place(fd);
    drop();
    arrival_of_reset(place);
}

/* ---- orders ---- */

static void take_connection(void)
{
    int on = 1;
    drop();
    fd = accept(listener, NULL, NULL);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void interrupt(int pid, int tid, int number, int bytes)
{
    went_on = false;
    syscall(SYS_tgkill, pid, tid, number);
    /* It sleeps, and not because it waits for an answer: it has not asked. */
    while (!readable(STDIN_FILENO, 0)) {
        if (!asleep(pid, tid) || readable(STDIN_FILENO, 0))
            continue;
        went_on = true;
        send_pattern((size_t)bytes);
        return;
    }
}

static void obey(const char *line, bool quietly)
{
    char word[16] = "";
    int a = 0, b = 0, c = 0, d = 0, at = 0;
    unsigned sum = 0;
    const char *answer = "ok";
    sscanf(line, "%15s %n%d %d %d", word, &at, &a, &b, &c);
    if (strcmp(word, "accept") == 0) {
        take_connection();
    } else if (strcmp(word, "send") == 0) {
        send_pattern((size_t)a);
    } else if (strcmp(word, "asleep") == 0) {
        sscanf(line + at, "%d %d %n", &a, &b, &c);
        puts("ok");
        fflush(stdout);
        asleep_at_last(a, b);
        line += at + c;
        if (sscanf(line, "signal %d %d", &c, &d) == 2)
            interrupt(a, b, c, d);
        else
            obey(line, true);
        return;
    } else if (strcmp(word, "sync") == 0) {
        answer = went_on ? "ok 1" : "ok 0";
    } else if (strcmp(word, "read") == 0) {
        start();
        answer = read_exactly((size_t)a, &sum) ? "ok" : "end";
        if (!quietly)
            printf("%s %u\n", answer, sum);
        return;
    } else if (strcmp(word, "fin") == 0) {
        finish();
    } else if (strcmp(word, "reset") == 0) {
        reset();
    } else if (strcmp(word, "close") == 0) {
        answer = fd >= 0 && !finds_an_end() ? "open" : "end";
        drop();
    }
    if (!quietly)
        puts(answer);
}

/* An order, while a client that wants TLS is not kept waiting for one. */
static bool next_order(char *line, int cap)
{
    for (;;) {
        struct pollfd p[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                              {.fd = started ? -1 : fd, .events = POLLIN}};
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return false;
        if (p[1].revents)
            start();
        else if (p[0].revents)
            return fgets(line, cap, stdin) != NULL;
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof in;
    int window = 65536; /* what a full socket holds is little, and always the same */
    char line[ORDER];
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdin, NULL, _IONBF, 0); /* poll() tells of what is there */
    context = SSL_CTX_new(TLS_server_method());
    if (argc != 3 || SSL_CTX_use_certificate_chain_file(context, argv[1]) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, argv[2], SSL_FILETYPE_PEM) != 1)
        errx(2, "usage: peer CERT KEY");
    listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
    if (bind(listener, (struct sockaddr *)&in, sizeof in) || listen(listener, 5) ||
        getsockname(listener, (struct sockaddr *)&in, &len))
        err(2, "listen");
    printf("%d\n", ntohs(in.sin_port));
    fflush(stdout);
    while (next_order(line, sizeof line)) {
        obey(line, false);
        fflush(stdout);
    }
    return 0;
}
