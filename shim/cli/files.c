/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <unistd.h>

#include "shim/cli/cli.h"
#include "shim/cli/elf_file.h"

/* Where an installed object may be, seen from the program's directory: $LIB of the usual systems, then lib.
 * The path is written out rather than left to ld.so, which would only print a line if it were wrong; but see
 * name_for_all. */
static const char *const places[] = {
    "",
    "../lib/" TLSUP_MULTIARCH "/tlsup/",
    "../lib64/tlsup/",
    "../lib/tlsup/",
};

bool cli_absolute(const char *path, char out[PATH_MAX])
{
    char here[PATH_MAX] = "";
    int n;

    if (*path != '/' && !getcwd(here, sizeof(here)))
        return false;
    while (strncmp(path, "./", 2) == 0)
        path += 2;
    n = snprintf(out, PATH_MAX, "%s%s%s", here, *here ? "/" : "", path);
    return n > 0 && n < PATH_MAX;
}

/* This program's directory with the '/' at its end. */
static bool own_directory(char out[PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
    char *slash;

    if (n <= 0)
        return false;
    out[n] = '\0';
    slash = strrchr(out, '/');
    if (!slash)
        return false;
    slash[1] = '\0';
    return true;
}

/* "DIR/bin/" and "../lib/" is "DIR/lib/": no ".." where ld.so and people read it. */
static bool join(const char *directory, const char *place, const char *name, char out[PATH_MAX])
{
    size_t len = strlen(directory);
    int n;

    if (strncmp(place, "../", 3) == 0) {
        place += 3;
        for (len--; len && directory[len - 1] != '/'; len--)
            ;
    }
    n = snprintf(out, PATH_MAX, "%.*s%s%s", (int)len, directory, place, name);
    return n > 0 && n < PATH_MAX;
}

static bool can_open(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    close(fd);
    return true;
}

bool cli_object(const char *name, char out[PATH_MAX])
{
    char directory[PATH_MAX];

    snprintf(out, PATH_MAX, "%s", name);
    if (!own_directory(directory))
        return false;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (join(directory, places[i], name, out) && can_open(out))
            return true;
    join(directory, places[0], name, out);
    return false;
}

/* ---- several kinds of programs: PREFIX/lib/x86_64-linux-gnu/tlsup, PREFIX/lib/i386-linux-gnu/tlsup ---- */

#define OWN_PLACE "/lib/" TLSUP_MULTIARCH "/tlsup/libtlsup.so"

/* PREFIX of an object that lies in this machine's own of such places; its length, 0 if it does not. */
static size_t prefix_of(const char *object)
{
    size_t len = strlen(object), tail = sizeof(OWN_PLACE) - 1;

    return len > tail && strcmp(object + len - tail, OWN_PLACE) == 0 ? len - tail : 0;
}

/* Is "lib/TRIPLET" what this machine's ld.so makes of $LIB? Asked to load what cannot be, it says where it
 * looked. */
static bool lib_is_ours(void)
{
    static const char place[] = "/lib/" TLSUP_MULTIARCH ":";
    const char *error = dlopen("/$LIB", RTLD_LAZY) ? NULL : dlerror();

    return error && strncmp(error, place, sizeof(place) - 1) == 0;
}

static bool all_objects(glob_t *found)
{
    char object[PATH_MAX], pattern[PATH_MAX + 32];
    size_t len = cli_object("libtlsup.so", object) ? prefix_of(object) : 0;

    snprintf(pattern, sizeof(pattern), "%.*s/lib/*/tlsup/libtlsup.so", (int)len, object);
    return len && lib_is_ours() && glob(pattern, 0, NULL, found) == 0;
}

bool cli_object_of(const struct elf_facts *program, char out[PATH_MAX])
{
    glob_t found = {0};
    bool has = false;

    if (!all_objects(&found))
        return false;
    for (size_t i = 0; i < found.gl_pathc && !has; i++) {
        struct elf_facts elf = {0};
        int fd = open(found.gl_pathv[i], O_RDONLY | O_CLOEXEC);

        if (fd >= 0) {
            elf_look(fd, &elf);
            close(fd);
        }
        has = elf.class == program->class && elf.machine == program->machine;
        if (has)
            snprintf(out, PATH_MAX, "%s", found.gl_pathv[i]);
    }
    globfree(&found);
    return has;
}

/* ld.so reads $LIB anew in each program. */
static void name_for_all(char out[PATH_MAX])
{
    glob_t found = {0};
    size_t len = prefix_of(out);

    if (len && all_objects(&found) && found.gl_pathc > 1)
        snprintf(out + len, PATH_MAX - len, "/$LIB/tlsup/libtlsup.so");
    globfree(&found);
}

bool cli_preload_object(const char *verb, char out[PATH_MAX])
{
    const char *why = NULL;

    if (!cli_object("libtlsup.so", out))
        why = "cannot be opened; is tlsup installed or built completely?";
    else if (strpbrk(out, ": \t\n"))
        why = "LD_PRELOAD cannot name a path with ':' or white space in it; install tlsup elsewhere";
    if (why)
        fprintf(stderr, "tlsup %s: %s: %s\n", verb, out, why);
    else
        name_for_all(out);
    return !why;
}
