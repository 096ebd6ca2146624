/* SPDX-License-Identifier: MIT */
/* The two ways through a conn: what a call that moves bytes comes to, and how it ends. */
#include "shim/hooks/through.h"

#include "shim/conn/buffer.h"
#include "shim/conn/bytes.h"
#include "shim/hooks/hooks.h"
#include "shim/hooks/numbers.h"
#include "shim/real.h"
#include "shim/table.h"
#include "shim/wait/transfer.h"

static ssize_t finish(struct transfer *t, enum conn_rc rc)
{
    conn_put(t->conn);
    switch (rc) {
    case RC_OK: return (ssize_t)t->done;
    case RC_EOF: return 0;
    case RC_AGAIN: return failed(EAGAIN);
    default: break;
    }
    return failed(t->error ? t->error : ECONNRESET);
}

/* The kernel raises SIGPIPE with EPIPE unless told otherwise; so do we, where the program's own call would
 * have. */
static ssize_t finish_send(struct transfer *t, enum conn_rc rc)
{
    if (rc == RC_EOF) { /* closed under the program */
        rc = RC_ERROR;
        t->error = EPIPE;
    }
    ssize_t n = finish(t, rc);
    if (n < 0 && errno == EPIPE && !(t->flags & MSG_NOSIGNAL)) {
        raise(SIGPIPE);
        errno = EPIPE;
    }
    return n;
}

/* RC_PASS with bytes moved already: the real call gets the rest. */
static ssize_t pass_rest(struct transfer *t)
{
    size_t skip = t->done;
    for (size_t i = 0; i < t->n; i++) {
        if (skip >= t->iov[i].iov_len) {
            skip -= t->iov[i].iov_len;
            continue;
        }
        ssize_t n =
            real.send(t->fd, (const char *)t->iov[i].iov_base + skip, t->iov[i].iov_len - skip, t->flags);
        if (n < 0)
            break;
        t->done += (size_t)n;
        if ((size_t)n < t->iov[i].iov_len - skip)
            break;
        skip = 0;
    }
    return finish(t, RC_OK);
}

bool send_through(int fd, const struct iovec *iov, size_t n, int flags, ssize_t *result)
{
    struct transfer t = {.conn = numbers_governed_out(fd, iov, n) ? table_get(fd) : NULL,
                         .fd = fd,
                         .iov = iov,
                         .n = n,
                         .flags = flags};
    if (!t.conn)
        return false;
    if (flags & (MSG_OOB | MSG_ZEROCOPY)) { /* meaningless over a record layer */
        bool plain = t.conn->state == CONN_PLAIN;
        conn_put(t.conn);
        *result = failed(EOPNOTSUPP);
        return !plain;
    }
    enum conn_rc rc = transfer_send(&t);
    if (rc == RC_PASS && t.done == 0) {
        conn_put(t.conn);
        return false;
    }
    *result = rc == RC_PASS ? pass_rest(&t) : finish_send(&t, rc);
    return true;
}

/* MSG_TRUNC on TCP throws the bytes away and counts them (tcp(7)). */
static ssize_t discard(struct transfer *t)
{
    char bin[512];
    size_t left = transfer_total(t->iov, t->n), gone = 0;
    enum conn_rc rc = RC_OK;
    do {
        struct iovec part = {bin, left < sizeof bin ? left : sizeof bin};
        struct transfer one = {.conn = t->conn,
                               .fd = t->fd,
                               .iov = &part,
                               .n = 1,
                               .flags = t->flags | (gone ? MSG_DONTWAIT : 0)};
        rc = transfer_recv(&one);
        t->error = one.error;
        gone += one.done;
        left -= one.done;
    } while (rc == RC_OK && left);
    t->done = gone;
    if (gone && rc == RC_ERROR) {
        conn_lock(t->conn, t->fd);
        conn_keep_error(t->conn);
        conn_unlock(t->conn);
    }
    return finish(t, gone ? RC_OK : rc);
}

/* In the clear: what is held goes first, and the first answer is looked at before the real call takes it.
 * False: the wait for it ended as the program's would have, *result is that. */
static bool read_plain(const struct transfer *t, ssize_t *result)
{
    char byte;
    if (!buffer_len(&t->conn->hold) && t->conn->looked)
        return true;
    conn_lock(t->conn, t->fd);
    plain_flush(t->conn);
    plain_look(t->conn);
    bool waits = !t->conn->looked && transfer_total(t->iov, t->n);
    conn_unlock(t->conn);
    if (!waits)
        return true;
    *result = real.recv(t->fd, &byte, sizeof byte, MSG_PEEK | (t->flags & MSG_DONTWAIT));
    if (*result < 0)
        return false;
    conn_lock(t->conn, t->fd);
    plain_look(t->conn);
    conn_unlock(t->conn);
    return true;
}

bool recv_through(int fd, const struct iovec *iov, size_t n, int flags, ssize_t *result)
{
    struct transfer t = {
        .conn = numbers_governed(fd) ? table_get(fd) : NULL, .fd = fd, .iov = iov, .n = n, .flags = flags};
    if (!t.conn)
        return false;
    if (flags & MSG_ERRQUEUE || t.conn->state == CONN_PLAIN) {
        bool answered = t.conn->state == CONN_PLAIN && !read_plain(&t, result);
        conn_put(t.conn);
        return answered;
    }
    if (flags & MSG_OOB) {
        conn_put(t.conn);
        *result = failed(EINVAL); /* there is no urgent data (tcp(7)) */
        return true;
    }
    if (flags & MSG_TRUNC && !(flags & MSG_PEEK)) {
        *result = discard(&t);
        return true;
    }
    enum conn_rc rc = transfer_recv(&t);
    if (rc == RC_PASS) {
        conn_put(t.conn);
        return false;
    }
    *result = finish(&t, rc);
    return true;
}
