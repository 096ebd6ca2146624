/* SPDX-License-Identifier: MIT */
#include "shim/cli/elf_file.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#define HEADERS_MAX    4096U
#define NAME_MAX_BYTES 32U
#define GO_DATA_MAX    65536U

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

static void take_interpreter(int fd, const ElfW(Phdr) * p, struct elf_facts *out)
{
    size_t len = p->p_filesz < sizeof(out->interpreter) ? p->p_filesz : sizeof(out->interpreter) - 1;

    if (!read_at(fd, out->interpreter, len, p->p_offset))
        out->interpreter[0] = '\0';
}

/* ---- the other word size: what starts it is all that is asked ---- */

#if __SIZEOF_POINTER__ == 8
#define OTHER_CLASS ELFCLASS32
typedef Elf32_Ehdr other_ehdr;
typedef Elf32_Phdr other_phdr;
#else
#define OTHER_CLASS ELFCLASS64
typedef Elf64_Ehdr other_ehdr;
typedef Elf64_Phdr other_phdr;
#endif

static void take_other_interpreter(int fd, struct elf_facts *out)
{
    other_ehdr h;
    other_phdr p;

    if (!read_at(fd, &h, sizeof(h), 0) || h.e_phentsize != sizeof(p))
        return;
    for (size_t i = 0; i < h.e_phnum && i < HEADERS_MAX && !out->interpreter[0]; i++) {
        if (!read_at(fd, &p, sizeof(p), (size_t)h.e_phoff + i * sizeof(p)))
            return;
        if (p.p_type == PT_INTERP && p.p_filesz < sizeof(out->interpreter) &&
            !read_at(fd, out->interpreter, (size_t)p.p_filesz, (size_t)p.p_offset))
            out->interpreter[0] = '\0';
    }
}

/* ---- Go, by each mark that its linker leaves: strip takes some of them ---- */

/* Notes are called "Go"; one of type 4 is the build's number. */
static void look_at_notes(int fd, const ElfW(Phdr) * p, struct elf_facts *out)
{
    size_t offset = p->p_offset, end = p->p_offset + p->p_filesz;

    for (size_t i = 0; i < HEADERS_MAX && offset + sizeof(ElfW(Nhdr)) < end; i++) {
        ElfW(Nhdr) note;
        char name[4] = "";

        if (!read_at(fd, &note, sizeof(note), offset))
            return;
        offset += sizeof(note);
        if (note.n_namesz == sizeof(name) && read_at(fd, name, sizeof(name), offset) &&
            memcmp(name, "Go\0", sizeof(name)) == 0)
            out->is_go = true;
        offset += ((size_t)note.n_namesz + 3) / 4 * 4 + ((size_t)note.n_descsz + 3) / 4 * 4;
    }
}

/* Where `go version` looks: near the start of the data, at a multiple of 16. */
static void look_at_data(int fd, const ElfW(Phdr) * p, struct elf_facts *out)
{
    static const char magic[] = "\xff Go buildinf:";
    char block[4096];

    for (size_t at = 0; at < GO_DATA_MAX && at < p->p_filesz; at += sizeof(block)) {
        ssize_t n = pread(fd, block, sizeof(block), (off_t)(p->p_offset + at));

        for (ssize_t i = 0; i + 16 <= n; i += 16)
            if (memcmp(block + i, magic, sizeof(magic) - 1) == 0)
                out->is_go = true;
        if (n < (ssize_t)sizeof(block))
            return;
    }
}

static void look_at_segments(int fd, const ElfW(Ehdr) * h, struct elf_facts *out)
{
    for (size_t i = 0; i < h->e_phnum && i < HEADERS_MAX; i++) {
        ElfW(Phdr) p;

        if (!read_at(fd, &p, sizeof(p), h->e_phoff + i * sizeof(p)))
            return;
        if (p.p_type == PT_INTERP && !out->interpreter[0])
            take_interpreter(fd, &p, out);
        else if (p.p_type == PT_NOTE)
            look_at_notes(fd, &p, out);
        else if (p.p_type == PT_LOAD && (p.p_flags & PF_W))
            look_at_data(fd, &p, out);
    }
}

static void look_at_sections(int fd, const ElfW(Ehdr) * h, struct elf_facts *out)
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
    out->class = h.e_ident[EI_CLASS];
    out->machine = h.e_machine;
    if (!out->same_machine) {
        if (out->class == OTHER_CLASS)
            take_other_interpreter(fd, out);
        return;
    }
    if (h.e_phentsize == sizeof(ElfW(Phdr)))
        look_at_segments(fd, &h, out);
    if (h.e_shoff && h.e_shentsize == sizeof(ElfW(Shdr)))
        look_at_sections(fd, &h, out);
}
