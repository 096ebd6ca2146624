/* SPDX-License-Identifier: MIT */
/* /files/PATH: what a client that fetches real files needs, git's for one. */
#include "tests/origin/http.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *root; /* NULL: there are none */

void resource_files(const char *dir)
{
    root = dir;
}

/* The path below the root, without its query. */
static bool name_of(const char *path, char *out, size_t cap)
{
    int len = (int)strcspn(path, "?");
    int n = snprintf(out, cap, "%s/%.*s", root, len, path);

    return !strstr(out, "/..") && n > 0 && (size_t)n < cap;
}

static bool read_all(int fd, char *body, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = read(fd, body + done, size - done);
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static void reply_with(struct exchange *x, int fd)
{
    struct stat st;
    char *body = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? malloc((size_t)st.st_size + 1) : NULL;

    if (body && read_all(fd, body, (size_t)st.st_size))
        http_reply(x, 200, "application/octet-stream", st.st_size, "", body);
    else
        http_text(x, 404, "", "not found\n");
    free(body);
}

void get_file(struct exchange *x)
{
    char name[4096];
    int fd = root && name_of(x->path, name, sizeof(name)) ? open(name, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0) {
        http_text(x, 404, "", "not found\n");
        return;
    }
    reply_with(x, fd);
    close(fd);
}
