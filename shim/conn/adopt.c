/* SPDX-License-Identifier: MIT */
/*
 * A socket that was made here and never connected here, but is connected: a process that shares it since a
 * fork() has done that, or somebody did it unseen. What goes through it is governed all the same.
 */
#include "shim/conn/dial.h"
#include "shim/conn/life.h"
#include "shim/conn/owner.h"
#include "shim/conn/socket.h"
#include "shim/real.h"
#include "shim/table.h"

static uint16_t port_of(const struct sockaddr_storage *at)
{
    struct policy_address unused;
    uint16_t port = 0;
    conn_read_address((const struct sockaddr *)at, sizeof *at, &unused, &port);
    return port;
}

struct conn *conn_adopt(int fd)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    struct conn *c = NULL;
    int error = 0;
    if (!table_is_ours() || real.getpeername(fd, (struct sockaddr *)&peer, &len) != 0)
        return NULL;
    uint16_t dialled = port_of(&peer), asked = owner_asked_port(conn_cookie(fd));
    if (asked)
        conn_put_port(&peer, asked);
    switch (conn_gate(fd, (const struct sockaddr *)&peer, len, &c, &error)) {
    case GATE_GOVERNED:
        conn_goes_to(c, dialled);
        conn_dialled(c, fd, 0, 0);
        return c;
    case GATE_REFUSED: real.shutdown(fd, SHUT_RDWR); break; /* it was said why; the call fails by itself */
    default: break;
    }
    table_set_bits(fd, 0, SLOT_FRESH);
    return NULL;
}
