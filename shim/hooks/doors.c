/* SPDX-License-Identifier: MIT */
/* Doors by which bytes would pass us by: libc does not call itself through the symbols that we interpose. */
#include "shim/conn/conn.h"
#include "shim/hooks/hooks.h"
#include "shim/hooks/numbers.h"
#include "shim/real.h"
#include "shim/table.h"

EXPORT FILE *fdopen(int fd, const char *mode)
{
    struct conn *c = table_has(fd) && table_is_ours() ? numbers_sealed(fd) : NULL;
    if (c) {
        numbers_door(c, fd, "stdio on its descriptor (fdopen) would pass TLS by");
        conn_put(c);
        errno = EOPNOTSUPP;
        return NULL;
    }
    FILE *f = real.fdopen(fd, mode);
    if (f && table_bits(fd) & SLOT_FRESH) /* connect() will have to refuse */
        table_set_bits(fd, SLOT_STDIO, 0);
    return f;
}
ALIAS_OF(fdopen) FILE *_IO_fdopen(int fd, const char *mode);

EXPORT int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions, int from, int to)
{
    struct conn *c = table_has(from) && table_is_ours() ? numbers_sealed(from) : NULL;
    if (!c)
        return real.posix_spawn_file_actions_adddup2(actions, from, to);
    numbers_door(c, from, "its descriptor was about to be given to a child (posix_spawn), past TLS");
    conn_put(c);
    return EOPNOTSUPP;
}
