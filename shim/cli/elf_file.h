/* SPDX-License-Identifier: MIT */
/* What an ELF file says about how it is started. Reads the file with pread(2), every offset checked. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct elf_facts {
    bool is_elf;
    bool same_machine; /* class, byte order and machine are this program's; else the rest is not filled in */
    bool is_go;
    char interpreter[256]; /* PT_INTERP; empty: static */
};

void elf_look(int fd, struct elf_facts *out);
