/* SPDX-License-Identifier: MIT */
/*
 * A socket that was made here and never connected here, but is connected: a process that shares it since a
 * fork() has done that, or somebody did it unseen. What goes through it is governed all the same.
 */
#include "shim/conn/conn.h"
#include "shim/real.h"
#include "shim/table.h"

struct conn *conn_adopt(int fd)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    struct conn *c = NULL;
    int error = 0;
    if (!table_is_ours() || real.getpeername(fd, (struct sockaddr *)&peer, &len) != 0)
        return NULL;
    switch (conn_gate(fd, (const struct sockaddr *)&peer, len, &c, &error)) {
    case GATE_GOVERNED: conn_dialled(c, fd, 0, 0); return c;
    case GATE_REFUSED: real.shutdown(fd, SHUT_RDWR); break; /* it was said why; the call fails by itself */
    default: break;
    }
    table_set_bits(fd, 0, SLOT_FRESH);
    return NULL;
}
