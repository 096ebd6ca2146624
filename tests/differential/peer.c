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
 *   later MS N      "ok" at once; the bytes go out after MS milliseconds
 *   read N          N bytes are read                       "ok SUM"
 *   slurp           reads what comes until nothing has come for 100 ms: "ok COUNT SUM"
 *   fin             close_notify, and FIN                  "ok"
 *   reset           RST                                    "ok"
 *   close           the connection is closed               "ok"
 *
 * A connection that begins with OPTIONS * is upgraded to TLS by RFC 2817; any other is plain.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static SSL_CTX *context;
static int listener, fd = -1;
static SSL *tls;
static unsigned char at_out; /* place in the pattern */
static bool started;         /* the first bytes are known: plain or TLS */

static void wait_readable(void)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (poll(&p, 1, -1) < 0 && errno == EINTR)
        continue;
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
    if (started)
        return;
    started = true;
    do
        wait_readable();
    while (recv(fd, first, 8, MSG_PEEK) > 0 && strncmp(first, "OPTIONS ", strlen(first)) == 0 &&
           strlen(first) < 8);
    if (strcmp(first, "OPTIONS ") == 0)
        upgrade();
    fputs(tls ? "TLS\n" : "clear\n", stderr); /* the runner looks that it is what it should be */
}

/* ---- bytes ---- */

static ssize_t take(void *buf, size_t len)
{
    return tls ? SSL_read(tls, buf, (int)len) : read(fd, buf, len);
}

static void delivered(void)
{
    int queued = 1;
    for (int i = 0; i < 20000 && ioctl(fd, SIOCOUTQ, &queued) == 0 && queued > 0; i++)
        usleep(50);
}

static void send_pattern(size_t n)
{
    unsigned char part[4096];
    while (n) {
        size_t len = n < sizeof part ? n : sizeof part;
        for (size_t i = 0; i < len; i++)
            part[i] = at_out++;
        ssize_t sent = tls ? SSL_write(tls, part, (int)len) : write(fd, part, len);
        if (sent <= 0)
            return;
        n -= len;
    }
    delivered();
}

static void read_exactly(size_t n)
{
    unsigned char part[4096];
    unsigned sum = 0;
    while (n) {
        ssize_t got = take(part, n < sizeof part ? n : sizeof part);
        if (got <= 0) {
            printf("end %u\n", sum);
            return;
        }
        for (ssize_t i = 0; i < got; i++)
            sum = sum * 31 + part[i];
        n -= (size_t)got;
    }
    printf("ok %u\n", sum);
}

static void slurp(void)
{
    unsigned char part[16384];
    unsigned sum = 0;
    size_t count = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while ((tls && SSL_pending(tls)) || poll(&p, 1, 100) > 0) {
        ssize_t got = take(part, sizeof part);
        if (got <= 0)
            break;
        for (ssize_t i = 0; i < got; i++)
            sum = sum * 31 + part[i];
        count += (size_t)got;
    }
    printf("ok %zu %u\n", count, sum);
}

/* ---- orders ---- */

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

static void later(int ms, size_t n)
{
    fflush(stdout);
    usleep((useconds_t)ms * 1000);
    send_pattern(n);
}

static void finish(void)
{
    if (tls)
        SSL_shutdown(tls);
    shutdown(fd, SHUT_WR);
    delivered();
}

static void reset(void)
{
    struct linger now = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    drop();
    usleep(2000);
}

static void obey(const char *line)
{
    char word[16] = "";
    int a = 0, b = 0, on = 1;
    sscanf(line, "%15s %d %d", word, &a, &b);
    if (strcmp(word, "accept") == 0) {
        drop();
        fd = accept(listener, NULL, NULL);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    } else if (strcmp(word, "send") == 0) {
        send_pattern((size_t)a);
    } else if (strcmp(word, "later") == 0) {
        puts("ok");
        later(a, (size_t)b);
        return;
    } else if (strcmp(word, "read") == 0) {
        start();
        read_exactly((size_t)a);
        return;
    } else if (strcmp(word, "slurp") == 0) {
        slurp();
        return;
    } else if (strcmp(word, "fin") == 0) {
        finish();
    } else if (strcmp(word, "reset") == 0) {
        reset();
    } else if (strcmp(word, "close") == 0) {
        drop();
    }
    puts("ok");
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
    char line[100];
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdin, NULL, _IONBF, 0); /* poll() tells of what is there */
    context = SSL_CTX_new(TLS_server_method());
    if (argc != 3 || SSL_CTX_use_certificate_chain_file(context, argv[1]) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, argv[2], SSL_FILETYPE_PEM) != 1)
        errx(2, "usage: peer CERT KEY");
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&in, sizeof in) || listen(listener, 5) ||
        getsockname(listener, (struct sockaddr *)&in, &len))
        err(2, "listen");
    printf("%d\n", ntohs(in.sin_port));
    fflush(stdout);
    while (next_order(line, sizeof line)) {
        obey(line);
        fflush(stdout);
    }
    return 0;
}
