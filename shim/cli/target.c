/* SPDX-License-Identifier: MIT */
#include "shim/cli/target.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "shim/cli/cli.h"
#include "shim/cli/elf_file.h"

#define SCRIPTS_MAX 4 /* "#!" after "#!": the kernel stops there too */
#define UNPROTECTED "it runs unprotected"

static void warn(const char *path, const char *what)
{
    fprintf(stderr, "tlsup run: warning: %s %s\n", path, what);
}

/* ---- finding the program ---- */

static bool is_program(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static bool search(const char *command, char out[PATH_MAX])
{
    const char *at = getenv("PATH");

    if (!at)
        at = "/bin:/usr/bin";
    for (;; at++) {
        size_t len = strcspn(at, ":");
        int n = snprintf(out, PATH_MAX, "%.*s%s%s", (int)len, at, len ? "/" : "", command);

        if (n > 0 && n < PATH_MAX && is_program(out))
            return true;
        at += len;
        if (!*at)
            return false;
    }
}

static bool resolve(const char *command, char out[PATH_MAX])
{
    if (!strchr(command, '/'))
        return search(command, out);
    return snprintf(out, PATH_MAX, "%s", command) < PATH_MAX && is_program(out);
}

/* The interpreter of a "#!" line; false if the file has none. */
static bool read_script(int fd, char out[PATH_MAX])
{
    char line[256];
    ssize_t n = pread(fd, line, sizeof(line) - 1, 0);
    char *start;

    if (n < 3 || line[0] != '#' || line[1] != '!')
        return false;
    line[n] = '\0';
    start = line + 2 + strspn(line + 2, " \t");
    start[strcspn(start, " \t\n")] = '\0';
    snprintf(out, PATH_MAX, "%s", start);
    return *start;
}

/* ---- what keeps ld.so from loading us ---- */

static void warn_privileges(int fd, const char *path)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return;
    /* root's own set-uid programs change nothing when root starts them: AT_SECURE is not set then */
    if ((st.st_mode & S_ISUID) && st.st_uid != getuid())
        warn(path, "is set-user-ID: ld.so ignores LD_PRELOAD for it, " UNPROTECTED);
    else if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != getgid())
        warn(path, "is set-group-ID: ld.so ignores LD_PRELOAD for it, " UNPROTECTED);
    else if (getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0)
        warn(path, "has file capabilities: ld.so ignores LD_PRELOAD for it, " UNPROTECTED);
}

/* glibc's loaders are called ld-linux*.so.* or ld64.so.*; musl's is ld-musl-*. */
static bool is_glibc_loader(const char *interpreter)
{
    const char *slash = strrchr(interpreter, '/'), *name = slash ? slash + 1 : interpreter;

    return strncmp(name, "ld-linux", 8) == 0 || strncmp(name, "ld64.so", 7) == 0 ||
           strcmp(name, "ld.so.1") == 0;
}

static void warn_elf(int fd, const char *path)
{
    struct elf_facts elf;

    elf_look(fd, &elf);
    if (!elf.is_elf)
        return;
    if (!elf.same_machine)
        warn(path, "is for another machine or word size than libtlsup.so: ld.so will not load tlsup into "
                   "it, " UNPROTECTED);
    else if (!elf.interpreter[0])
        warn(path, "is static: ld.so will not load tlsup into it, " UNPROTECTED);
    else if (!is_glibc_loader(elf.interpreter))
        warn(path, "does not use glibc's ld.so: tlsup cannot be loaded into it, " UNPROTECTED);
    else if (elf.is_go)
        warn(path, "is a Go program: it calls the kernel past libc and so past tlsup, " UNPROTECTED);
}

void target_warn(const char *command)
{
    char path[PATH_MAX], interpreter[PATH_MAX];

    if (!resolve(command, path))
        return;
    for (int scripts = 0; scripts <= SCRIPTS_MAX; scripts++) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        bool is_script;

        if (fd < 0) {
            warn(path, "cannot be read, so it is not known whether tlsup can be loaded into it");
            return;
        }
        is_script = read_script(fd, interpreter);
        if (!is_script) {
            warn_privileges(fd, path);
            warn_elf(fd, path);
        }
        close(fd);
        if (!is_script)
            return;
        memcpy(path, interpreter, sizeof(path));
    }
}

void target_warn_proxy(void)
{
    static const char *const names[] = {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);

        if (value && *value)
            fprintf(stderr,
                    "tlsup run: warning: %s is set: requests through that proxy are protected as far as the "
                    "proxy at most; unset it, or see the policy for the proxy's port\n",
                    names[i]);
    }
}
