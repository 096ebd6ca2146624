/* SPDX-License-Identifier: MIT */
#include "shim/net/fds.h"

#include "shim/audit/fmt.h"
#include "shim/net/sock.h"
#include "shim/real.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static ino_t inode_of(int sock)
{
    struct stat st;
    return fstat(sock, &st) == 0 ? st.st_ino : 0;
}

/* Calls `see` with each number and what it is ("socket:[4711]"), until one gives false. */
static void each(pid_t thread, bool (*see)(int number, const char *what, void *arg), void *arg)
{
    char path[64], what[64];
    const struct dirent *entry;
    sock_proc_path(path, thread, "/fd");
    DIR *all = opendir(path);
    bool more = all != NULL;
    while (more && (entry = readdir(all))) {
        ssize_t n = readlinkat(dirfd(all), entry->d_name, what, sizeof what - 1);
        if (n <= 0)
            continue;
        what[n] = 0;
        more = see((int)strtol(entry->d_name, NULL, 10), what, arg);
    }
    if (all)
        closedir(all);
}

/* ---- the numbers of a socket ---- */

struct search {
    char what[64];
    int *out;
    size_t n, max;
};

static bool see_socket(int number, const char *what, void *arg)
{
    struct search *s = arg;
    if (strcmp(what, s->what) == 0)
        s->out[s->n++] = number;
    return s->n < s->max;
}

size_t fds_of(pid_t thread, int sock, int *out, size_t max)
{
    struct search s = {.out = out, .max = max};
    struct fmt f;
    fmt_init(&f, s.what, sizeof s.what);
    fmt_str(&f, "socket:[");
    fmt_u64(&f, inode_of(sock));
    fmt_char(&f, ']');
    fmt_text(&f);
    each(thread, see_socket, &s);
    return s.n;
}

/* ---- /proc/PID/fdinfo ---- */

/* Calls `see` with each line until one gives false. A line that is too long comes in pieces. */
static void each_line(pid_t thread, int number, bool (*see)(const char *line, void *arg), void *arg)
{
    char path[64], file[32], text[1025];
    struct fmt f;
    fmt_init(&f, file, sizeof file);
    fmt_str(&f, "/fdinfo/");
    fmt_u64(&f, (uint64_t)number);
    sock_proc_path(path, thread, fmt_text(&f));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;
    size_t len = 0;
    bool more = fd >= 0;
    while (more && (n = real.read(fd, text + len, sizeof text - 1 - len)) > 0) {
        char *at = text, *end;
        text[len + (size_t)n] = 0;
        while (more && (end = strchr(at, '\n'))) {
            *end = 0;
            more = see(at, arg);
            at = end + 1;
        }
        len = strlen(at) < sizeof text - 1 ? strlen(at) : 0;
        memmove(text, at, len);
    }
    if (fd >= 0)
        real.close(fd);
}

static bool see_flags(const char *line, void *arg)
{
    if (strncmp(line, "flags:", 6) == 0)
        *(unsigned *)arg = (unsigned)strtoul(line + 6, NULL, 8);
    return true;
}

bool fds_closes_on_exec(pid_t thread, int number)
{
    unsigned flags = 0;
    each_line(thread, number, see_flags, &flags);
    return flags & O_CLOEXEC;
}

struct places {
    pid_t thread;
    ino_t inode;
    int set;
    struct fds_place *out;
    size_t n, max;
};

static uint64_t field(const char *line, const char *name, int base)
{
    const char *at = strstr(line, name);
    return at ? strtoull(at + strlen(name), NULL, base) : 0;
}

/* "tfd: 5 events: 19 data: 5 pos:0 ino:61ef sdev:8", all but the first in hexadecimal */
static bool see_target(const char *line, void *arg)
{
    struct places *p = arg;
    if (strncmp(line, "tfd:", 4) != 0 || field(line, " ino:", 16) != p->inode)
        return true;
    p->out[p->n++] = (struct fds_place){.set = p->set,
                                        .number = (int)field(line, "tfd:", 10),
                                        .events = (uint32_t)field(line, " events:", 16),
                                        .data = field(line, " data:", 16)};
    return p->n < p->max;
}

static bool see_set(int number, const char *what, void *arg)
{
    struct places *p = arg;
    p->set = number;
    if (strcmp(what, "anon_inode:[eventpoll]") == 0)
        each_line(p->thread, number, see_target, p);
    return p->n < p->max;
}

size_t fds_places(pid_t thread, int sock, struct fds_place *out, size_t max)
{
    struct places p = {.thread = thread, .inode = inode_of(sock), .out = out, .max = max};
    each(thread, see_set, &p);
    return p.n;
}
