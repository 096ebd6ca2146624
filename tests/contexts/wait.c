/* SPDX-License-Identifier: MIT */
/* Readiness: nothing is there; then something is, which a wait has to tell of. */
#include "tests/contexts/contexts.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <unistd.h>

int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room);
int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask,
                size_t room);

static volatile nfds_t one = 1; /* the compiler does not know */
static const struct timespec at_once, soon = {5, 0};

static void told(const char *call, int result, const struct pollfd *p)
{
    said(call, result);
    say("revents %#x", (unsigned)p->revents);
}

SNIPPET(poll)
{
    struct pollfd p[1] = {{.fd = e->r, .events = POLLIN}};
    told("nothing", poll(p, one, 0), p);
    put(e, HELLO);
    told("something", poll(p, one, 5000), p);
    p[0] = (struct pollfd){.fd = e->w, .events = POLLOUT};
    told("room", poll(p, one, 5000), p);
    p[0].fd = 9999;
    told("nowhere", poll(p, one, 0), p);
    take(e, hello_len);
}

SNIPPET(ppoll)
{
    struct pollfd p[1] = {{.fd = e->r, .events = POLLIN}};
    sigset_t none;
    sigemptyset(&none);
    told("nothing", ppoll(p, one, &at_once, &none), p);
    put(e, HELLO);
    told("something", ppoll(p, one, &soon, &none), p);
    take(e, hello_len);
}

SNIPPET(__poll_chk)
{
    struct pollfd p[1] = {{.fd = e->r, .events = POLLIN}};
    told("nothing", __poll_chk(p, one, 0, sizeof p), p);
    put(e, HELLO);
    told("something", __poll_chk(p, one, 5000, sizeof p), p);
    take(e, hello_len);
}

SNIPPET(__ppoll_chk)
{
    struct pollfd p[1] = {{.fd = e->r, .events = POLLIN}};
    told("nothing", __ppoll_chk(p, one, &at_once, NULL, sizeof p), p);
    put(e, HELLO);
    told("something", __ppoll_chk(p, one, &soon, NULL, sizeof p), p);
    take(e, hello_len);
}

/* ---- select ---- */

static void alone(fd_set *set, int fd)
{
    FD_ZERO(set);
    FD_SET(fd, set);
}

SNIPPET(select)
{
    fd_set in, out;
    struct timeval zero = {0, 0}, time = {5, 0};
    alone(&in, e->r);
    said("nothing", select(e->r + 1, &in, NULL, NULL, &zero));
    put(e, HELLO);
    alone(&in, e->r);
    said("something", select(e->r + 1, &in, NULL, NULL, &time));
    say("set %d", FD_ISSET(e->r, &in) != 0);
    alone(&out, e->w);
    said("room", select(e->w + 1, NULL, &out, NULL, &time));
    said("negative", select(-1, NULL, NULL, NULL, &zero));
    take(e, hello_len);
}

SNIPPET(pselect)
{
    fd_set in;
    sigset_t none;
    sigemptyset(&none);
    alone(&in, e->r);
    said("nothing", pselect(e->r + 1, &in, NULL, NULL, &at_once, &none));
    put(e, HELLO);
    alone(&in, e->r);
    said("something", pselect(e->r + 1, &in, NULL, NULL, &soon, &none));
    say("set %d", FD_ISSET(e->r, &in) != 0);
    take(e, hello_len);
}

/* ---- epoll ---- */

static int watching(const struct ends *e)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0xfeedbeef12345678ULL};
    int set = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ctl(set, EPOLL_CTL_ADD, e->r, &event) != 0)
        said("ADD", -1);
    return set;
}

static void event_is(const char *call, int result, const struct epoll_event *event)
{
    said(call, result);
    if (result > 0)
        say("events %#x data %#lx", event->events, (unsigned long)event->data.u64);
}

SNIPPET_ONCE(epoll_create)
{
    int set = epoll_create(10);
    say("epoll_create: %d", set >= 0);
    close(set);
    said("none", epoll_create(0));
    (void)e;
}

SNIPPET_ONCE(epoll_create1)
{
    int set = epoll_create1(EPOLL_CLOEXEC);
    say("epoll_create1: %d", set >= 0);
    close(set);
    said("flags", epoll_create1(12345));
    (void)e;
}

SNIPPET(epoll_ctl)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 1};
    int set = epoll_create1(0);
    said("MOD", epoll_ctl(set, EPOLL_CTL_MOD, e->r, &event));
    said("ADD", epoll_ctl(set, EPOLL_CTL_ADD, e->r, &event));
    said("ADD", epoll_ctl(set, EPOLL_CTL_ADD, e->r, &event));
    said("MOD", epoll_ctl(set, EPOLL_CTL_MOD, e->r, &event));
    said("DEL", epoll_ctl(set, EPOLL_CTL_DEL, e->r, NULL));
    said("DEL", epoll_ctl(set, EPOLL_CTL_DEL, e->r, NULL));
    said("set", epoll_ctl(e->r, EPOLL_CTL_ADD, e->r, &event));
    close(set);
}

SNIPPET(epoll_wait)
{
    struct epoll_event got[4];
    int set = watching(e);
    said("nothing", epoll_wait(set, got, 4, 0));
    put(e, HELLO);
    event_is("something", epoll_wait(set, got, 4, 5000), got);
    said("none", epoll_wait(set, got, 0, 0));
    said("set", epoll_wait(e->r, got, 4, 0));
    take(e, hello_len);
    said("nothing", epoll_wait(set, got, 4, 0));
    close(set);
}

SNIPPET(epoll_pwait)
{
    struct epoll_event got[4];
    sigset_t none;
    int set = watching(e);
    sigemptyset(&none);
    said("nothing", epoll_pwait(set, got, 4, 0, &none));
    put(e, HELLO);
    event_is("something", epoll_pwait(set, got, 4, 5000, &none), got);
    take(e, hello_len);
    close(set);
}

SNIPPET(epoll_pwait2)
{
    struct epoll_event got[4];
    int set = watching(e);
    said("nothing", epoll_pwait2(set, got, 4, &at_once, NULL));
    put(e, HELLO);
    event_is("something", epoll_pwait2(set, got, 4, &soon, NULL), got);
    take(e, hello_len);
    close(set);
}
