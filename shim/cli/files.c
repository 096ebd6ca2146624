/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "shim/cli/cli.h"

/* Where an installed object may be, seen from the program's directory: $LIB of the usual systems, then lib.
 * The path is written out rather than left to ld.so, which would only print a line if it were wrong. */
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

bool cli_preload_object(const char *verb, char out[PATH_MAX])
{
    const char *why = NULL;

    if (!cli_object("libtlsup.so", out))
        why = "cannot be opened; is tlsup installed or built completely?";
    else if (strpbrk(out, ": \t\n"))
        why = "LD_PRELOAD cannot name a path with ':' or white space in it; install tlsup elsewhere";
    if (why)
        fprintf(stderr, "tlsup %s: %s: %s\n", verb, out, why);
    return !why;
}
