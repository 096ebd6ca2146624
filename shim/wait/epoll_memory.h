/* SPDX-License-Identifier: MIT */
/*
 * Registrations of TCP sockets that are not connected yet: some programs call epoll_ctl() first and connect()
 * then (nginx, asio). They stay the kernel's own and are remembered, so that connect() can make them ours.
 *
 * One lock of its own, taken with signals blocked. May map memory; never blocks. Not in a signal handler
 * before init.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct epoll_remembered {
    int set, fd;
    uint64_t cookie; /* SO_COOKIE: numbers come back */
    uint32_t events;
    epoll_data_t data;
    struct epoll_remembered *next;
};

/* What a successful epoll_ctl() on such a number did. */
void epoll_remember(int set, int op, int fd, const struct epoll_event *event);
/* Is anything remembered of this number? Lock-free; may say yes for another number. */
bool epoll_remembers(int fd);
/* Takes one registration of the number out, or returns false. */
bool epoll_recall(int fd, struct epoll_remembered *out);
/* Forgets all registrations of the number. */
void epoll_unremember(int number);
void epoll_memory_after_fork(void);
