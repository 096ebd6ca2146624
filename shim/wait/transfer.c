/* SPDX-License-Identifier: MIT */
#include "shim/wait/transfer.h"

#include "shim/conn/bytes.h"
#include "shim/conn/machine.h"
#include "shim/conn/socket.h"
#include "shim/real.h"
#include "shim/wait/block.h"
#include "shim/wait/memory.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/single_threaded.h>

size_t transfer_total(const struct iovec *iov, size_t n)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += iov[i].iov_len;
    return total;
}

static bool must_not_wait(const struct transfer *t)
{
    if (t->flags & MSG_DONTWAIT)
        return true;
    return wait_is_forbidden(t->conn->fd);
}

#define NAP_NS 2000U /* no sleep is shorter, and no call that does not sleep takes longer */

struct patient { /* one call's waiting */
    bool asked;
    int option;
    uint64_t begun; /* when it began to sleep; 0: it has not */
    bool slept;     /* and did */
    uint64_t until;
};

/* The whole of SO_RCVTIMEO or SO_SNDTIMEO, from where the first sleep began. */
static uint64_t end_of_patience(const struct patient *p, int64_t patience)
{
    return p->begun && patience >= 0 ? p->begun + (uint64_t)patience : wait_until_ns(patience);
}

/* Sleeps until it is worth looking again; the conn is locked before and after. RC_OK: look again. */
static enum conn_rc sleep_once(struct transfer *t, struct patient *p)
{
    short events = (short)((t->conn->want_in ? POLLIN : 0) | (t->conn->want_out ? POLLOUT : 0));
    if (must_not_wait(t))
        return RC_AGAIN;
    if (!p->asked) {
        p->asked = true;
        p->until = end_of_patience(p, wait_patience(t->conn->fd, p->option));
    }
    int r = wait_conn(t->conn, t->conn->fd, events, wait_left(p->until));
    if (r < 0)
        t->error = EINTR;
    return r < 0 ? RC_ERROR : r == 0 ? RC_AGAIN : RC_OK;
}

/* ---- out ---- */

/* As the kernel: what was moved before counts. */
static enum conn_rc bad_address(struct transfer *t)
{
    t->bad = true;
    return RC_ERROR;
}

/* Gives bytes that are there. A conn that took a part, or came further, may take more at once: only when
 * neither is so does it know what to wait for. */
static enum conn_rc push_bytes(struct transfer *t, const char *at, size_t len)
{
    for (;;) {
        enum conn_state before = t->conn->state;
        size_t taken = 0;
        enum conn_rc rc = conn_send(t->conn, at, len, &taken);
        t->done += taken;
        at += taken;
        len -= taken;
        if (len == 0 || (rc != RC_OK && rc != RC_AGAIN))
            return rc;
        if (taken == 0 && t->conn->state == before)
            return RC_AGAIN;
    }
}

/* Gives one segment of the program's. */
static enum conn_rc push_segment(struct transfer *t, const char *at, size_t len)
{
    enum conn_rc rc;
    do {
        size_t taken = 0, good = len ? memory_usable(at, len, false) : 0;
        if (len && !good) { /* that it cannot be sent counts for more */
            rc = conn_send(t->conn, at, 0, &taken);
            return rc == RC_ERROR ? rc : bad_address(t);
        }
        rc = push_bytes(t, at, good);
        at += good;
        len -= good;
    } while (rc == RC_OK && len);
    return rc;
}

/* The next bytes of the vector, from `done` on, in one piece: what TCP would send in one segment must not
 * become a record and a segment for each element, of which Nagle holds back the second. */
static size_t gather(const struct transfer *t, char *to, size_t room)
{
    size_t skip = t->done, have = 0;
    for (size_t i = 0; i < t->n && have < room; i++) {
        size_t len = t->iov[i].iov_len;
        if (skip >= len) {
            skip -= len;
            continue;
        }
        const char *at = (const char *)t->iov[i].iov_base + skip;
        size_t want = len - skip < room - have ? len - skip : room - have;
        size_t good = memory_usable(at, want, false);
        memcpy(to + have, at, good);
        have += good;
        if (good < want) /* the call ends there, when it comes to it */
            break;
        skip = 0;
    }
    return have;
}

#define FEW_BYTES    1024U
#define RECORD_BYTES 16384U

/* Where the vector goes on, `done` bytes behind its start. */
static struct iovec rest_of(const struct transfer *t)
{
    size_t skip = t->done, i = 0;
    while (i + 1 < t->n && skip >= t->iov[i].iov_len)
        skip -= t->iov[i++].iov_len;
    return (struct iovec){(char *)t->iov[i].iov_base + skip, t->iov[i].iov_len - skip};
}

static enum conn_rc push_gathered(struct transfer *t, struct iovec first, size_t left)
{
    char few[FEW_BYTES];
    size_t room = left < RECORD_BYTES ? left : RECORD_BYTES;
    char *more = room > sizeof few ? malloc(room) : NULL;
    size_t len = gather(t, more ? more : few, more || room < sizeof few ? room : sizeof few);
    enum conn_rc rc = len ? push_bytes(t, more ? more : few, len)
                          : push_segment(t, first.iov_base, first.iov_len); /* a bad address */
    free(more);
    return rc;
}

/* Gives what is left to the conn, in pieces that are worth a record. */
static enum conn_rc push(struct transfer *t)
{
    size_t total = transfer_total(t->iov, t->n);
    enum conn_rc rc;
    if (!t->n) /* nothing is a question, too: may be written? */
        return push_segment(t, NULL, 0);
    do {
        struct iovec next = rest_of(t);
        size_t left = total - t->done;
        bool small = next.iov_len < RECORD_BYTES && next.iov_len < left;
        rc = small ? push_gathered(t, next, left) : push_segment(t, next.iov_base, next.iov_len);
    } while (rc == RC_OK && t->done < total);
    return rc;
}

/* A blocking call also waits until what it gave is on its way, so that it can say why it is not. */
static enum conn_rc push_and_settle(struct transfer *t, size_t total)
{
    if (t->done < total || total == 0)
        return push(t);
    conn_advance(t->conn);
    if (t->conn->state == CONN_REFUSED)
        return t->conn->error ? RC_ERROR : RC_EOF;
    return RC_OK;
}

enum conn_rc transfer_send(struct transfer *t)
{
    size_t total = transfer_total(t->iov, t->n);
    struct patient p = {.option = SO_SNDTIMEO};
    enum conn_rc rc;
    conn_lock(t->conn, t->fd);
    for (;;) {
        rc = push_and_settle(t, total);
        t->error = t->bad ? EFAULT : t->conn->error;
        if (rc == RC_ERROR && t->done && (t->bad || must_not_wait(t))) {
            rc = RC_OK; /* what was accepted stays accepted: whether the refusal came this early must not show
                         */
            if (!t->bad)
                conn_keep_error(t->conn);
        }
        bool settled = rc == RC_OK && !conn_settling(t->conn);
        if (settled || (rc != RC_OK && rc != RC_AGAIN))
            break;
        enum conn_rc waited = sleep_once(t, &p);
        if (waited != RC_OK) {
            rc = t->done || rc == RC_OK ? RC_OK : waited;
            break;
        }
    }
    conn_unlock(t->conn);
    return rc;
}

/* ---- in ---- */

/* *full: the segment was filled. */
static enum conn_rc pull_segment(struct transfer *t, char *at, size_t len, bool peek, bool *full)
{
    *full = false;
    do {
        size_t got = 0, good = len ? memory_usable(at, len, true) : 0;
        if (len && !good)
            return bad_address(t);
        enum conn_rc rc = conn_recv(t->conn, at, good, peek ? t->done : CONN_TAKE, &got);
        t->done += got;
        if (rc != RC_OK || got < good)
            return rc;
        at += got;
        len -= got;
    } while (len);
    *full = true;
    return RC_OK;
}

static enum conn_rc pull(struct transfer *t)
{
    bool peek = t->flags & MSG_PEEK;
    size_t skip = peek ? 0 : t->done;
    if (peek)
        t->done = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (skip && skip >= t->iov[i].iov_len) {
            skip -= t->iov[i].iov_len;
            continue;
        }
        bool full;
        enum conn_rc rc =
            pull_segment(t, (char *)t->iov[i].iov_base + skip, t->iov[i].iov_len - skip, peek, &full);
        if (rc != RC_OK || !full)
            return rc;
        skip = 0;
    }
    return RC_OK;
}

/* What a read would wait for is the kernel's alone to know, and it may wait: the call's first sleep, whose
 * clock the kernel keeps. */
static bool kernel_waits(const struct transfer *t, const struct patient *p)
{
    return __libc_single_threaded && !(t->flags & MSG_DONTWAIT) && !p->begun && conn_is_dry(t->conn);
}

/* The conn is not locked. RC_OK: look. */
static enum conn_rc wait_first(struct transfer *t, struct patient *p)
{
    p->begun = now_ns();
    int error = wait_byte(t->conn, t->fd);
    p->slept = now_ns() - p->begun > NAP_NS;
    if (error == EAGAIN)
        return RC_AGAIN;
    if (error == EINTR)
        t->error = EINTR;
    else if (error) {
        conn_lock(t->conn, t->fd);
        conn_met_error(t->conn, error);
        conn_unlock(t->conn);
    }
    return error == EINTR ? RC_ERROR : RC_OK;
}

static enum conn_rc wait_more(struct transfer *t, struct patient *p)
{
    if (!kernel_waits(t, p))
        return sleep_once(t, p);
    conn_unlock(t->conn);
    enum conn_rc rc = wait_first(t, p);
    conn_lock(t->conn, t->fd);
    t->conn->dry = p->slept || rc == RC_AGAIN;
    return rc;
}

enum conn_rc transfer_recv(struct transfer *t)
{
    size_t total = transfer_total(t->iov, t->n);
    size_t least = t->flags & MSG_WAITALL || t->conn->lowat > total ? total : t->conn->lowat;
    struct patient p = {.option = SO_RCVTIMEO};
    enum conn_rc rc = RC_OK;
    if (__libc_single_threaded && t->conn->dry && total && kernel_waits(t, &p))
        rc = wait_first(t, &p);
    if (rc != RC_OK)
        return rc;
    conn_lock(t->conn, t->fd);
    t->conn->dry = p.slept;
    for (;;) {
        size_t before = t->done;
        rc = pull(t);
        t->error = t->bad ? EFAULT : t->conn->error;
        bool enough = t->done && t->done >= least;
        if (enough || rc == RC_PASS || rc == RC_EOF || rc == RC_ERROR || (rc == RC_OK && !total))
            break;
        if (rc == RC_OK && t->done > before) /* not yet enough: only the conn can say what to wait for */
            continue;
        rc = wait_more(t, &p);
        if (rc != RC_OK)
            break;
    }
    if (rc == RC_ERROR && t->done && !t->bad)
        conn_keep_error(t->conn);
    conn_unlock(t->conn);
    return t->done ? RC_OK : rc;
}
