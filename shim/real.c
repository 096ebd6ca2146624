/* SPDX-License-Identifier: MIT */
#include "shim/real.h"

#include "shim/start.h"
#include "shim/symbols.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- early bodies: bare system calls. An allocator that is being set up calls these (jemalloc, tcmalloc),
 * and dlsym itself may allocate, so they must not lead to dlsym. ---- */

static long bare(long r)
{
    if (r >= 0 || r < -4095)
        return r;
    errno = (int)-r;
    return -1;
}

/* Not libc's syscall(): that one is ours. Six arguments are harmless where fewer are read. The fourth is not
 * left in its register: a call of three, made by somebody else right after ours, would carry the net's
 * cookie.
 */
static long raw6(long n, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long r;
    __asm__ volatile("syscall\n\t"
                     "xor %%r10d, %%r10d"
                     : "=a"(r), "+r"(r10)
                     : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r8), "r"(r9)
                     : "rcx", "r11", "cc", "memory");
    return bare(r);
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0\n\t"
                     "mov x3, xzr"
                     : "+r"(x0), "+r"(x3)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x4), "r"(x5)
                     : "memory");
    return bare(x0);
#elif defined(__i386__)
    /* the sixth register is %ebp, which a compiler keeps for itself */
    long r;
    __asm__ volatile("pushl %[f]\n\t"
                     "pushl %%ebp\n\t"
                     "movl 4(%%esp), %%ebp\n\t"
                     "int $0x80\n\t"
                     "popl %%ebp\n\t"
                     "addl $4, %%esp"
                     : "=a"(r)
                     : "0"(n), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), [f] "m"(f)
                     : "cc", "memory");
    return bare(r);
#else
#error "tlsup knows the system call instruction of x86-64, i386 and aarch64 only"
#endif
}

static int early_close(int fd)
{
    return (int)raw6(SYS_close, fd, 0, 0, 0, 0, 0);
}

static ssize_t early_read(int fd, void *buf, size_t len)
{
    return raw6(SYS_read, fd, (long)buf, (long)len, 0, 0, 0);
}

static ssize_t early_write(int fd, const void *buf, size_t len)
{
    return raw6(SYS_write, fd, (long)buf, (long)len, 0, 0, 0);
}

static ssize_t early_readv(int fd, const struct iovec *iov, int n)
{
    return raw6(SYS_readv, fd, (long)iov, n, 0, 0, 0);
}

static ssize_t early_writev(int fd, const struct iovec *iov, int n)
{
    return raw6(SYS_writev, fd, (long)iov, n, 0, 0, 0);
}

static int early_dup(int fd)
{
    return (int)raw6(SYS_dup, fd, 0, 0, 0, 0, 0);
}

static int early_dup3(int from, int to, int flags)
{
    return (int)raw6(SYS_dup3, from, to, flags, 0, 0, 0);
}

static int early_dup2(int from, int to)
{
    if (from == to) /* dup3 refuses what dup2 allows */
        return raw6(SYS_fcntl, from, F_GETFD, 0, 0, 0, 0) < 0 ? -1 : to;
    return early_dup3(from, to, 0);
}

#ifdef SYS_fcntl64 /* 32-bit machines: knows the locks of both sizes */
#define FCNTL SYS_fcntl64
#else
#define FCNTL SYS_fcntl
#endif

static int early_fcntl(int fd, int cmd, ...)
{
    va_list ap;
    va_start(ap, cmd);
    long arg = va_arg(ap, long);
    va_end(ap);
    return (int)raw6(FCNTL, fd, cmd, arg, 0, 0, 0);
}

#if __SIZEOF_POINTER__ == 4
static int early_fcntl64(int fd, int cmd, ...)
{
    va_list ap;
    va_start(ap, cmd);
    long arg = va_arg(ap, long);
    va_end(ap);
    return (int)raw6(FCNTL, fd, cmd, arg, 0, 0, 0);
}
#endif

static int early_ioctl(int fd, unsigned long request, ...)
{
    va_list ap;
    va_start(ap, request);
    long arg = va_arg(ap, long);
    va_end(ap);
    return (int)raw6(SYS_ioctl, fd, (long)request, arg, 0, 0, 0);
}

/* Six words blindly: the last lies where a caller with fewer has something else. */
__attribute__((no_sanitize_address)) static long early_syscall(long number, ...)
{
    va_list ap;
    va_start(ap, number);
    long a = va_arg(ap, long), b = va_arg(ap, long), c = va_arg(ap, long);
    long d = va_arg(ap, long), e = va_arg(ap, long), f = va_arg(ap, long);
    va_end(ap);
    return raw6(number, a, b, c, d, e, f);
}

/* Variadic, but no allocator prints: these resolve first. The hooks call the v forms, so that is all they are
 * for. */
static int early_dprintf(int fd, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int n = real.vdprintf(fd, format, ap);
    va_end(ap);
    return n;
}

static int early___dprintf_chk(int fd, int flag, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int n = real.__vdprintf_chk(fd, flag, format, ap);
    va_end(ap);
    return n;
}

/* ---- every other member finds its function when it is first called: most processes need a few ---- */

/* What they found. Not put into the member itself: other threads call that meanwhile. */
static struct late_functions {
#define HOOK(family, ret, name, params, args, fail) ret(*_Atomic name) params;
#define LIBC(ret, name, params, args, fail)         ret(*_Atomic name) params;
#define VARIADIC(family, ret, name, params)
#define ALIAS(name, hook)
#include "shim/syms.def"
#undef HOOK
#undef LIBC
} functions;

static void find(const char *name, size_t offset);

#define LATE(ret, name, params, args, fail)                                                                  \
    __attribute__((noinline)) static ret first_##name params                                                 \
    {                                                                                                        \
        find(#name, offsetof(struct late_functions, name));                                                  \
        ret(*function) params = atomic_load_explicit(&functions.name, memory_order_acquire);                 \
        if (function)                                                                                        \
            return function args;                                                                            \
        errno = ENOSYS;                                                                                      \
        return fail;                                                                                         \
    }                                                                                                        \
    static ret late_##name params                                                                            \
    {                                                                                                        \
        ret(*function) params = atomic_load_explicit(&functions.name, memory_order_acquire);                 \
        return function ? function args : first_##name args;                                                 \
    }
#define HOOK(family, ret, name, params, args, fail) LATE(ret, name, params, args, fail)
#define LIBC(ret, name, params, args, fail)         LATE(ret, name, params, args, fail)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function" /* those that the early bodies below replace */
#include "shim/syms.def"
#pragma GCC diagnostic pop
#undef HOOK
#undef LIBC
#undef VARIADIC

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
#ifdef __clang__
#pragma GCC diagnostic ignored "-Winitializer-overrides"
#endif
struct real_functions real = {
#define HOOK(family, ret, name, params, args, fail) .name = late_##name,
#define LIBC(ret, name, params, args, fail)         .name = late_##name,
#define VARIADIC(family, ret, name, params)         .name = early_##name,
#include "shim/syms.def"
#undef HOOK
#undef LIBC
#undef VARIADIC
    .close = early_close,
    .read = early_read,
    .write = early_write,
    .readv = early_readv,
    .writev = early_writev,
    .dup = early_dup,
    .dup2 = early_dup2,
    .dup3 = early_dup3,
};
#pragma GCC diagnostic pop

struct function {
    const char *name;
    size_t offset;
};
#define FUNCTION(of, name)                                                                                   \
    {                                                                                                        \
#name, offsetof(struct of, name)                                                                     \
    }

static const struct function late[] = {
#define HOOK(family, ret, name, params, args, fail) FUNCTION(late_functions, name),
#define LIBC(ret, name, params, args, fail)         FUNCTION(late_functions, name),
#define VARIADIC(family, ret, name, params)
#include "shim/syms.def"
#undef HOOK
#undef LIBC
#undef VARIADIC
};

/* Members that real_resolve() replaces: those whose early bodies are less than libc's, and those that look at
 * who calls them, or at the stack. */
static const struct function at_once[] = {
#define HOOK(family, ret, name, params, args, fail)
#define LIBC(ret, name, params, args, fail)
#define VARIADIC(family, ret, name, params) FUNCTION(real_functions, name),
#include "shim/syms.def"
#undef HOOK
#undef LIBC
#undef VARIADIC
#undef ALIAS
#define MEMBER(name) FUNCTION(real_functions, name)
    MEMBER(close), MEMBER(read), MEMBER(write), MEMBER(readv),  MEMBER(writev),  MEMBER(dup),
    MEMBER(dup2),  MEMBER(dup3), MEMBER(vfork), MEMBER(dlopen), MEMBER(dlmopen),
#undef MEMBER
};

typedef int clock_function(clockid_t clock, struct timespec *now);
static AT_START _Atomic(clock_function *) libc_clock;

void real_find_clock(void)
{
    clock_function *function = NULL;
    if (atomic_load_explicit(&libc_clock, memory_order_relaxed))
        return;
    void *libc = real.dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    void *found = libc ? dlsym(libc, "clock_gettime") : NULL;
    memcpy(&function, &found, sizeof found);
    atomic_store_explicit(&libc_clock, function, memory_order_relaxed);
}

void real_now(struct timespec *now)
{
    clock_function *function = atomic_load_explicit(&libc_clock, memory_order_relaxed);
    if (function)
        function(CLOCK_MONOTONIC, now);
    else
        raw6(SYS_clock_gettime, CLOCK_MONOTONIC, (long)now, 0, 0, 0, 0);
}

/* ---- the net (shim/net/): its supervisor lets connects with its cookie in a register pass that connect(2)
 * does not use ---- */

static AT_START char net_word[17];
static AT_START uint64_t net_cookie;

static int marked_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    return (int)raw6(SYS_connect, fd, (long)addr, (long)len, (long)net_cookie, 0, 0);
}

int real_ask_net(bool peer, int fd, struct sockaddr *addr, socklen_t *len)
{
    if (!net_word[0])
        return ENODATA;
    int number = peer ? SYS_getpeername : SYS_getsockname, saved = errno, error;
    error = raw6(number, fd, (long)addr, (long)len, (long)net_cookie, 0, 0) == 0 ? 0 : errno;
    errno = saved;
    return error;
}

/* The environment of the start counts: a program may clean its own before it connects. */
static void find_net(void)
{
    const char *word = secure_getenv("TLSUP_NET");
    char *end = NULL;
    if (!word || strlen(word) != sizeof net_word - 1)
        return;
    net_cookie = strtoull(word, &end, 16);
    if (*end)
        return;
    memcpy(net_word, word, sizeof net_word);
    atomic_store_explicit(&functions.connect, marked_connect, memory_order_release);
}

const char *real_net(void)
{
    return net_word[0] ? net_word : NULL;
}

/* An object of that name which is not the one that this is a part of. */
static int is_other_shim(struct dl_phdr_info *object, size_t size, void *arg)
{
    static const char name[] = "/libtlsup.so";
    size_t len = strlen(object->dlpi_name);
    uintptr_t here = (uintptr_t)&real;
    (void)size, (void)arg;
    if (len < sizeof name - 1 || strcmp(object->dlpi_name + len - (sizeof name - 1), name) != 0)
        return 0;
    for (unsigned i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && here - (object->dlpi_addr + part->p_vaddr) < part->p_memsz)
            return 0;
    }
    return 1;
}

/* Where to look. The command and the relay are programs that the shim may be loaded into (tlsup env,
 * ld.so.preload); their connections are ours, and not to be looked at a second time. */
static void *below_us(void)
{
    void *(*open)(const char *, int) = NULL, *found, *libc = NULL;
    if (dl_iterate_phdr(is_other_shim, NULL) && (found = dlsym(RTLD_NEXT, "dlopen"))) {
        memcpy(&open, &found, sizeof open);
        libc = open("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    }
    return libc ? libc : RTLD_NEXT;
}

static AT_START struct symbols behind; /* what RTLD_NEXT means; behind.n is 0 if only dlsym() knows */

static void *look(void *from, const char *name)
{
    void *function = behind.n ? symbols_find(&behind, name) : NULL;
    return function ? function : dlsym(from, name);
}

/* Two threads may do this at once: they write the same values. The net's connect() stays. */
static void note(size_t offset, void *function)
{
    _Atomic(void *) *member = (void *)((char *)&functions + offset);
    void *none = NULL;
    atomic_compare_exchange_strong_explicit(member, &none, function, memory_order_release,
                                            memory_order_relaxed);
}

static void replace(size_t offset, void *function)
{
    if (function)
        memcpy((char *)&real + offset, &function, sizeof function);
}

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

void real_resolve(void)
{
    static AT_START atomic_bool resolved;
    if (atomic_load_explicit(&resolved, memory_order_acquire))
        return;
    void *from = below_us();
    struct symbols next;
    /* If libc is behind us, so is all else that the program was started with; behind that may come what goes
     * again. */
    if (from == RTLD_NEXT && symbols_begin(&next) && symbols_end_at(&next, "gnu_get_libc_version"))
        symbols_copy(&behind, &next);
    find_net();
    for (size_t i = 0; i < COUNT(at_once); i++)
        replace(at_once[i].offset, look(from, at_once[i].name));
    for (size_t i = 0; !behind.n && i < COUNT(late); i++)
        note(late[i].offset, look(from, late[i].name));
    atomic_store_explicit(&resolved, true, memory_order_release);
}

static void find(const char *name, size_t offset)
{
    real_resolve();
    if (behind.n)
        note(offset, look(RTLD_NEXT, name));
}
