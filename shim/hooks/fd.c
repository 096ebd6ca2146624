/* SPDX-License-Identifier: MIT */
/* Descriptor numbers: closed, duplicated, and asked about. */
#include "shim/conn/bytes.h"
#include "shim/conn/conn.h"
#include "shim/conn/life.h"
#include "shim/conn/machine.h"
#include "shim/conn/pool.h"
#include "shim/hooks/hooks.h"
#include "shim/hooks/numbers.h"
#include "shim/real.h"
#include "shim/table.h"
#include "shim/wait/memory.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- close ---- */

EXPORT int close(int fd)
{
    numbers_go(fd);
    return real.close(fd);
}
ALIAS_OF(close) int __close(int fd);

#define LIKELY_NUMBERS 65536U /* epoll sets with higher numbers are found out when they are used again */

static void go_in_range(unsigned first, unsigned last)
{
    for (int fd = table_next((int)first); fd >= 0 && (unsigned)fd <= last; fd = table_next(fd + 1))
        numbers_go(fd);
    for (unsigned fd = first; conn_on_forget && fd <= last && fd < LIKELY_NUMBERS; fd++)
        conn_on_forget((int)fd);
}

EXPORT int close_range(unsigned first, unsigned last, int flags)
{
    if (first > last || ((unsigned)flags & ~(CLOSE_RANGE_CLOEXEC | CLOSE_RANGE_UNSHARE)) || !table_is_ours())
        return real.close_range(first, last, flags);
    if ((unsigned)flags & CLOSE_RANGE_CLOEXEC) {
        for (int fd = table_next((int)first); fd >= 0 && (unsigned)fd <= last; fd = table_next(fd + 1))
            table_set_bits(fd, SLOT_CLOEXEC, 0);
    } else if (first <= (unsigned)INT32_MAX) {
        go_in_range(first, last);
    }
    return real.close_range(first, last, flags);
}

EXPORT void closefrom(int first)
{
    if (table_is_ours())
        go_in_range(first < 0 ? 0 : (unsigned)first, INT32_MAX);
    real.closefrom(first);
}

/* ---- duplicates ---- */

/* The kernel made `to` a duplicate of the conn's descriptor: the table follows. */
static void publish(struct conn *c, int to, unsigned bits)
{
    struct conn *before;
    pool_ref(c);
    atomic_fetch_add(&c->numbers, 1);
    table_set(to, c, bits, &before);
    if (before)
        conn_left(before, to);
}

/* F_DUPFD and dup: a duplicate of a conn is close-on-exec for the kernel whatever the program asked, and
 * never 0, 1 or 2: the lowest number that is free is looked at first, then the descriptor is handed over. */
static int duplicate(int fd, int least, bool cloexec)
{
    int cmd = cloexec ? F_DUPFD_CLOEXEC : F_DUPFD;
    if (numbers_are_parents(fd))
        return (int)failed(EOPNOTSUPP);
    struct conn *c = table_is_ours() ? table_get(fd) : NULL;
    bool sealed = c && !conn_is_through(c);
    unsigned fresh = table_bits(fd) & SLOT_FRESH;
    int to = real.fcntl(fd, sealed ? F_DUPFD_CLOEXEC : cmd, least);
    if (sealed && to >= 0 && to <= 2) {
        real.close(to);
        to = numbers_may_pass(fd, DOOR_LOW) ? real.fcntl(fd, cmd, least) : -1;
    }
    if (to >= 0 && c)
        publish(c, to, cloexec ? SLOT_CLOEXEC : 0);
    else if (to >= 0) {
        numbers_came(to, fresh);
        numbers_doubled(fd, to);
    }
    if (c)
        conn_put(c);
    return to;
}

EXPORT int dup(int fd)
{
    if (!table_has(fd) && !table_bits(fd)) {
        int to = real.dup(fd);
        if (to >= 0) {
            numbers_came(to, 0);
            numbers_doubled(fd, to);
        }
        return to;
    }
    return duplicate(fd, 0, false);
}

/* What `to` names goes when the real call succeeds; a conn must say goodbye on a duplicate, for the kernel
 * closes the number itself. */
static int replace(int from, int to, int flags)
{
    struct conn *old = table_get(to);
    int last = old && atomic_load(&old->numbers) == 1 ? real.fcntl(to, F_DUPFD_CLOEXEC, 3) : -1;
    int result = real.dup3(from, to, flags);
    int saved = errno;
    if (result >= 0) {
        struct conn *out = table_take(to);
        if (conn_on_forget)
            conn_on_forget(to);
        if (out)
            conn_left(out, last >= 0 ? last : to);
    }
    if (last >= 0)
        real.close(last);
    if (old)
        conn_put(old);
    errno = saved;
    return result;
}

static int dup_onto(int from, int to, bool cloexec)
{
    if (to >= 0 && to <= 2 && !numbers_may_pass(from, DOOR_LOW))
        return -1;
    struct conn *c = table_get(from);
    bool sealed = c && !conn_is_through(c);
    unsigned fresh = c ? 0 : table_bits(from) & SLOT_FRESH;
    int result = replace(from, to, sealed || cloexec ? O_CLOEXEC : 0);
    if (result >= 0 && c)
        publish(c, to, cloexec ? SLOT_CLOEXEC : 0);
    else if (result >= 0) {
        if (fresh)
            table_set_bits(to, fresh, 0);
        numbers_doubled(from, to);
    }
    if (c)
        conn_put(c);
    return result;
}

static bool concerns_us(int from, int to)
{
    return (table_has(from) || table_bits(from) || table_has(to) || table_bits(to)) && table_is_ours();
}

EXPORT int dup2(int from, int to)
{
    if (from != to && numbers_are_parents(from))
        return (int)failed(EOPNOTSUPP);
    if (from == to || !concerns_us(from, to)) {
        int result = real.dup2(from, to);
        if (result >= 0 && from != to && conn_on_forget && table_is_ours()) {
            conn_on_forget(to);
            numbers_doubled(from, to);
        }
        return result;
    }
    return dup_onto(from, to, false);
}
ALIAS_OF(dup2) int __dup2(int from, int to);

EXPORT int dup3(int from, int to, int flags)
{
    if (from != to && numbers_are_parents(from))
        return (int)failed(EOPNOTSUPP);
    if (from == to || flags & ~O_CLOEXEC || !concerns_us(from, to)) {
        int result = real.dup3(from, to, flags);
        if (result >= 0 && conn_on_forget && table_is_ours()) {
            conn_on_forget(to);
            numbers_doubled(from, to);
        }
        return result;
    }
    return dup_onto(from, to, flags & O_CLOEXEC);
}

/* ---- questions ---- */

/* FD_CLOEXEC is cleared, or in a child of fork() found clear: the program means to give it away. Whoever made
 * the socket without the flag and leaves it so is not asked; exec() will be. */
static bool keeps(int fd, bool clears)
{
    struct conn *c = clears ? table_get(fd) : NULL;
    if (!c)
        return false;
    bool does = table_bits(fd) & SLOT_CLOEXEC || c->born_in != table_pid();
    conn_put(c);
    return does;
}

/* The others, O_NONBLOCK above all, are the kernel's alone. */
static bool is_about_number(int cmd)
{
    return cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC || cmd == F_GETFD || cmd == F_SETFD;
}

EXPORT int fcntl(int fd, int cmd, ...)
{
    va_list ap;
    va_start(ap, cmd);
    long arg = va_arg(ap, long);
    va_end(ap);
    if (!table_has(fd) && !table_bits(fd)) {
        int result = real.fcntl(fd, cmd, arg);
        if (result >= 0 && (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC))
            numbers_doubled(fd, result);
        return result;
    }
    if (!is_about_number(cmd))
        return real.fcntl(fd, cmd, arg);
    if (!table_is_ours()) {
        bool escapes = cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC || cmd == F_SETFD;
        if (!escapes || !numbers_are_parents(fd))
            return real.fcntl(fd, cmd, arg);
        return cmd == F_SETFD ? 0 : (int)failed(EOPNOTSUPP);
    }
    bool has = numbers_is_sealed(fd);
    switch (cmd) {
    case F_DUPFD: return duplicate(fd, (int)arg, false);
    case F_DUPFD_CLOEXEC: return duplicate(fd, (int)arg, true);
    case F_GETFD: return has ? (table_bits(fd) & SLOT_CLOEXEC ? FD_CLOEXEC : 0) : real.fcntl(fd, cmd, arg);
    case F_SETFD:
        if (!has)
            break;
        if (keeps(fd, !(arg & FD_CLOEXEC)))
            return numbers_may_pass(fd, DOOR_KEEP) ? real.fcntl(fd, cmd, arg) : -1;
        table_set_bits(fd, arg & FD_CLOEXEC ? SLOT_CLOEXEC : 0, arg & FD_CLOEXEC ? 0 : SLOT_CLOEXEC);
        return 0;
    default: break;
    }
    return real.fcntl(fd, cmd, arg);
}
ALIAS_OF(fcntl) int __fcntl(int fd, int cmd, ...);
#if !HOOKS_ARE_32_BIT
ALIAS_OF(fcntl) int fcntl64(int fd, int cmd, ...);
#endif

/* How many bytes a read would give; 0 before TLS is up. False: not ours to answer. */
static bool readable_bytes(int fd, int *out)
{
    struct conn *c = numbers_sealed(fd);
    if (!c)
        return false;
    conn_lock(c, fd);
    if (c->share.there)
        conn_claim(c);
    bool kernel_knows = c->state == CONN_CANDIDATE || c->state == CONN_RELAYED;
    if (c->state == CONN_SNIFF)
        conn_decide_anyway(c);
    conn_advance(c);
    size_t n = conn_readable(c);
    conn_unlock(c);
    conn_put(c);
    *out = n > INT32_MAX ? INT32_MAX : (int)n;
    return !kernel_knows;
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
    va_list ap;
    va_start(ap, request);
    void *arg = va_arg(ap, void *);
    va_end(ap);
    if (!numbers_is_sealed(fd))
        return real.ioctl(fd, request, arg);
    if (request == FIONREAD)
        return memory_all(arg, sizeof(int), true) && readable_bytes(fd, arg) ? 0
                                                                             : real.ioctl(fd, request, arg);
    if (!table_is_ours())
        return request == FIONCLEX && numbers_are_parents(fd) ? 0 : real.ioctl(fd, request, arg);
    switch (request) {
    case FIOCLEX: table_set_bits(fd, SLOT_CLOEXEC, 0); return 0;
    case FIONCLEX:
        if (keeps(fd, true))
            return numbers_may_pass(fd, DOOR_KEEP) ? real.ioctl(fd, request, arg) : -1;
        return 0;
    default: break;
    }
    return real.ioctl(fd, request, arg);
}
