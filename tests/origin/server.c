/* SPDX-License-Identifier: MIT */
#include "tests/origin/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- listeners ---- */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t make_address(union address *a, const char *text, int port)
{
    memset(a, 0, sizeof(*a));
    if (inet_pton(AF_INET, text, &a->v4.sin_addr) == 1) {
        a->v4.sin_family = AF_INET;
        a->v4.sin_port = htons((uint16_t)port);
        return sizeof(a->v4);
    }
    if (inet_pton(AF_INET6, text, &a->v6.sin6_addr) == 1) {
        a->v6.sin6_family = AF_INET6;
        a->v6.sin6_port = htons((uint16_t)port);
        return sizeof(a->v6);
    }
    return 0;
}

/* Listens; *port becomes the real one. -1: errno */
static int listen_on(const char *text, int *port)
{
    union address a;
    socklen_t len = make_address(&a, text, *port);
    int one = 1, fd;

    if (len == 0) {
        errno = EINVAL;
        return -1;
    }
    fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (a.any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    if (a.any.sa_family == AF_INET && a.v4.sin_addr.s_addr == htonl(INADDR_ANY) &&
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof("lo")) < 0) {
        close(fd);
        return -1;
    }
    if (bind(fd, &a.any, len) < 0 || listen(fd, 4096) < 0 || getsockname(fd, &a.any, &len) < 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    *port = ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
    return fd;
}

bool server_listen(struct server *s, char *err, size_t err_size)
{
    for (int tls = 0; tls < 2; tls++) {
        int *port = tls ? &s->tls_port : &s->port;
        for (size_t i = 0; i < s->n_addresses; i++) {
            int fd = listen_on(s->addresses[i], port);
            if (fd < 0) {
                snprintf(err, err_size, "cannot listen on %s port %d: %s", s->addresses[i], *port,
                         strerror(errno));
                return false;
            }
            s->fds[s->n_fds] = fd;
            s->is_tls[s->n_fds++] = tls;
        }
    }
    return true;
}

/* ---- ready ---- */

static bool write_ready(const char *path, const char *text)
{
    char tmp[4100];
    FILE *f;

    snprintf(tmp, sizeof(tmp), "%s.tmp", path);
    f = fopen(tmp, "we");
    if (!f)
        return false;
    fputs(text, f);
    return fclose(f) == 0 && rename(tmp, path) == 0;
}

bool server_announce(const struct server *s)
{
    char text[128], path[4096];

    snprintf(text, sizeof(text), "port %d\ntls-port %d\npid %d\nready\n", s->port, s->tls_port,
             (int)getpid());
    snprintf(path, sizeof(path), "%s/ready", s->dir);
    if (!write_ready(path, text) || (s->ready_file && !write_ready(s->ready_file, text)))
        return false;
    fputs(text, stdout);
    return fflush(stdout) == 0;
}

/* ---- connections ---- */

struct job {
    const struct server *server;
    struct conn *c;
};

static void serve_honestly(const struct server *s, struct conn *c)
{
    if (!c->on_tls_port || tls_accept(c, s->honest.ctx, &s->honest.tls))
        http_serve(c, &s->honest, true, 0);
    stream_close_notify(c);
    stream_fin(c);
}

static const char *dotted(uint32_t address, char text[INET_ADDRSTRLEN])
{
    struct in_addr in = {htonl(address)};

    return address ? inet_ntop(AF_INET, &in, text, INET_ADDRSTRLEN) : "-";
}

static void *connection(void *arg)
{
    char at[INET_ADDRSTRLEN];
    struct job job = *(struct job *)arg;
    const struct block *block = job.server->script ? script_choose(job.server->script, job.c) : NULL;

    free(arg);
    journal_event(job.c->id, "accept port=%s at=%s", job.c->on_tls_port ? "tls" : "plain",
                  dotted(job.c->address, at));
    if (block)
        script_run(job.c, block, &job.server->honest, job.server->tls_port);
    else
        serve_honestly(job.server, job.c);
    journal_event(job.c->id, "closed");
    stream_free(job.c);
    return NULL;
}

static void start_thread(const struct server *s, struct conn *c)
{
    struct job *job = malloc(sizeof(*job));
    pthread_attr_t attr;
    pthread_t thread;

    if (!job) {
        stream_free(c);
        return;
    }
    job->server = s;
    job->c = c;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, 512 * 1024);
    if (pthread_create(&thread, &attr, connection, job) != 0) {
        free(job);
        stream_free(c);
    }
    pthread_attr_destroy(&attr);
}

/* how many connections an address had */
struct dialled {
    uint32_t address;
    unsigned long all, port[2];
};

/* Finds it or makes it; NULL: no memory. Accept loop alone. */
static struct dialled *dialled_at(uint32_t address)
{
    static struct dialled *known;
    static size_t n, size;

    for (size_t i = n; i-- > 0;)
        if (known[i].address == address)
            return &known[i];
    if (n == size) {
        size_t more = size ? 2 * size : 64;
        struct dialled *grown = realloc(known, more * sizeof(*known));
        if (!grown)
            return NULL;
        known = grown;
        size = more;
    }
    known[n] = (struct dialled){.address = address};
    return &known[n++];
}

/* Which address the peer dialled, and how many did before it. */
static void count_address(struct conn *c)
{
    union address a = {0};
    socklen_t len = sizeof(a);
    struct dialled *d;

    if (getsockname(c->fd, &a.any, &len) < 0 || a.any.sa_family != AF_INET)
        return;
    c->address = ntohl(a.v4.sin_addr.s_addr);
    d = dialled_at(c->address);
    if (d) {
        c->address_id = ++d->all;
        c->address_port_id = ++d->port[c->on_tls_port];
    }
}

static void accept_all(const struct server *s, size_t i)
{
    static unsigned long ids, port_ids[2] = {0, 0};
    int fd;

    while ((fd = accept4(s->fds[i], NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        struct conn *c = stream_new(fd, ++ids, ++port_ids[s->is_tls[i]], s->is_tls[i]);
        if (!c)
            continue;
        count_address(c);
        start_thread(s, c);
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        poll(NULL, 0, 10);
}

bool server_run(struct server *s, int signal_fd)
{
    struct pollfd p[SERVER_FDS + 1];

    for (size_t i = 0; i < s->n_fds; i++)
        p[i] = (struct pollfd){s->fds[i], POLLIN, 0};
    p[s->n_fds] = (struct pollfd){signal_fd, POLLIN, 0};
    while (!(p[s->n_fds].revents & POLLIN)) {
        if (poll(p, s->n_fds + 1, -1) < 0 && errno != EINTR)
            break;
        for (size_t i = 0; i < s->n_fds; i++)
            if (p[i].revents & POLLIN)
                accept_all(s, i);
    }
    for (size_t i = 0; i < s->n_fds; i++)
        close(s->fds[i]);
    return stream_stop_all();
}
