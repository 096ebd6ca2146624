/* SPDX-License-Identifier: MIT */
/* Bytes by blocking calls. */
#include "tests/matrix/programs/styles.h"

#include <netdb.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

void style_rw(void)
{
    int s = dial(0);
    ask(s);
    drain(s);
}

void style_by_hostent(void)
{
    struct hostent *found = gethostbyname("localhost");
    if (!found)
        die("gethostbyname");
    memcpy(&((struct sockaddr_in *)&to)->sin_addr, found->h_addr_list[0], 4);
    int s = dial(0);
    ssize_t n = send(s, request, request_len, 0);
    while (n > 0 && (n = recv(s, buf, sizeof buf, 0)) > 0)
        sink(buf, (size_t)n);
}

void style_one_byte(void)
{
    int s = dial(0);
    for (size_t i = 0; i < request_len; i++)
        if (write(s, request + i, 1) != 1)
            die("write");
    read_head(s);
    drain(s);
}

void style_shut_write(void)
{
    int s = dial(0);
    ask(s);
    shutdown(s, SHUT_WR);
    drain(s);
}

void style_messages(void)
{
    int s = dial(0);
    struct iovec give[] = {{request, 10}, {request + 10, request_len - 10}};
    struct iovec take[] = {{buf, 7}, {buf + 7, sizeof buf - 7}};
    struct msghdr m = {.msg_iov = give, .msg_iovlen = 2};
    ssize_t n = sendmsg(s, &m, MSG_NOSIGNAL);
    m.msg_iov = take;
    while (n > 0 && (n = recvmsg(s, &m, MSG_CMSG_CLOEXEC)) > 0)
        sink(buf, (size_t)n);
}

void style_many_messages(void)
{
    int s = dial(0);
    struct iovec give = {request, request_len}, take = {buf, sizeof buf};
    struct mmsghdr m = {.msg_hdr = {.msg_iov = &give, .msg_iovlen = 1}};
    if (sendmmsg(s, &m, 1, 0) != 1)
        die("sendmmsg");
    m.msg_hdr.msg_iov = &take;
    while (recvmmsg(s, &m, 1, MSG_WAITFORONE, NULL) == 1 && m.msg_len)
        sink(buf, m.msg_len);
}

void style_vectors(void)
{
    int s = dial(0);
    struct iovec give[] = {{request, 10}, {request + 10, request_len - 10}};
    struct iovec take[] = {{buf, 3}, {buf + 3, sizeof buf - 3}};
    ssize_t n = writev(s, give, 2);
    while (n > 0 && (n = readv(s, take, 2)) > 0)
        sink(buf, (size_t)n);
}

void style_peek(void)
{
    int s = dial(0);
    ssize_t n;
    ask(s);
    while ((n = recv(s, buf, 4096, MSG_PEEK)) > 0) {
        if (recv(s, buf, (size_t)n, MSG_WAITALL) != n)
            die("recv");
        sink(buf, (size_t)n);
    }
}

void style_wait_all(void)
{
    int s = dial(0);
    ssize_t n;
    ask(s);
    while ((n = recv(s, buf, sizeof buf, MSG_WAITALL)) > 0)
        sink(buf, (size_t)n);
}

void style_timeouts(void)
{
    int s = dial(0);
    struct timeval t = {PATIENCE_MS / 1000, 0};
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
    ask(s);
    drain(s);
}

void style_fast_open(void)
{
    int s = socket(to.ss_family, SOCK_STREAM, 0);
    if (sendto(s, request, request_len, MSG_FASTOPEN, (struct sockaddr *)&to, to_len) < 0)
        die("sendto");
    drain(s);
}
