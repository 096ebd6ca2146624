/* SPDX-License-Identifier: MIT */
/* What the filter says of each call, run as the kernel runs it (classic BPF), and the numbers of every
 * machine. */
#include "shim/net/abi.h"
#include "shim/net/filter.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#define COOKIE 0x8123456789abcdefULL

static uint32_t run(const struct sock_filter *f, size_t n, const struct seccomp_data *d)
{
    uint32_t a = 0;
    for (size_t i = 0; i < n; i++) {
        switch (f[i].code) {
        case BPF_LD | BPF_W | BPF_ABS: memcpy(&a, (const char *)d + f[i].k, sizeof a); break;
        case BPF_JMP | BPF_JEQ | BPF_K: i += a == f[i].k ? f[i].jt : f[i].jf; break;
        case BPF_JMP | BPF_JGE | BPF_K: i += a >= f[i].k ? f[i].jt : f[i].jf; break;
        case BPF_JMP | BPF_JSET | BPF_K: i += a & f[i].k ? f[i].jt : f[i].jf; break;
        case BPF_RET | BPF_K: return f[i].k;
        default: return 0;
        }
    }
    return 0;
}

static struct sock_filter code[FILTER_MAX];
static size_t len;

/* The kernel's own emulation (seccomp_is_const_allow): is it ALLOW whatever the arguments are, so that the
 * program is not run for it? */
static bool is_always_allowed(uint32_t arch, int number)
{
    uint32_t a = 0;
    for (size_t i = 0; i < len; i++) {
        const struct sock_filter *f = &code[i];
        switch (f->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            if (f->k != offsetof(struct seccomp_data, nr) && f->k != offsetof(struct seccomp_data, arch))
                return false;
            a = f->k == offsetof(struct seccomp_data, nr) ? (uint32_t)number : arch;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K: i += a == f->k ? f->jt : f->jf; break;
        case BPF_JMP | BPF_JGE | BPF_K: i += a >= f->k ? f->jt : f->jf; break;
        case BPF_RET | BPF_K: return f->k == SECCOMP_RET_ALLOW;
        default: return false;
        }
    }
    return false;
}

static uint32_t says(uint32_t arch, int number, unsigned argument, uint64_t value)
{
    struct seccomp_data d = {.arch = arch, .nr = number};
    d.args[argument] = value;
    return run(code, len, &d);
}

#define NOTIFY SECCOMP_RET_USER_NOTIF
#define ALLOW  SECCOMP_RET_ALLOW
#define NO     (SECCOMP_RET_ERRNO | ENOSYS)

static bool is_asked(const struct net_abi *abi, int number)
{
    return net_abi_call(abi, number) != CALL_NONE;
}

static void test_sends(const struct net_abi *abi)
{
    const uint64_t fast = 0x20000000;
    uint32_t arch = abi->arch, otherwise = abi->refused ? NO : ALLOW;
    CHECK_INT(says(arch, abi->sendto, 3, fast), NOTIFY);
    CHECK_INT(says(arch, abi->sendto, 3, ~fast & 0xffffffff), otherwise);
    CHECK_INT(says(arch, abi->sendmsg, 2, fast), NOTIFY);
    CHECK_INT(says(arch, abi->sendmsg, 3, fast), otherwise);
    CHECK_INT(says(arch, abi->sendmmsg, 3, fast), NOTIFY);
    CHECK_INT(says(arch, (int)abi->base + 1, 3, fast), otherwise);
}

/* Calls that do not connect cost no run of the program. */
static void test_constants(const struct net_abi *abi)
{
    for (int number = 0; number < 1000; number++)
        CHECK_INT(is_always_allowed(abi->arch, (int)abi->base + number),
                  !abi->refused && !is_asked(abi, (int)abi->base + number));
}

static void test_abi(const struct net_abi *abi)
{
    uint32_t arch = abi->arch;
    CHECK_INT(says(arch, abi->connect, 3, COOKIE), abi->cookie_bits == 64 ? ALLOW : NOTIFY);
    CHECK_INT(says(arch, abi->connect, 3, (uint32_t)COOKIE), abi->cookie_bits == 32 ? ALLOW : NOTIFY);
    CHECK_INT(says(arch, abi->connect, 3, 0), NOTIFY);
    CHECK_INT(says(arch, abi->connect, 3, COOKIE ^ 1), NOTIFY);
    CHECK_INT(says(arch, abi->connect, 3, COOKIE ^ 1ULL << 40), NOTIFY);
    CHECK_INT(says(arch, abi->connect, 4, COOKIE), NOTIFY);
    CHECK_INT(says(arch, abi->io_uring_setup, 0, 0), NOTIFY);
    if (abi->cookie_bits) {
        uint64_t cookie = abi->cookie_bits == 32 ? (uint32_t)COOKIE : COOKIE;
        CHECK_INT(says(arch, abi->getpeername, 3, cookie), NOTIFY);
        CHECK_INT(says(arch, abi->getsockname, 3, cookie), NOTIFY);
        CHECK_INT(says(arch, abi->getpeername, 3, 0), ALLOW);
        CHECK_INT(says(arch, abi->getsockname, 3, COOKIE ^ 1), ALLOW);
    }
    test_sends(abi);
    test_constants(abi);
    for (unsigned call = 0; call < 32 && abi->socketcall >= 0; call++)
        CHECK_INT(says(arch, abi->socketcall, 0, call),
                  call == 3 || call == 11 || call == 16 || call == 20 ? NOTIFY : ALLOW);
}

int main(void)
{
    const struct net_abi *native = net_abi_next(NULL);
    len = filter_build(code, COOKIE);
    CHECK(len > 0 && len <= FILTER_MAX);
    for (const struct net_abi *abi = net_abi_next(NULL); abi; abi = net_abi_next(abi)) {
        test_abi(abi);
        CHECK(net_abi_of(abi->arch, abi->connect) == abi);
    }
    CHECK(native != NULL);
    CHECK_INT(native ? native->cookie_bits : 0, 8 * sizeof(long));
    CHECK_INT(native ? native->word : 0, sizeof(void *));
    CHECK_INT(native ? native->connect : 0, SYS_connect);
    CHECK_INT(native ? native->sendto : 0, SYS_sendto);
    CHECK_INT(native ? native->getpeername : 0, SYS_getpeername);
    CHECK_INT(native ? native->getsockname : 0, SYS_getsockname);
    CHECK_INT(native ? native->sendmsg : 0, SYS_sendmsg);
    CHECK_INT(native ? native->sendmmsg : 0, SYS_sendmmsg);
    CHECK_INT(says(AUDIT_ARCH_MIPS, 1, 0, 0), NO);
    return unit_done("net_filter");
}
