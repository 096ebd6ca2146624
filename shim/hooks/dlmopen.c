/* SPDX-License-Identifier: MIT */
/*
 * dlmopen(): a new namespace has a libc of its own and none of the preloaded objects, so what is loaded there
 * would pass us by. The object that is loaded first in a namespace comes first for all that follow (the scope
 * that ld.so gives them), so an instance of ours is. Where it cannot be, the program gets the error that we
 * got. As dlopen.c: a jump, without RTLD_DEEPBIND.
 */
#include "shim/engine.h"
#include "shim/hooks/hooks.h"
#include "shim/init.h"
#include "shim/real.h"

#include <dlfcn.h>

_Static_assert(RTLD_DEEPBIND == 8, "the mask below is its complement");
_Static_assert(LM_ID_NEWLM + 1 == 0, "the number below");

Lmid_t hook_dlmopen_namespace(void);

/* A namespace with an instance of ours; LM_ID_NEWLM: there is none. */
Lmid_t hook_dlmopen_namespace(void)
{
    char path[1000];
    Lmid_t made;
    init_now();
    void *ours = engine_beside("libtlsup.so", path, sizeof path)
                     ? real.dlmopen(LM_ID_NEWLM, path, RTLD_NOW | RTLD_LOCAL)
                     : NULL;
    return ours && dlinfo(ours, RTLD_DI_LMID, &made) == 0 ? made : LM_ID_NEWLM;
}

static void *early_dlmopen(Lmid_t namespace, const char *file, int flags)
{
    init_now(); /* a constructor that ran before ours: the caller is lost once */
    return real.dlmopen(namespace, file, flags & ~RTLD_DEEPBIND);
}

void *(*hook_dlmopen_target)(Lmid_t namespace, const char *file, int flags) = early_dlmopen;

#if defined(__x86_64__)
__asm__(".text\n"
        ".globl dlmopen\n"
        ".type dlmopen, @function\n"
        "dlmopen:\n"
        "    endbr64\n"
        "    cmpq $-1, %rdi\n"
        "    jne 1f\n"
        "    pushq %rsi\n"
        "    pushq %rdx\n"
        "    subq $8, %rsp\n"
        "    call hook_dlmopen_namespace\n"
        "    addq $8, %rsp\n"
        "    popq %rdx\n"
        "    popq %rsi\n"
        "    cmpq $-1, %rax\n"
        "    je 2f\n"
        "    movq %rax, %rdi\n"
        "1:  andl $~8, %edx\n"
        "    jmp *hook_dlmopen_target(%rip)\n"
        "2:  xorl %eax, %eax\n"
        "    ret\n"
        ".size dlmopen, .-dlmopen\n");
#elif defined(__i386__)
__asm__(".text\n"
        ".globl dlmopen\n"
        ".type dlmopen, @function\n"
        "dlmopen:\n"
        "    cmpl $-1, 4(%esp)\n"
        "    jne 1f\n"
        "    subl $12, %esp\n"
        "    call hook_dlmopen_namespace\n"
        "    addl $12, %esp\n"
        "    cmpl $-1, %eax\n"
        "    je 3f\n"
        "    movl %eax, 4(%esp)\n"
        "1:  andl $~8, 12(%esp)\n"
        "    call 2f\n"
        "2:  popl %ecx\n"
        "    addl $_GLOBAL_OFFSET_TABLE_ + (. - 2b), %ecx\n"
        "    jmp *hook_dlmopen_target@GOTOFF(%ecx)\n"
        "3:  xorl %eax, %eax\n"
        "    ret\n"
        ".size dlmopen, .-dlmopen\n");
#elif defined(__aarch64__)
__asm__(".text\n"
        ".globl dlmopen\n"
        ".type dlmopen, %function\n"
        "dlmopen:\n"
        "    hint #34\n" /* bti c */
        "    cmn x0, #1\n"
        "    b.ne 1f\n"
        "    stp x29, x30, [sp, #-32]!\n"
        "    stp x1, x2, [sp, #16]\n"
        "    bl hook_dlmopen_namespace\n"
        "    ldp x1, x2, [sp, #16]\n"
        "    ldp x29, x30, [sp], #32\n"
        "    cmn x0, #1\n"
        "    b.eq 2f\n"
        "1:  and w2, w2, #~8\n"
        "    adrp x16, hook_dlmopen_target\n"
        "    ldr x16, [x16, :lo12:hook_dlmopen_target]\n"
        "    br x16\n"
        "2:  mov x0, #0\n"
        "    ret\n"
        ".size dlmopen, .-dlmopen\n");
#endif
