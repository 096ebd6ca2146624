/* SPDX-License-Identifier: MIT */
#include "shim/cli/preload.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/text.h"

#define SEPARATORS ": \t\n" /* ld.so(8): "separated by spaces or colons", without escaping */

static bool is_ours(const char *ours, const char *entry)
{
    struct stat a, b;

    if (strcmp(ours, entry) == 0)
        return true;
    return stat(ours, &a) == 0 && stat(entry, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static bool is_sanitizer(const char *entry)
{
    static const char *const names[] = {"libasan.", "libtsan.", "libubsan.", "liblsan.", "libclang_rt."};
    const char *slash = strrchr(entry, '/'), *name = slash ? slash + 1 : entry;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strncmp(name, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

static void add(struct text *t, const char *entry)
{
    text_add(t, t->len ? ":" : "");
    text_add(t, entry);
}

/* The entries of `old` that are or are not a sanitizer's, without ours. */
static void add_old(struct text *t, const char *ours, char *old, bool sanitizers)
{
    for (char *at = old, *end;; at = end + 1) {
        char saved;

        at += strspn(at, SEPARATORS);
        end = at + strcspn(at, SEPARATORS);
        saved = *end;
        *end = '\0';
        if (*at && is_sanitizer(at) == sanitizers && !is_ours(ours, at))
            add(t, at);
        *end = saved;
        if (!saved)
            return;
    }
}

char *preload_compose(const char *ours, const char *old)
{
    char *copy = strdup(old ? old : "");
    size_t size = strlen(ours) + strlen(copy ? copy : "") + 2;
    char *out = malloc(size);

    if (copy && out) {
        struct text t = text_on(out, size);

        add_old(&t, ours, copy, true);
        add(&t, ours);
        add_old(&t, ours, copy, false);
    } else {
        free(out);
        out = NULL;
    }
    free(copy);
    return out;
}
