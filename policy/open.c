/* SPDX-License-Identifier: MIT */
#include "policy/open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/text.h"

#define OTHERS_WRITE (S_IWGRP | S_IWOTH)

/* ---- why a file is not taken ---- */

/* errno is what the system said, 0 where the reason is ours. */
static bool refuse(struct text *why_not, const char *path, const char *why, const char *more)
{
    text_add(why_not, *path ? path : "(empty path)");
    text_add(why_not, ": ");
    text_add(why_not, why);
    text_add(why_not, more);
    errno = 0;
    return false;
}

static bool refuse_errno(struct text *why_not, const char *path, const char *what)
{
    int error = errno;
    const char *text = strerrordesc_np(error); /* never translated */

    refuse(why_not, path, what, text ? text : "error");
    errno = error;
    return false;
}

static enum open_result refused(void)
{
    return errno == ENOMEM || errno == EMFILE || errno == ENFILE ? OPEN_STARVED : OPEN_REFUSED;
}

/* ---- who may have written it ---- */

static bool is_ours(const struct stat *st)
{
    return st->st_uid == 0 || st->st_uid == geteuid();
}

static bool check_owner(struct text *why_not, const char *path, const struct stat *st)
{
    char uid[TEXT_UINT_MAX], owner[sizeof("uid ") + TEXT_UINT_MAX];
    struct text t = text_on(owner, sizeof(owner));

    if (is_ours(st))
        return true;
    text_add(&t, "uid ");
    text_add(&t, text_uint(uid, st->st_uid));
    return refuse(why_not, path, "is owned neither by root nor by the effective user, but by ", owner);
}

/* A directory that others write to is one where they can put another file in place; the sticky bit stops
 * that for entries that are not theirs, if the directory is root's. */
static bool check_directory(struct text *why_not, const char *path, int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return refuse_errno(why_not, path, "");
    if (!check_owner(why_not, path, &st))
        return false;
    if ((st.st_mode & OTHERS_WRITE) && !((st.st_mode & S_ISVTX) && st.st_uid == 0))
        return refuse(why_not, path, "this directory is writable by group or others; chmod go-w", "");
    return true;
}

static bool check_file(struct text *why_not, const char *path, const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return refuse(why_not, path, "is not a regular file", "");
    if (!check_owner(why_not, path, st))
        return false;
    if (st->st_mode & OTHERS_WRITE)
        return refuse(why_not, path, "is writable by group or others; chmod go-w", "");
    if (st->st_size > (off_t)OPEN_SIZE_MAX)
        return refuse(why_not, path, "is larger than 1 MiB", "");
    return true;
}

/* ---- opening ---- */

/* Goes one step down from `fd`, which is closed. `path` ends behind the step. */
static int step_down(struct text *why_not, const char *path, int fd, const char *step)
{
    int next = openat(fd, step, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (next < 0)
        refuse_errno(why_not, path, "");
    close(fd); /* succeeds, and leaves errno alone */
    if (next >= 0 && !check_directory(why_not, path, next)) {
        close(next);
        return -1;
    }
    return next;
}

/* Opens the directory step by step from the root, so that what was checked is what is used; no step may be a
 * symbolic link (`path` has none left, realpath(3) has been there). */
static int open_directory(struct text *why_not, char *path)
{
    int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        refuse_errno(why_not, "/", "");
    } else if (!check_directory(why_not, "/", fd)) {
        close(fd);
        fd = -1;
    }
    for (char *step = path + 1; fd >= 0 && *step;) {
        char *end = strchrnul(step, '/'), saved = *end;

        *end = '\0';
        fd = step_down(why_not, path, fd, step);
        *end = saved;
        step = saved ? end + 1 : end;
    }
    return fd;
}

/* The directory that holds `path`, without symbolic links; malloc'ed. */
static char *real_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *directory = strndup(path, slash == path ? 1 : (size_t)(slash - path)), *real;

    real = directory ? realpath(directory, NULL) : NULL;
    free(directory);
    return real;
}

/* ENOENT, and not because a symbolic link leads nowhere. */
static bool is_absent(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct stat st;
    char *directory;
    bool there;

    if (errno != ENOENT)
        return false;
    directory = strndup(path, (size_t)(slash - path) + (slash == path));
    there = !directory || (lstat(directory, &st) == 0 && S_ISLNK(st.st_mode));
    free(directory);
    return !there;
}

static enum open_result open_in(struct text *why_not, const char *path, int directory, int *fd)
{
    /* O_NONBLOCK: a FIFO must not hold us up before it is refused */
    int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    struct stat st;

    *fd = openat(directory, strrchr(path, '/') + 1, flags);
    if (*fd < 0) {
        bool absent = errno == ENOENT;

        if (errno == ELOOP)
            refuse(why_not, path, "is a symbolic link; name the file itself", "");
        else
            refuse_errno(why_not, path, "cannot be opened: ");
        return absent ? OPEN_ABSENT : refused();
    }
    if (fstat(*fd, &st) != 0)
        refuse_errno(why_not, path, "");
    else if (check_file(why_not, path, &st))
        return OPEN_DONE;
    close(*fd);
    *fd = -1;
    return OPEN_REFUSED;
}

enum open_result open_trusted(const char *path, struct text *why_not, int *fd)
{
    enum open_result result;
    char *real;
    int directory;

    *fd = -1;
    if (*path != '/') {
        refuse(why_not, path, "is not an absolute path; a policy is never taken from the current directory",
               "");
        return OPEN_REFUSED;
    }
    real = real_directory(path);
    if (!real) {
        bool absent = is_absent(path);

        errno = absent ? ENOENT : errno;
        refuse_errno(why_not, path, "cannot be opened: ");
        return absent ? OPEN_ABSENT : refused();
    }
    directory = open_directory(why_not, real);
    free(real);
    if (directory < 0)
        return refused();
    result = open_in(why_not, path, directory, fd);
    close(directory);
    return result;
}
