/* SPDX-License-Identifier: MIT */
#include "shim/conn/share.h"

#include "shim/conn/conn.h"
#include "shim/conn/life.h"
#include "shim/conn/owner.h"
#include "shim/conn/pool.h"
#include "shim/conn/socket.h"
#include "shim/real.h"
#include "shim/start.h"
#include "shim/table.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define FAR  700 /* beyond the numbers that programs get, if the limit allows it */
#define NEAR 10

AT_START void (*conn_on_shared)(struct conn *c);
static atomic_uint live; /* shares of this process */

/* ---- descriptors ---- */

static int move_away(int fd)
{
    int to = real.fcntl(fd, F_DUPFD_CLOEXEC, FAR);
    if (to < 0)
        to = real.fcntl(fd, F_DUPFD_CLOEXEC, NEAR);
    real.close(fd);
    return to;
}

static void close_own(int fd, uint64_t cookie)
{
    if (fd >= 0 && conn_cookie(fd) == cookie)
        real.close(fd);
}

union rights { /* control data with room for one descriptor */
    char room[CMSG_SPACE(sizeof(int))];
    struct cmsghdr head;
};

static bool post(int box, int fd)
{
    char byte = 0;
    struct iovec one = {&byte, 1};
    union rights rights = {
        .head = {.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct msghdr msg = {
        .msg_iov = &one, .msg_iovlen = 1, .msg_control = rights.room, .msg_controllen = sizeof rights.room};
    memcpy(CMSG_DATA(&rights.head), &fd, sizeof fd);
    return real.sendmsg(box, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

static int fetch(int box)
{
    char byte;
    int fd = -1;
    struct iovec one = {&byte, 1};
    union rights rights;
    struct msghdr msg = {
        .msg_iov = &one, .msg_iovlen = 1, .msg_control = rights.room, .msg_controllen = sizeof rights.room};
    if (real.recvmsg(box, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1)
        return -1;
    struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
    if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(h), sizeof fd);
    return fd;
}

/* ---- making ---- */

/* The relay's end goes into the mailbox, and the mailbox's slot is closed behind it: nobody holds it. */
static bool fill_mailbox(const struct conn_share *s, int pair[2], int box[2])
{
    static const char nobodys = 0;
    return s->end >= 0 && s->mail >= 0 && real.send(s->end, &nobodys, 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1 &&
           post(box[0], pair[0]);
}

static void close_both(const int fds[2])
{
    for (int i = 0; i < 2; i++)
        if (fds[i] >= 0)
            real.close(fds[i]);
}

static bool make(struct conn_share *s)
{
    int pair[2] = {-1, -1}, box[2] = {-1, -1};
    bool made = real.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0 &&
                real.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, box) == 0;
    *s = (struct conn_share){.end = -1, .mail = -1};
    if (made) {
        s->end = move_away(pair[1]);
        s->mail = move_away(box[1]);
        pair[1] = box[1] = -1;
        made = fill_mailbox(s, pair, box);
    }
    close_both(pair);
    close_both(box);
    if (!made)
        close_both((const int[]){s->end, s->mail});
    s->there = made;
    s->end_cookie = made ? conn_cookie(s->end) : 0;
    s->mail_cookie = made ? conn_cookie(s->mail) : 0;
    return made;
}

/* Whose TCP is still on its way may have an error to tell, which a pair has not. */
static bool tcp_is_there(const struct conn *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLOUT};
    return !c->connecting || (real.poll(&p, 1, 0) == 1 && p.revents == POLLOUT);
}

static bool may_be_shared(struct conn *c)
{
    return c->state == CONN_CANDIDATE && atomic_load(&c->numbers) > 0 && conn_is_socket(c, c->fd) &&
           c->owner && owner_claim(c->owner, c->owned) && tcp_is_there(c);
}

static void share_one(struct conn *c)
{
    if (c->share.there) {
        owner_count(c->owner, c->owned, 1);
    } else if (may_be_shared(c) && make(&c->share)) {
        atomic_fetch_add(&live, 1);
        owner_count(c->owner, c->owned, 2); /* this process, and the child */
    }
}

void share_before_fork(void)
{
    if (!atomic_load(&pool_live) || !table_is_ours()) /* or it is we who make a copy (relay/copy.c) */
        return;
    for (unsigned i = 0; i < pool_size(); i++) {
        struct conn *c = pool_at(i);
        if (c->state != CONN_CANDIDATE || !pool_try_ref(c))
            continue;
        conn_lock(c, -1); /* whichever of its numbers lives */
        share_one(c);
        conn_unlock(c);
        conn_put(c);
    }
}

/* ---- using ---- */

bool share_stands(const struct conn *c)
{
    return conn_cookie(c->share.end) == c->share.end_cookie &&
           conn_cookie(c->share.mail) == c->share.mail_cookie;
}

bool share_is_alone(const struct conn *c)
{
    return owner_count(c->owner, c->owned, 0) <= 1 && !owner_is_escaped(c->owner, c->owned);
}

int share_take(struct conn *c)
{
    return fetch(c->share.mail);
}

int share_take_end(struct conn *c)
{
    int end = c->share.end;
    c->share.end = -1;
    share_drop(c);
    return end;
}

void share_drop(struct conn *c)
{
    if (!c->share.there)
        return;
    close_own(c->share.end, c->share.end_cookie);
    close_own(c->share.mail, c->share.mail_cookie);
    c->share.there = false;
    atomic_fetch_sub(&live, 1);
    owner_count(c->owner, c->owned, -1);
}

/* Calls `act` on the shares that it is for. */
static void for_all(bool registered, void (*act)(struct conn *c))
{
    if (!atomic_load(&live) || !table_is_ours())
        return;
    for (unsigned i = 0; i < pool_size(); i++) {
        struct conn *c = pool_at(i);
        if (!pool_try_ref(c))
            continue;
        conn_lock(c, -1); /* whichever of its numbers lives */
        if (c->share.there && (!registered || c->regs))
            act(c);
        conn_unlock(c);
        conn_put(c);
    }
}

void share_drop_all(void)
{
    for_all(false, share_drop);
}

static void wake(struct conn *c)
{
    c->changed = true;
}

void share_after_fork(void)
{
    for_all(false, wake);
}

static void use(struct conn *c)
{
    conn_claim(c);
}

void share_use_registered(void)
{
    for_all(true, use);
}
