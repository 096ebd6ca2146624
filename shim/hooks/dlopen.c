/* SPDX-License-Identifier: MIT */
/*
 * dlopen() without RTLD_DEEPBIND: a plug-in that is bound deeply (php opens its extensions so) calls libc
 * past every preloaded symbol, ours too. libc looks at its caller for RUNPATH and namespace, so this must be
 * a jump, not a call: the flag is cleared in its register and the real function returns to the program.
 */
#include "shim/hooks/hooks.h"
#include "shim/init.h"
#include "shim/real.h"

#include <dlfcn.h>

_Static_assert(RTLD_DEEPBIND == 8, "the mask below is its complement");

static void *early_dlopen(const char *file, int flags)
{
    init_now(); /* a constructor that ran before ours: the caller is lost once */
    return real.dlopen(file, flags & ~RTLD_DEEPBIND);
}

void *(*hook_dlopen_target)(const char *file, int flags) = early_dlopen;

#if defined(__x86_64__)
__asm__(".text\n"
        ".globl dlopen\n"
        ".type dlopen, @function\n"
        "dlopen:\n"
        "    endbr64\n"
        "    andl $~8, %esi\n"
        "    jmp *hook_dlopen_target(%rip)\n"
        ".size dlopen, .-dlopen\n");
#elif defined(__i386__) /* the arguments' place is the callee's to change; %ecx is free */
__asm__(".text\n"
        ".globl dlopen\n"
        ".type dlopen, @function\n"
        "dlopen:\n"
        "    andl $~8, 8(%esp)\n"
        "    call 1f\n"
        "1:  popl %ecx\n"
        "    addl $_GLOBAL_OFFSET_TABLE_ + (. - 1b), %ecx\n"
        "    jmp *hook_dlopen_target@GOTOFF(%ecx)\n"
        ".size dlopen, .-dlopen\n");
#elif defined(__aarch64__)
__asm__(".text\n"
        ".globl dlopen\n"
        ".type dlopen, %function\n"
        "dlopen:\n"
        "    hint #34\n" /* bti c */
        "    and w1, w1, #~8\n"
        "    adrp x16, hook_dlopen_target\n"
        "    ldr x16, [x16, :lo12:hook_dlopen_target]\n"
        "    br x16\n"
        ".size dlopen, .-dlopen\n");
#endif
