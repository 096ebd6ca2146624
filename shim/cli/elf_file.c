/* SPDX-License-Identifier: MIT */
#include "shim/cli/elf_file.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#define HEADERS_MAX    4096U
#define NAME_MAX_BYTES 32U

static bool read_at(int fd, void *to, size_t len, size_t offset)
{
    return pread(fd, to, len, (off_t)offset) == (ssize_t)len;
}

static bool same_as_ours(const ElfW(Ehdr) * h)
{
    ElfW(Ehdr) own;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    bool known = fd >= 0 && read_at(fd, &own, sizeof(own), 0);

    if (fd >= 0)
        close(fd);
    if (!known) /* no /proc: this program's class is all that is certain */
        return h->e_ident[EI_CLASS] == (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32);
    return h->e_ident[EI_CLASS] == own.e_ident[EI_CLASS] && h->e_ident[EI_DATA] == own.e_ident[EI_DATA] &&
           h->e_machine == own.e_machine;
}

static void find_interpreter(int fd, const ElfW(Ehdr) * h, struct elf_facts *out)
{
    for (size_t i = 0; i < h->e_phnum && i < HEADERS_MAX; i++) {
        ElfW(Phdr) p;
        size_t len;

        if (!read_at(fd, &p, sizeof(p), h->e_phoff + i * sizeof(p)))
            return;
        if (p.p_type != PT_INTERP)
            continue;
        len = p.p_filesz < sizeof(out->interpreter) ? p.p_filesz : sizeof(out->interpreter) - 1;
        if (!read_at(fd, out->interpreter, len, p.p_offset))
            out->interpreter[0] = '\0';
        return;
    }
}

static void find_go(int fd, const ElfW(Ehdr) * h, struct elf_facts *out)
{
    ElfW(Shdr) s, names;

    if (!read_at(fd, &names, sizeof(names), h->e_shoff + h->e_shstrndx * sizeof(names)))
        return;
    for (size_t i = 0; i < h->e_shnum && i < HEADERS_MAX; i++) {
        char name[NAME_MAX_BYTES] = "";
        ssize_t n;

        if (!read_at(fd, &s, sizeof(s), h->e_shoff + i * sizeof(s)))
            return;
        n = pread(fd, name, sizeof(name) - 1, (off_t)(names.sh_offset + s.sh_name));
        if (n > 0 && (strcmp(name, ".note.go.buildid") == 0 || strcmp(name, ".go.buildinfo") == 0))
            out->is_go = true;
    }
}

void elf_look(int fd, struct elf_facts *out)
{
    ElfW(Ehdr) h;

    memset(out, 0, sizeof(*out));
    if (!read_at(fd, &h, sizeof(h), 0) || memcmp(h.e_ident, ELFMAG, SELFMAG) != 0)
        return;
    out->is_elf = true;
    out->same_machine = same_as_ours(&h);
    if (!out->same_machine)
        return;
    if (h.e_phentsize == sizeof(ElfW(Phdr)))
        find_interpreter(fd, &h, out);
    if (h.e_shoff && h.e_shentsize == sizeof(ElfW(Shdr)))
        find_go(fd, &h, out);
}
