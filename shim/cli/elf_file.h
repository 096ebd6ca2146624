/* SPDX-License-Identifier: MIT */
/* What an ELF file says about how it is started. Reads the file with pread(2), every offset checked. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct elf_facts {
    bool is_elf;
    bool same_machine;     /* class, byte order and machine are this program's */
    unsigned char class;   /* ELFCLASS32, ELFCLASS64 */
    unsigned machine;      /* EM_… */
    char interpreter[256]; /* PT_INTERP; empty: static. Of another machine only if it has the other class */
    bool is_go;            /* not known of another machine: false */
};

void elf_look(int fd, struct elf_facts *out);
