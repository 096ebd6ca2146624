/* SPDX-License-Identifier: MIT */
#include "shim/net/orphans.h"

#include "shim/net/sock.h"
#include "shim/real.h"
#include "shim/relay/title.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_BYTES 1000U

/* At most cap - 1 bytes of a file of /proc, and a 0. False: it cannot be read, or there is more. */
static bool read_text(const char *path, char *out, size_t cap)
{
    size_t len = 0;
    ssize_t n = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && n > 0 && len < cap - 1) {
        n = real.read(fd, out + len, cap - 1 - len);
        len += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0)
        real.close(fd);
    out[len] = 0;
    return fd >= 0 && n == 0;
}

/* One that has ended is none that lives. */
static bool is_relay(pid_t pid)
{
    char path[64], name[32];
    sock_proc_path(path, pid, "/comm");
    return !read_text(path, name, sizeof name) || strcmp(name, TITLE "\n") == 0;
}

bool orphans_are_relays(void)
{
    char children[TEXT_BYTES], *at = children, *end;
    if (!read_text("/proc/thread-self/children", children, sizeof children))
        return false;
    for (long pid = strtol(at, &end, 10); end != at; pid = strtol(at = end, &end, 10))
        if (!is_relay((pid_t)pid))
            return false;
    return true;
}
