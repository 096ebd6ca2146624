/* SPDX-License-Identifier: MIT */
#include "policy/open.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/text.h"

#define OTHERS_WRITE (S_IWGRP | S_IWOTH)
#define LINKS_MAX    40U /* as the kernel has it: path_resolution(7) */

/* ---- why a file is not taken ---- */

static bool refuse(struct text *why, const char *path, const char *what, const char *more)
{
    text_add(why, *path ? path : "(empty path)");
    text_add(why, ": ");
    text_add(why, what);
    text_add(why, more);
    return false;
}

static bool refuse_errno(struct text *why, const char *path, const char *what)
{
    const char *text = strerrordesc_np(errno); /* never translated */

    return refuse(why, path, what, text ? text : "error");
}

/* ---- who may have written it ---- */

static bool check_owner(struct text *why, const char *path, const struct stat *st)
{
    char uid[TEXT_UINT_MAX], owner[sizeof("uid ; chown it") + TEXT_UINT_MAX];
    struct text t = text_on(owner, sizeof(owner));

    if (st->st_uid == 0 || st->st_uid == geteuid())
        return true;
    text_add(&t, "uid ");
    text_add(&t, text_uint(uid, st->st_uid));
    text_add(&t, "; chown it");
    return refuse(why, path, "is owned neither by root nor by the effective user, but by ", owner);
}

/* A directory that others write to is one where they can put another file in place; the sticky bit stops
 * that for entries that are not theirs, if the directory is root's. */
static bool check_directory(struct text *why, const char *path, const struct stat *st)
{
    if (!check_owner(why, path, st))
        return false;
    if ((st->st_mode & OTHERS_WRITE) && !((st->st_mode & S_ISVTX) && st->st_uid == 0))
        return refuse(why, path, "this directory is writable by group or others; chmod go-w", "");
    return true;
}

/* Who the user of a key is decides its owner, by a group where that is root: the rule of libpq. */
static bool check_readers(struct text *why, const char *path, const struct stat *st)
{
    if (st->st_mode & S_IRWXO)
        return refuse(why, path, "a key that others may read is refused; chmod o=", "");
    if ((st->st_mode & S_IRWXG) && st->st_uid != 0)
        return refuse(why, path, "a key that a group may read is refused unless it is root's; chmod go=", "");
    return true;
}

static bool check_size(struct text *why, const char *path, enum open_kind kind, off_t size)
{
    off_t mib = kind == OPEN_POLICY ? 1 : 16;

    if (size <= mib * 1024 * 1024)
        return true;
    return refuse(why, path, "is larger than ", kind == OPEN_POLICY ? "1 MiB" : "16 MiB");
}

static bool check_file(struct text *why, const char *path, enum open_kind kind, const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return refuse(why, path, "is not a regular file", "");
    if (!check_owner(why, path, st))
        return false;
    if (st->st_mode & OTHERS_WRITE)
        return refuse(why, path, "is writable by group or others; chmod go-w", "");
    if (kind == OPEN_SECRET && !check_readers(why, path, st))
        return false;
    return check_size(why, path, kind, st->st_size);
}

/* ---- the way there: a step at a time from the root, so that what was checked is what is used ---- */

struct walk {
    const char *path; /* as the caller named it */
    struct text *why;
    struct text here;        /* where `directory` is */
    int directory;           /* O_PATH */
    unsigned links;          /* followed so far */
    char *rest;              /* what is still to go */
    size_t own;              /* bytes at the end of rest that the caller named; those before them, a link */
    char text[3 * PATH_MAX]; /* rest, what a link says, and here */
};

/* errno says why. ENOENT of a step that a symbolic link names is no absence: somebody meant a file to be
 * there.
 */
static enum open_result stopped(struct walk *w)
{
    enum open_result result = OPEN_REFUSED;

    if (errno == ENOENT && strlen(w->rest) <= w->own)
        result = OPEN_ABSENT;
    else if (errno == EACCES)
        result = OPEN_DENIED;
    else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
        result = OPEN_STARVED;
    refuse_errno(w->why, w->path, "cannot be opened: ");
    return result;
}

/* `next` becomes where we are, if it may be trusted; it is taken over. */
static enum open_result enter(struct walk *w, int next, const struct stat *st)
{
    if (w->directory >= 0)
        close(w->directory);
    w->directory = next;
    return check_directory(w->why, w->here.len ? w->here.buf : "/", st) ? OPEN_DONE : OPEN_REFUSED;
}

static enum open_result enter_root(struct walk *w)
{
    struct stat st;
    int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return stopped(w);
    w->here.len = 0;
    w->here.buf[0] = '\0';
    return fstat(fd, &st) == 0 ? enter(w, fd, &st) : (close(fd), stopped(w));
}

static void note_step(struct walk *w, const char *step)
{
    if (strcmp(step, "..") == 0) {
        char *slash = strrchr(w->here.buf, '/');

        w->here.len = slash ? (size_t)(slash - w->here.buf) : 0;
        w->here.buf[w->here.len] = '\0';
    } else if (strcmp(step, ".") != 0) {
        text_add(&w->here, "/");
        text_add(&w->here, step);
    }
}

/* The link `fd`, which is closed; `after` is what comes behind it. */
static enum open_result follow(struct walk *w, int fd, const struct stat *st, const char *after)
{
    char *to = w->text + PATH_MAX;
    size_t behind = strlen(after);
    ssize_t n;

    if (!check_owner(w->why, w->here.buf, st)) {
        close(fd);
        return OPEN_REFUSED;
    }
    note_step(w, "..");
    n = readlinkat(fd, "", to, PATH_MAX - 1);
    close(fd);
    if (n >= 0 && (++w->links > LINKS_MAX || (size_t)n + behind + 2 > PATH_MAX)) {
        errno = w->links > LINKS_MAX ? ELOOP : ENAMETOOLONG;
        n = -1;
    }
    if (n < 0)
        return stopped(w);
    memmove(w->text + n + (behind != 0), after, behind + 1);
    memcpy(w->text, to, (size_t)n);
    if (behind)
        w->text[n] = '/';
    w->rest = w->text;
    w->own = behind < w->own ? behind : w->own;
    return *w->text == '/' ? enter_root(w) : OPEN_DONE;
}

/* Where the next step of rest ends; NULL: there is none. */
static char *next_step(struct walk *w)
{
    w->rest += strspn(w->rest, "/");
    return *w->rest ? strchrnul(w->rest, '/') : NULL;
}

/* One step down. `last`: it is the file, of which *fd becomes a descriptor that nothing can be done with. */
static enum open_result step_down(struct walk *w, char *end, bool may_be_link, int *fd)
{
    struct stat st;
    bool last = !*end;
    int next;

    *end = '\0'; /* rest is the step, and what is behind it follows */
    next = openat(w->directory, w->rest, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0 || fstat(next, &st) != 0) {
        if (!last)
            *end = '/';
        if (next >= 0)
            close(next);
        return stopped(w);
    }
    note_step(w, w->rest);
    if (S_ISLNK(st.st_mode)) {
        if (!last || may_be_link)
            return follow(w, next, &st, last ? "" : end + 1);
        refuse(w->why, w->path, "is a symbolic link; name the file itself", "");
        close(next);
        return OPEN_REFUSED;
    }
    if (last && fd) {
        *fd = next;
        return OPEN_DONE;
    }
    w->rest = last ? end : end + 1;
    if (!S_ISDIR(st.st_mode)) {
        close(next);
        errno = ENOTDIR;
        return stopped(w);
    }
    return enter(w, next, &st);
}

/* To the file, the step of which is rest then, and `*fd`; or, if fd is NULL, into the directory. */
static enum open_result go(struct walk *w, bool may_be_link, int *fd)
{
    enum open_result result = enter_root(w);

    while (result == OPEN_DONE && (!fd || *fd < 0)) {
        char *end = next_step(w);

        if (end) {
            result = step_down(w, end, may_be_link, fd);
        } else if (fd) { /* there already: the path names a directory */
            refuse(w->why, w->path, "is not a regular file", "");
            return OPEN_REFUSED;
        } else {
            break;
        }
    }
    return result;
}

static struct walk *walk_from(const char *path, const char *what, struct text *why)
{
    struct walk *w = *path == '/' ? malloc(sizeof(*w)) : NULL;
    size_t len = strlen(path);

    if (*path != '/') {
        refuse(why, path, "is not an absolute path; ", what);
        text_add(why, " is never taken from the current directory");
    } else if (!w || len >= PATH_MAX) {
        errno = w ? ENAMETOOLONG : ENOMEM;
        refuse_errno(why, path, "cannot be opened: ");
        free(w);
        w = NULL;
    } else {
        w->path = path;
        w->why = why;
        w->here = text_on(w->text + 2 * (size_t)PATH_MAX, PATH_MAX);
        w->directory = -1;
        w->links = 0;
        w->rest = memcpy(w->text, path, len + 1);
        w->own = len;
    }
    return w;
}

static void walk_end(struct walk *w)
{
    if (w->directory >= 0)
        close(w->directory);
    free(w);
}

/* ---- opening ---- */

/* What was found at the end of the way, which is closed, as a descriptor that can be read: a program may have
 * no more than two left. A device is not opened: that alone can do something. */
static enum open_result open_found(struct walk *w, enum open_kind kind, int found, struct open_file *out)
{
    /* O_NONBLOCK: should it be a FIFO by now, it must not hold us up before it is refused */
    int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    struct stat st;

    bool known = fstat(found, &st) == 0;
    close(found);
    if (!known)
        return stopped(w);
    if (!check_file(w->why, w->path, kind, &st))
        return OPEN_REFUSED;
    out->fd = openat(w->directory, w->rest, flags);
    if (out->fd < 0 || fstat(out->fd, &st) != 0)
        return stopped(w);
    out->size = (size_t)st.st_size;
    return check_file(w->why, w->path, kind, &st) ? OPEN_DONE : OPEN_REFUSED;
}

enum open_result open_trusted(const char *path, enum open_kind kind, char *why, size_t cap,
                              struct open_file *out)
{
    struct text t = text_on(why, cap);
    struct walk *w = walk_from(path, kind == OPEN_POLICY ? "a policy" : "a file", &t);
    enum open_result result;
    int found = -1;

    *out = (struct open_file){-1, 0};
    if (!w)
        return *path == '/' && strlen(path) < PATH_MAX ? OPEN_STARVED : OPEN_REFUSED;
    result = go(w, kind != OPEN_POLICY, &found);
    if (result == OPEN_DONE)
        result = open_found(w, kind, found, out);
    else if (found >= 0)
        close(found);
    if (result != OPEN_DONE && out->fd >= 0) {
        close(out->fd);
        out->fd = -1;
    }
    walk_end(w);
    return result;
}

bool open_trusted_directory(const char *path, char *why, size_t cap)
{
    struct text t = text_on(why, cap);
    struct walk *w = walk_from(path, "a directory", &t);
    enum open_result result;

    if (!w)
        return false;
    result = go(w, true, NULL);
    walk_end(w);
    return result == OPEN_DONE;
}

/* ---- reading ---- */

bool open_contents(const struct open_file *file, const char *path, char *bytes, char *why, size_t cap)
{
    struct text t = text_on(why, cap);
    size_t len = 0;
    ssize_t n = 1;
    char more;

    while (n != 0 && len <= file->size) {
        bool full = len == file->size;

        n = full ? read(file->fd, &more, 1) : read(file->fd, bytes + len, file->size - len);
        if (n < 0 && errno != EINTR)
            return refuse_errno(&t, path, "cannot be read: ");
        len += n > 0 ? (size_t)n : 0;
    }
    return len == file->size || refuse(&t, path, "changed while it was read", "");
}
