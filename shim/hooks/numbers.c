/* SPDX-License-Identifier: MIT */
#include "shim/hooks/numbers.h"

#include "shim/conn/conn.h"
#include "shim/conn/life.h"
#include "shim/conn/machine.h"
#include "shim/conn/pool.h"
#include "shim/real.h"
#include "shim/table.h"
#include "shim/wait/memory.h"

#include <errno.h>
#include <fcntl.h>

static void forget(int fd)
{
    if (conn_on_forget)
        conn_on_forget(fd);
}

void numbers_came(int fd, unsigned bits)
{
    if (bits == 0 && table_bits(fd) == 0 && !table_has(fd))
        return;
    if (!table_is_ours())
        return;
    struct conn *before;
    int saved = errno;
    forget(fd);
    table_set(fd, NULL, bits, &before);
    if (before)
        conn_left(before, fd);
    errno = saved;
}

void numbers_doubled(int from, int to)
{
    int saved = errno;
    if (table_bits(to) & SLOT_FRESH)
        table_note_twin();
    if (conn_on_duplicate && table_is_ours())
        conn_on_duplicate(from, to);
    errno = saved;
}

void numbers_go(int fd)
{
    int saved = errno;
    if ((table_has(fd) || table_bits(fd)) && table_is_ours()) {
        if (relay_wanted_at_close(fd))
            relay_pass(fd, DOOR_CLOSE);
        conn_leave(fd);
    }
    forget(fd);
    errno = saved;
}

void numbers_end(void)
{
    if (!atomic_load(&pool_live) || !table_is_ours())
        return;
    for (int fd = table_next(0); fd >= 0; fd = table_next(fd + 1)) {
        if (relay_wanted_at_close(fd))
            relay_pass(fd, DOOR_CLOSE);
        conn_last_word(fd);
    }
    share_drop_all();
}

void numbers_free(int fd)
{
    struct conn *c = table_get(fd);
    int saved = errno;
    if (c && atomic_load(&c->numbers) > 1)
        table_note_twin();
    for (int n = table_next(0); c && n >= 0; n = table_next(n + 1)) {
        unsigned bits = table_bits(n);
        if (!table_names(n, c))
            continue;
        if (!(bits & SLOT_CLOEXEC))
            real.fcntl(n, F_SETFD, 0);
        conn_leave(n);
        table_set_bits(n, SLOT_FRESH | (bits & SLOT_STDIO), 0);
    }
    if (c)
        conn_put(c);
    errno = saved;
}

static bool is_stdio(int fd)
{
    return fd <= 2 || table_bits(fd) & SLOT_STDIO;
}

static bool is_for_stdio(const struct conn *c, int fd)
{
    if (table_names(fd, c) && atomic_load(&c->numbers) == 1)
        return is_stdio(fd);
    for (int n = table_next(0); n >= 0; n = table_next(n + 1))
        if (table_names(n, c) && is_stdio(n))
            return true;
    return false;
}

bool numbers_leave_stdio(struct conn *c, int fd)
{
    int saved = errno;
    int error = is_for_stdio(c, fd) ? relay_pass(fd, DOOR_STDIO) : 0;
    if (error) {
        conn_lock(c, fd);
        conn_shut(c, error); /* a write that we do not see must fail */
        conn_unlock(c);
    }
    errno = error ? error : saved;
    return error == 0;
}

void numbers_forget(int fd)
{
    if (table_bits(fd)) {
        table_set_bits(fd, 0, SLOT_FRESH | SLOT_UNLISTED);
        forget(fd);
    }
}

#define LOOKED_AT 1024U /* bytes: enough for a request line, and mostly for its Host */

static void look_unlisted(int fd, const struct iovec *iov, size_t n)
{
    if (!table_is_ours() || !n || !memory_all(iov, sizeof *iov, false) || !iov->iov_len)
        return;
    size_t len = iov->iov_len < LOOKED_AT ? iov->iov_len : LOOKED_AT;
    table_set_bits(fd, 0, SLOT_UNLISTED);
    conn_look_unlisted(fd, iov->iov_base, memory_usable(iov->iov_base, len, false));
}

bool numbers_governed_out(int fd, const struct iovec *iov, size_t n)
{
    if (!table_knows(fd))
        return false;
    if (table_bits(fd) & SLOT_UNLISTED) {
        int saved = errno;
        look_unlisted(fd, iov, n);
        errno = saved;
    }
    return numbers_governed(fd);
}

bool numbers_governed(int fd)
{
    if (!table_knows(fd))
        return false;
    if (table_has(fd) || !(table_bits(fd) & SLOT_FRESH))
        return table_has(fd);
    int saved = errno;
    struct conn *c = conn_adopt(fd);
    if (c) {
        numbers_leave_stdio(c, fd);
        conn_put(c);
    }
    errno = saved;
    return c != NULL;
}

struct conn *numbers_sealed(int fd)
{
    struct conn *c = table_get(fd);
    if (c && conn_is_through(c)) {
        conn_put(c);
        return NULL;
    }
    return c;
}

bool numbers_is_sealed(int fd)
{
    struct conn *c = table_has(fd) ? numbers_sealed(fd) : NULL;
    if (c)
        conn_put(c);
    return c != NULL;
}

bool numbers_are_parents(int fd)
{
    struct conn *c = table_has(fd) && !table_is_ours() ? numbers_sealed(fd) : NULL;
    bool theirs = c && conn_is_socket(c, fd);
    if (c)
        conn_put(c);
    return theirs;
}

bool numbers_may_pass(int fd, enum door door)
{
    if (!numbers_governed(fd))
        return true;
    int saved = errno;
    int error = table_is_ours() ? relay_pass(fd, door) : numbers_are_parents(fd) ? EOPNOTSUPP : 0;
    errno = error ? error : saved;
    return error == 0;
}
