/* SPDX-License-Identifier: MIT */
/* What keeps ld.so from loading us, seen from the file. */
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "shim/cli/cli.h"
#include "shim/cli/elf_file.h"
#include "shim/cli/target.h"

#define UNPROTECTED "it runs unprotected"

static const struct {
    const char *word, *text;
} known[] = {
    [TARGET_FINE] = {"loads", ""},
    [TARGET_UNREADABLE] = {"unreadable",
                           "cannot be read, so it is not known whether tlsup can be loaded into it"},
    [TARGET_SET_UID] = {"set-uid", "is set-user-ID: ld.so ignores LD_PRELOAD for it, " UNPROTECTED},
    [TARGET_SET_GID] = {"set-gid", "is set-group-ID: ld.so ignores LD_PRELOAD for it, " UNPROTECTED},
    [TARGET_CAPABILITIES] = {"capabilities",
                             "has file capabilities: ld.so ignores LD_PRELOAD for it, " UNPROTECTED},
    [TARGET_OTHER_MACHINE] = {"other-machine",
                              "is for another machine or word size than libtlsup.so: ld.so will not load "
                              "tlsup into it, " UNPROTECTED},
    [TARGET_STATIC] = {"static", "is static: ld.so will not load tlsup into it, " UNPROTECTED},
    [TARGET_MUSL] = {"musl", "uses musl, which cannot load a library that was made for glibc: it does not "
                             "start with LD_PRELOAD, and would run unprotected without"},
    [TARGET_OTHER_LOADER] = {"other-loader",
                             "does not use glibc's ld.so: tlsup cannot be loaded into it, " UNPROTECTED},
    [TARGET_GO] = {"go", "is a Go program: it calls the kernel past libc and so past tlsup, " UNPROTECTED},
};

const char *target_obstacle_text(enum target_obstacle obstacle)
{
    return known[obstacle].text;
}

const char *target_obstacle_word(enum target_obstacle obstacle)
{
    return known[obstacle].word;
}

bool target_loses_privileges(enum target_obstacle obstacle)
{
    return obstacle == TARGET_SET_UID || obstacle == TARGET_SET_GID || obstacle == TARGET_CAPABILITIES;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* glibc's loaders are called ld-linux*.so.* or ld64.so.*; musl's is ld-musl-*. */
bool obstacle_is_loader(const char *path)
{
    const char *name = base_name(path);

    return strncmp(name, "ld-linux", 8) == 0 || strncmp(name, "ld64.so", 7) == 0 ||
           strcmp(name, "ld.so.1") == 0 || strcmp(name, "ld.so") == 0;
}

/* On such a file system, or with no_new_privs, exec takes no notice of them, and ld.so takes notice of us. */
static bool privileges_count(int fd)
{
    struct statvfs fs;

    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 &&
           !(fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_NOSUID));
}

static enum target_obstacle privileges(int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || !privileges_count(fd))
        return TARGET_FINE;
    /* root's own set-uid programs change nothing when root starts them: AT_SECURE is not set then */
    if ((st.st_mode & S_ISUID) && st.st_uid != getuid())
        return TARGET_SET_UID;
    if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != getgid())
        return TARGET_SET_GID;
    if (getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0)
        return TARGET_CAPABILITIES;
    return TARGET_FINE;
}

enum target_obstacle obstacle_of(int fd, const char *path)
{
    enum target_obstacle obstacle = privileges(fd);
    struct elf_facts elf;
    char object[PATH_MAX];

    elf_look(fd, &elf);
    if (obstacle != TARGET_FINE || !elf.is_elf)
        return obstacle;
    if (!elf.same_machine && !cli_object_of(&elf, object))
        return TARGET_OTHER_MACHINE;
    if (elf.is_go && elf.interpreter[0])
        return TARGET_GO;
    if (!elf.interpreter[0])
        return obstacle_is_loader(path) ? TARGET_FINE : TARGET_STATIC;
    if (strncmp(base_name(elf.interpreter), "ld-musl-", 8) == 0)
        return TARGET_MUSL;
    return obstacle_is_loader(elf.interpreter) ? TARGET_FINE : TARGET_OTHER_LOADER;
}
