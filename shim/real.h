/* SPDX-License-Identifier: MIT */
/*
 * The libc functions underneath: real.connect(fd, …).
 *
 * Before real_resolve() the members that an allocator may need (close, read, write, fcntl …) are bare system
 * calls that neither allocate nor lock. Every other member looks for itself when it is first called, so a
 * hook never has to ask whether we were born, and most of them never do. Members never call back into our
 * hooks. They block, allocate and are async-signal-safe exactly as the libc function is.
 */
#pragma once

#include <aio.h>
#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

/* Times of 64 bits, as a 32-bit libc has them beside its own (__ppoll64 and its like). */
struct wide_timespec {
    int64_t tv_sec;
    int32_t tv_nsec, pad;
};
struct wide_timeval {
    int64_t tv_sec, tv_usec;
};

struct real_functions {
#define HOOK(family, ret, name, params, args, fail) ret(*name) params;
#define VARIADIC(family, ret, name, params)         ret(*name) params;
#define LIBC(ret, name, params, args, fail)         ret(*name) params;
#define ALIAS(name, hook)
#include "shim/syms.def"
#undef HOOK
#undef VARIADIC
#undef LIBC
#undef ALIAS
};

extern struct real_functions real;

/* CLOCK_MONOTONIC, of libc itself: libfaketime, above or below us, stops it or makes it run. Any time, also
 * in a handler. */
void real_now(struct timespec *now);
/* Makes that as fast as libc has it. Idempotent; allocates, so not for use below an allocator. */
void real_find_clock(void);

/* Notes where functions are found, and finds those that must be there before they are called; where that
 * cannot be noted, all of them, with dlsym(RTLD_NEXT). Idempotent; allocates (dlsym may); called by the
 * constructor, or by the first call before it that needs a function without an early body. Not
 * async-signal-safe the first time. */
void real_resolve(void);

/* The word of `tlsup run --strict` in the environment that we were started with (TLSUP_NET), for programs of
 * ours; NULL: there is no net. real.connect carries it. */
const char *real_net(void);
/* Asks the net what getpeername() (or getsockname()) would say of a socket that it has led to a relay. 0 or
 * the errno: ENODATA if it has not, ENOSYS if it is gone. Waits for the supervisor; errno stays. */
int real_ask_net(bool peer, int fd, struct sockaddr *addr, socklen_t *len);
