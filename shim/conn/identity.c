/* SPDX-License-Identifier: MIT */
/* Which socket a descriptor is, and which process may use the session on it: a number proves neither. */
#include "shim/conn/conn.h"
#include "shim/conn/life.h"
#include "shim/conn/owner.h"
#include "shim/conn/socket.h"
#include "shim/real.h"
#include "shim/table.h"

int conn_option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    return real.getsockopt(fd, level, name, &value, &len) == 0 ? value : -1;
}

uint64_t conn_cookie(int fd)
{
    uint64_t cookie = 0;
    socklen_t len = sizeof cookie;
    return real.getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0 ? cookie : 0;
}

bool conn_is_socket(struct conn *c, int fd)
{
    return c->cookie == 0 || conn_cookie(fd) == c->cookie;
}

bool conn_claim(struct conn *c)
{
    if (c->share.there && conn_on_shared)
        conn_on_shared(c);
    if (c->state == CONN_RELAYED || c->state == CONN_REFUSED) /* a use that the state answers */
        return true;
    return c->owner ? owner_claim(c->owner, c->owned) : c->born_in == table_pid();
}

bool conn_is_user(const struct conn *c)
{
    return c->owner ? owner_holds(c->owner, c->owned) : c->born_in == table_pid();
}

void conn_take_lowat(struct conn *c, int fd)
{
    const int one = 1;
    int lowat = conn_option(fd, SOL_SOCKET, SO_RCVLOWAT);
    c->lowat = lowat > 1 ? (unsigned)lowat : 1;
    if (c->lowat > 1)
        real.setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof one);
}

void conn_give_lowat(const struct conn *c, int fd)
{
    if (c->lowat > 1)
        real.setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &c->lowat, sizeof c->lowat);
}
