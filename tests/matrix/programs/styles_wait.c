/* SPDX-License-Identifier: MIT */
/* Bytes when it is time for them. */
#include "tests/matrix/programs/styles.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <unistd.h>

static void wait_for(int s, short events)
{
    struct pollfd p = {.fd = s, .events = events};
    if (poll(&p, 1, PATIENCE_MS) <= 0)
        die("poll");
}

static void must_be_connected(int s)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error)
        die("SO_ERROR");
}

static void receive_ready(int s)
{
    ssize_t n = 1;
    while (n > 0) {
        wait_for(s, POLLIN);
        n = recv(s, buf, sizeof buf, MSG_DONTWAIT);
        if (n > 0)
            sink(buf, (size_t)n);
        else if (n < 0 && errno == EAGAIN)
            n = 1;
    }
}

void style_by_poll(void)
{
    int s = dial(SOCK_NONBLOCK);
    wait_for(s, POLLOUT);
    must_be_connected(s);
    ask(s);
    receive_ready(s);
}

/* connect() once more, for the result */
void style_by_poll_again(void)
{
    int s = dial(SOCK_NONBLOCK);
    wait_for(s, POLLOUT);
    if (connect(s, (struct sockaddr *)&to, to_len) != 0 && errno != EISCONN)
        die("connect");
    ask(s);
    receive_ready(s);
}

void style_by_select(void)
{
    int s = dial(0), one = 1;
    bool asked = false;
    ssize_t n = 1;
    ioctl(s, FIONBIO, &one);
    while (n > 0) {
        fd_set in, out_set;
        struct timeval t = {PATIENCE_MS / 1000, 0};
        FD_ZERO(&in);
        FD_ZERO(&out_set);
        FD_SET(s, asked ? &in : &out_set);
        if (select(s + 1, &in, &out_set, NULL, &t) <= 0)
            die("select");
        if (!asked)
            ask(s);
        else if ((n = read(s, buf, 1000)) > 0)
            sink(buf, (size_t)n);
        else if (n < 0 && errno == EAGAIN)
            n = 1;
        asked = true;
    }
}

/* Until EAGAIN, as an edge wants it. False: the end. */
static bool read_edge(int s)
{
    ssize_t n;
    while ((n = recv(s, buf, sizeof buf, 0)) > 0)
        sink(buf, (size_t)n);
    if (n < 0 && errno != EAGAIN)
        die("recv");
    return n != 0;
}

/* Edge-triggered and one-shot, added after connect and armed anew each time */
void style_by_epoll_oneshot(void)
{
    int s = dial(SOCK_NONBLOCK), set = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event e = {.events = EPOLLOUT | EPOLLET | EPOLLONESHOT, .data.fd = s};
    epoll_ctl(set, EPOLL_CTL_ADD, s, &e);
    for (bool asked = false, more = true; more; asked = true) {
        if (epoll_wait(set, &e, 1, PATIENCE_MS) <= 0)
            die("epoll_wait");
        if (asked)
            more = read_edge(s);
        else
            ask(s);
        e = (struct epoll_event){.events = EPOLLIN | EPOLLET | EPOLLONESHOT | EPOLLRDHUP, .data.fd = s};
        epoll_ctl(set, EPOLL_CTL_MOD, s, &e);
    }
}

/* Added once for everything, before connect */
void style_by_epoll_before(void)
{
    const uint64_t mine = 0xdeadbeefcafe;
    int s = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0), set = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u64 = mine};
    epoll_ctl(set, EPOLL_CTL_ADD, s, &e);
    if (connect(s, (struct sockaddr *)&to, to_len) != 0 && errno != EINPROGRESS)
        die("connect");
    for (bool asked = false, more = true; more;) {
        if (epoll_wait(set, &e, 1, PATIENCE_MS) <= 0 || e.data.u64 != mine)
            die("epoll_wait");
        if (!asked && (!(e.events & EPOLLOUT) || e.events & EPOLLHUP))
            continue;
        if (!asked)
            ask(s);
        asked = true;
        more = read_edge(s);
    }
}

void style_by_fionread(void)
{
    int s = dial(0);
    ssize_t n = 1;
    ask(s);
    while (n > 0) {
        int there = 0;
        wait_for(s, POLLIN);
        ioctl(s, FIONREAD, &there);
        size_t want = there <= 0 ? 1 : (size_t)there < sizeof buf ? (size_t)there : sizeof buf;
        n = read(s, buf, want);
        if (n > 0)
            sink(buf, (size_t)n);
        if (there > 0 && n != (ssize_t)want)
            die("FIONREAD");
    }
}
