/* SPDX-License-Identifier: MIT */
/* Our own calls on a socket. */
#include "shim/conn/socket.h"
#include "shim/real.h"

#include <errno.h>

ssize_t conn_recv_now(int fd, void *buf, size_t len, int flags)
{
    ssize_t n;
    do
        n = real.recv(fd, buf, len, flags | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n;
}

ssize_t conn_send_now(int fd, const void *buf, size_t len)
{
    ssize_t n;
    do
        n = real.send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n;
}
