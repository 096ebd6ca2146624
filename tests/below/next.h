/* SPDX-License-Identifier: MIT */
/* The functions below us: next.recv(fd, …). Not by their plain names, which are those of libtlsup.so. */
#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define FUNCTIONS                                                                                            \
    FUNCTION(ssize_t, recv, (int, void *, size_t, int))                                                      \
    FUNCTION(ssize_t, recvfrom, (int, void *, size_t, int, struct sockaddr *, socklen_t *))                  \
    FUNCTION(ssize_t, recvmsg, (int, struct msghdr *, int))                                                  \
    FUNCTION(ssize_t, read, (int, void *, size_t))                                                           \
    FUNCTION(ssize_t, readv, (int, const struct iovec *, int))                                               \
    FUNCTION(ssize_t, send, (int, const void *, size_t, int))                                                \
    FUNCTION(ssize_t, sendto, (int, const void *, size_t, int, const struct sockaddr *, socklen_t))          \
    FUNCTION(ssize_t, sendmsg, (int, const struct msghdr *, int))                                            \
    FUNCTION(ssize_t, write, (int, const void *, size_t))                                                    \
    FUNCTION(ssize_t, writev, (int, const struct iovec *, int))                                              \
    FUNCTION(int, connect, (int, const struct sockaddr *, socklen_t))                                        \
    FUNCTION(int, getsockopt, (int, int, int, void *, socklen_t *))                                          \
    FUNCTION(int, fcntl, (int, int, ...))                                                                    \
    FUNCTION(int, poll, (struct pollfd *, nfds_t, int))                                                      \
    FUNCTION(int, ppoll, (struct pollfd *, nfds_t, const struct timespec *, const sigset_t *))               \
    FUNCTION(int, select, (int, fd_set *, fd_set *, fd_set *, struct timeval *))                             \
    FUNCTION(int, pselect, (int, fd_set *, fd_set *, fd_set *, const struct timespec *, const sigset_t *))   \
    FUNCTION(int, epoll_ctl, (int, int, int, struct epoll_event *))                                          \
    FUNCTION(int, epoll_wait, (int, struct epoll_event *, int, int))                                         \
    FUNCTION(int, epoll_pwait, (int, struct epoll_event *, int, int, const sigset_t *))                      \
    FUNCTION(int, epoll_pwait2, (int, struct epoll_event *, int, const struct timespec *, const sigset_t *)) \
    FUNCTION(int, close, (int))

struct next_functions {
#define FUNCTION(ret, name, params) ret(*name) params;
    FUNCTIONS
#undef FUNCTION
};
extern struct next_functions next;

/* Finds them, once. */
void next_find(void);
