/* SPDX-License-Identifier: MIT */
/*
 * vfork(): its child runs in our memory, where what it does to descriptors would be done to the parent's
 * conns. While there is one, vfork() is fork(). Otherwise it is itself, by a jump, for a function that calls
 * vfork() cannot return (vfork(2)).
 */
#include "shim/hooks/hooks.h"

#include "shim/conn/pool.h"
#include "shim/init.h"

#include <unistd.h>

pid_t hook_vfork_copies(void);

pid_t hook_vfork_copies(void)
{
    init_now();
    return fork();
}

/* Until the real one is known. */
pid_t (*hook_vfork_target)(void) = hook_vfork_copies;

#if defined(__x86_64__)
__asm__(".text\n"
        ".globl vfork, __vfork\n"
        ".type vfork, @function\n"
        ".type __vfork, @function\n"
        "vfork:\n"
        "__vfork:\n"
        "    endbr64\n"
        "    cmpl $0, pool_live(%rip)\n"
        "    jne hook_vfork_copies\n"
        "    jmp *hook_vfork_target(%rip)\n"
        ".size vfork, .-vfork\n"
        ".size __vfork, .-__vfork\n");
#elif defined(__i386__)
__asm__(".text\n"
        ".globl vfork, __vfork\n"
        ".type vfork, @function\n"
        ".type __vfork, @function\n"
        "vfork:\n"
        "__vfork:\n"
        "    call 1f\n"
        "1:  popl %ecx\n"
        "    addl $_GLOBAL_OFFSET_TABLE_ + (. - 1b), %ecx\n"
        "    cmpl $0, pool_live@GOTOFF(%ecx)\n"
        "    jne hook_vfork_copies\n"
        "    jmp *hook_vfork_target@GOTOFF(%ecx)\n"
        ".size vfork, .-vfork\n"
        ".size __vfork, .-__vfork\n");
#elif defined(__aarch64__)
__asm__(".text\n"
        ".globl vfork, __vfork\n"
        ".type vfork, %function\n"
        ".type __vfork, %function\n"
        "vfork:\n"
        "__vfork:\n"
        "    hint #34\n" /* bti c */
        "    adrp x16, pool_live\n"
        "    ldr w16, [x16, :lo12:pool_live]\n"
        "    cbnz w16, hook_vfork_copies\n"
        "    adrp x16, hook_vfork_target\n"
        "    ldr x16, [x16, :lo12:hook_vfork_target]\n"
        "    br x16\n"
        ".size vfork, .-vfork\n"
        ".size __vfork, .-__vfork\n");
#endif
