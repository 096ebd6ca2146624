/* SPDX-License-Identifier: MIT */
/* What the exported bodies share. Only the files of hooks/ set errno. */
#pragma once

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#define EXPORT __attribute__((visibility("default")))

/* Where it has names of its own for offsets and times of 64 bits (wide.c), and these are not aliases. */
#define HOOKS_ARE_32_BIT (__SIZEOF_POINTER__ == 4)

/* Another exported name of the same function; the aliased one must be in the same file. */
#if defined(__GNUC__) && !defined(__clang__)
#define ALIAS_OF(name) __attribute__((visibility("default"), alias(#name), copy(name)))
#else
#define ALIAS_OF(name) __attribute__((visibility("default"), alias(#name)))
#endif

/* glibc declares its fortified forms only where the macros that lead to them are on. */
ssize_t __read_chk(int fd, void *buf, size_t len, size_t room);
ssize_t __recv_chk(int fd, void *buf, size_t len, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t room, int flags, struct sockaddr *addr,
                       socklen_t *addr_len);

/* dlopen.c: where the exported dlopen jumps to. */
extern void *(*hook_dlopen_target)(const char *file, int flags);
/* dlmopen.c: the same for dlmopen. */
extern void *(*hook_dlmopen_target)(Lmid_t namespace, const char *file, int flags);
/* vfork.c: the same for vfork. */
extern pid_t (*hook_vfork_target)(void);

/* bulk.c: sendfile() to or from a conn, which bulk_is_ours tells. */
bool bulk_is_ours(int out, int in);
ssize_t bulk_send_file(int out, int in, off64_t *offset, size_t len);

static inline long failed(int error)
{
    errno = error;
    return -1;
}
