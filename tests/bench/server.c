/* SPDX-License-Identifier: MIT */
/* server CERTIFICATE KEY PORT TLS-PORT LOG: what no server of Debian 12 is: one that switches to TLS in band
 * (RFC 2817) and does not stand in the way of a measurement. PORT is plain and switches, TLS-PORT is TLS from
 * the first byte. GET /1k, /bytes/N: a body of that size       PUT: takes a body       GET /echo: gives back
 * what comes, behind a 101 A thread a connection. When one ends, LOG gets a line: WAY (plain, upgrade,
 * implicit)  VERSION of TLS or -  resumed or full  requests  bytes taken  bytes given */
#include "tests/bench/link.h"
#include "tests/bench/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int log_file;

struct arrival {
    int fd;
    bool tls; /* from the first byte */
};

static void record(const struct link *link, const struct served *served)
{
    char line[256];
    int n = snprintf(line, sizeof(line), "%s %s %s %llu %llu %llu\n", served->way, link_version(link),
                     link_resumed(link) ? "resumed" : "full", served->requests, served->in, served->out);

    (void)!write(log_file, line, (size_t)n);
}

static void *connection(void *argument)
{
    struct arrival *arrival = argument;
    struct link link = {.fd = arrival->fd};
    struct served served = {.way = arrival->tls ? "implicit" : "plain"};
    int on = 1;

    setsockopt(link.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (!arrival->tls || link_accept(&link))
        serve(&link, &served, record);
    link_close(&link);
    free(arrival);
    return NULL;
}

static void start(int fd, bool tls, const pthread_attr_t *detached)
{
    struct arrival *arrival = malloc(sizeof(*arrival));
    pthread_t thread;

    if (arrival)
        *arrival = (struct arrival){fd, tls};
    if (!arrival || pthread_create(&thread, detached, connection, arrival) != 0) {
        fputs("server: no thread\n", stderr);
        free(arrival);
        close(fd);
    }
}

static int listen_on(const char *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((in_port_t)strtol(port, NULL, 10))};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 4096) < 0) {
        perror("server: listen");
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv)
{
    pthread_attr_t detached;

    if (argc != 6 || !link_identity(argv[1], argv[2])) {
        fputs("usage: server CERTIFICATE KEY PORT TLS-PORT LOG\n", stderr);
        return 2;
    }
    struct pollfd doors[2] = {{.fd = listen_on(argv[3]), .events = POLLIN},
                              {.fd = listen_on(argv[4]), .events = POLLIN}};
    log_file = open(argv[5], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log_file < 0) {
        perror(argv[5]);
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&detached, 512L * 1024);
    while (poll(doors, 2, -1) > 0 || errno == EINTR)
        for (int i = 0; i < 2; i++) {
            int fd = doors[i].revents ? accept(doors[i].fd, NULL, NULL) : -1;
            if (fd >= 0)
                start(fd, i == 1, &detached);
        }
    return 1;
}
