/* SPDX-License-Identifier: MIT */
#include "shim/symbols.h"

#include <link.h>
#include <string.h>

#define HIDDEN_VERSION 0x8000U /* not the one that an unversioned reference gets */

enum reading { READABLE, UNREADABLE, NOT_SEARCHED };

/* ld.so adds the base to what it may write. The object of the kernel it may not, and does not search either.
 */
static enum reading read_dynamic(const struct dl_phdr_info *info, const ElfW(Dyn) * d,
                                 struct symbols_object *out)
{
    *out = (struct symbols_object){.base = info->dlpi_addr};
    for (; d->d_tag != DT_NULL; d++) {
        uint32_t at = (uint32_t)(d->d_un.d_ptr - out->base);
        if (d->d_tag == DT_STRTAB && d->d_un.d_ptr < out->base)
            return NOT_SEARCHED;
        if (d->d_tag == DT_SYMTAB)
            out->symbols = at;
        else if (d->d_tag == DT_STRTAB)
            out->strings = at;
        else if (d->d_tag == DT_VERSYM)
            out->versions = at;
        else if (d->d_tag == DT_GNU_HASH)
            out->hash = at;
    }
    return out->symbols && out->strings && out->hash ? READABLE : UNREADABLE;
}

static bool is_ours(const struct dl_phdr_info *info)
{
    uintptr_t here = (uintptr_t)is_ours;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type == PT_LOAD && here - (info->dlpi_addr + p->p_vaddr) < p->p_memsz)
            return true;
    }
    return false;
}

/* 1 ends the walk: with an object that cannot be read the order would be wrong. */
static int note_object(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    struct symbols *s = arg;
    if (!s->behind) {
        s->behind = is_ours(info);
        return 0;
    }
    if (s->n == SYMBOLS_OBJECTS)
        return 1;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type != PT_DYNAMIC)
            continue;
        enum reading how = read_dynamic(info, (const void *)(info->dlpi_addr + p->p_vaddr), &s->at[s->n]);
        s->n += how == READABLE;
        return how == UNREADABLE;
    }
    return 1;
}

bool symbols_begin(struct symbols *s)
{
    s->n = 0;
    s->behind = false;
    return dl_iterate_phdr(note_object, s) == 0 && s->behind;
}

static uint32_t hash_of(const char *name)
{
    uint32_t h = 5381;
    for (; *name; name++)
        h = h * 33 + (unsigned char)*name;
    return h;
}

static const void *at(const struct symbols_object *o, uint32_t offset)
{
    return (const void *)(o->base + offset); /* NOLINT(performance-no-int-to-ptr): the loader's number */
}

/* The sections of DT_GNU_HASH: header, filter, buckets, and one hash for each symbol that is in a bucket. */
static const ElfW(Sym) * look(const struct symbols_object *o, const char *name, uint32_t h)
{
    enum { WORD_BITS = 8 * sizeof(ElfW(Addr)) };
    const uint32_t *hash = at(o, o->hash);
    uint32_t n_buckets = hash[0], first = hash[1], n_words = hash[2], shift = hash[3];
    const ElfW(Addr) *filter = (const void *)&hash[4];
    const uint32_t *buckets = (const void *)&filter[n_words], *hashes = &buckets[n_buckets];
    ElfW(Addr) word = filter[h / WORD_BITS % n_words];
    const ElfW(Sym) *symbols = at(o, o->symbols);
    const uint16_t *versions = o->versions ? at(o, o->versions) : NULL;
    const char *strings = at(o, o->strings);
    if (!(word >> h % WORD_BITS & word >> (h >> shift) % WORD_BITS & 1) || !n_buckets)
        return NULL;
    uint32_t i = buckets[h % n_buckets];
    for (; i >= first; i++) {
        uint32_t there = hashes[i - first];
        bool shown = !versions || !(versions[i] & HIDDEN_VERSION);
        if ((there | 1) == (h | 1) && shown && strcmp(strings + symbols[i].st_name, name) == 0)
            return &symbols[i];
        if (there & 1)
            return NULL;
    }
    return NULL;
}

bool symbols_end_at(struct symbols *s, const char *name)
{
    uint32_t h = hash_of(name);
    for (size_t i = 0; i < s->n; i++)
        if (look(&s->at[i], name, h)) {
            s->n = i + 1;
            return true;
        }
    return false;
}

void symbols_copy(struct symbols *to, const struct symbols *from)
{
    memcpy(to->at, from->at, from->n * sizeof from->at[0]);
    to->behind = from->behind;
    to->n = from->n;
}

void *symbols_find(const struct symbols *s, const char *name)
{
    uint32_t h = hash_of(name);
    for (size_t i = 0; i < s->n; i++) {
        const ElfW(Sym) *found = look(&s->at[i], name, h);
        if (!found || found->st_shndx == SHN_UNDEF)
            continue;
        /* what a function of the object's would have to choose is dlsym's to ask */
        return ELF64_ST_TYPE(found->st_info) == STT_FUNC ? (void *)(s->at[i].base + found->st_value) : NULL;
    }
    return NULL;
}
