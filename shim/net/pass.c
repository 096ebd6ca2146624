/* SPDX-License-Identifier: MIT */
#include "shim/net/pass.h"

#include "shim/real.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

void pass_send(int line, int fd, int word)
{
    struct iovec iov = {.iov_base = &word, .iov_len = sizeof word};
    char room[CMSG_SPACE(sizeof fd)] __attribute__((aligned(sizeof(size_t)))) = {0};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    if (fd >= 0) {
        m.msg_control = room;
        m.msg_controllen = sizeof room;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    real.sendmsg(line, &m, MSG_NOSIGNAL);
}

int pass_receive(int line, int *word)
{
    int fd = -1;
    struct iovec iov = {.iov_base = word, .iov_len = sizeof *word};
    char room[CMSG_SPACE(sizeof fd)] __attribute__((aligned(sizeof(size_t)))) = {0};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    if (real.recvmsg(line, &m, MSG_CMSG_CLOEXEC) != sizeof *word) {
        *word = ECHILD;
        return -1;
    }
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (c && c->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}
