/* SPDX-License-Identifier: MIT */
/*
 * A client that moves about: each argument is a step, and what came of it is a line "STEP RESULT".
 *
 *   get=PORT          a request to 127.0.0.1, with what stands on the variable CANARY; the status, or an
 * errno chroot=DIR raw-chroot=DIR pivot=DIR setns=FILE      another root directory, and "/" as the working
 * one setuid=N          all three, and no groups besides hide=DIR          an empty file system over it, in a
 * mount namespace of its own landlock=DIR      from now on only what lies below DIR may be opened no-open
 * from now on no number is free for another file wait=FILE         until it is there ready=FILE        makes
 * it
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *result(long n)
{
    return n < 0 ? strerrorname_np(errno) : "0";
}

static const char *get(const char *port)
{
    static char answer[4096];
    char request[512];
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(port)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int len = snprintf(request, sizeof request,
                       "GET / HTTP/1.1\r\nHost: localhost:%s\r\nX-Canary: %s\r\nConnection: close\r\n\r\n",
                       port, getenv("CANARY"));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&in, sizeof in) != 0 ||
        send(fd, request, (size_t)len, 0) != len)
        return strerrorname_np(errno);
    ssize_t n = recv(fd, answer, sizeof answer - 1, 0);
    if (n < 12)
        return n < 0 ? strerrorname_np(errno) : "nothing";
    while (recv(fd, answer + 100, sizeof answer - 100, 0) > 0)
        ;
    close(fd);
    answer[12] = '\0';
    return answer + strlen("HTTP/1.1 ");
}

static long pivot(const char *dir)
{
    long rc = unshare(CLONE_NEWNS);
    if (rc == 0)
        rc = mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL);
    if (rc == 0)
        rc = mount(dir, dir, NULL, MS_BIND | MS_REC, NULL);
    if (rc == 0)
        rc = chdir(dir);
    if (rc == 0)
        rc = syscall(SYS_pivot_root, ".", ".");
    return rc == 0 ? umount2(".", MNT_DETACH) : rc;
}

static long hide(const char *dir)
{
    long rc = unshare(CLONE_NEWNS);
    if (rc == 0)
        rc = mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL);
    return rc == 0 ? mount("none", dir, "tmpfs", 0, NULL) : rc;
}

static long landlock(const char *dir)
{
    struct landlock_ruleset_attr files = {.handled_access_fs =
                                              LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE};
    struct landlock_path_beneath_attr below = {.allowed_access = files.handled_access_fs,
                                               .parent_fd = open(dir, O_PATH | O_CLOEXEC)};
    long set = syscall(SYS_landlock_create_ruleset, &files, sizeof files, 0);
    if (set < 0 || syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &below, 0) != 0)
        return -1;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return syscall(SYS_landlock_restrict_self, set, 0);
}

/* One is left, for a socket. */
static long no_open(void)
{
    int next = dup(0);
    close(next);
    return setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)next + 1, (rlim_t)next + 1});
}

static long drop(const char *uid)
{
    uid_t id = (uid_t)atoi(uid);
    return setgroups(0, NULL) == 0 && setresgid(id, id, id) == 0 ? setresuid(id, id, id) : -1;
}

static long wait_for(const char *file)
{
    for (int i = 0; i < 1000; i++) {
        if (access(file, F_OK) == 0)
            return 0;
        usleep(10000);
    }
    return -1;
}

static long make(const char *file)
{
    return open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
}

static long enter(const char *file)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -1 : setns(fd, 0);
}

static long raw_chroot(const char *dir)
{
    return syscall(SYS_chroot, dir);
}

static long by_chroot(const char *dir)
{
    return chroot(dir);
}

static const struct step {
    const char *name;
    long (*take)(const char *value);
} steps[] = {
    {"chroot", by_chroot}, {"raw-chroot", raw_chroot}, {"pivot", pivot},   {"setns", enter}, {"setuid", drop},
    {"hide", hide},        {"landlock", landlock},     {"wait", wait_for}, {"ready", make},
};

static const char *take(const char *name, const char *value)
{
    if (strcmp(name, "get") == 0)
        return get(value);
    if (strcmp(name, "no-open") == 0)
        return result(no_open());
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (strcmp(name, steps[i].name) != 0)
            continue;
        long rc = steps[i].take(value);
        const char *text = result(rc);
        if (rc >= 0 && strstr(name, "root") && chdir("/") != 0)
            text = "nowhere";
        return text;
    }
    return "unknown";
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (value)
            *value++ = '\0';
        printf("%s %s\n", argv[i], take(argv[i], value ? value : ""));
    }
    return 0;
}
