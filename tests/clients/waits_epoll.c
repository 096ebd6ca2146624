/* SPDX-License-Identifier: MIT */
/* What epoll does around such connections, and what children do to a set. */
#include "tests/clients/waits.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/wait.h>

static void epoll_verdicts(void)
{
    int fd = pending(), set = epoll_create1(0), file = open("/proc/self/exe", O_RDONLY), closed = dup(0);
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = 7}, got[4];
    close(closed);
    WANT(epoll_ctl(set, EPOLL_CTL_MOD, fd, &e) == -1 && errno == ENOENT);
    WANT(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL) == -1 && errno == ENOENT);
    WANT(epoll_ctl(set, EPOLL_CTL_ADD, fd, NULL) == -1 && errno == EFAULT);
    WANT(epoll_ctl(set, 99, fd, &e) == -1 && errno == EINVAL);
    WANT(epoll_ctl(closed, EPOLL_CTL_ADD, fd, &e) == -1 && errno == EBADF);
    WANT(epoll_ctl(file, EPOLL_CTL_ADD, fd, &e) == -1 && errno == EINVAL);
    WANT(epoll_ctl(set, EPOLL_CTL_ADD, file, &e) == -1 && errno == EPERM);
    WANT(epoll_ctl(set, EPOLL_CTL_ADD, closed, &e) == -1 && errno == EBADF);
    WANT(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) == 0);
    WANT(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) == -1 && errno == EEXIST);
    WANT(epoll_wait(set, got, 0, 0) == -1 && errno == EINVAL);
    WANT(epoll_wait(set, got, 4, -1) == 1 && got[0].events == EPOLLIN && got[0].data.u64 == 7);
    e.events = EPOLLOUT, e.data.u64 = UINT64_MAX;
    WANT(epoll_ctl(set, EPOLL_CTL_MOD, fd, &e) == 0);
    WANT(epoll_wait(set, got, 4, -1) == 1 && got[0].events == EPOLLOUT && got[0].data.u64 == UINT64_MAX);
    e.events = 0;
    WANT(epoll_ctl(set, EPOLL_CTL_MOD, fd, &e) == 0 && epoll_wait(set, got, 4, 50) == 0);
    WANT(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL) == 0 && epoll_wait(set, got, 4, 50) == 0);
    WANT(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL) == -1 && errno == ENOENT);
    close(fd), close(set), close(file);
}

static void epoll_edge_once(void)
{
    int fd = pending(), set = epoll_create1(0);
    char buf[4096];
    struct epoll_event e = {.events = EPOLLIN | EPOLLET}, got[4];
    usleep(50000);
    WANT(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) == 0);
    WANT(epoll_wait(set, got, 4, 1000) == 1 && got[0].events == EPOLLIN);
    WANT(epoll_wait(set, got, 4, 100) == 0); /* nothing happened since */
    WANT(recv(fd, buf, sizeof buf, 0) > 900);
    WANT(epoll_wait(set, got, 4, 100) == 0);
    ask(fd, "/bytes/10");
    WANT(epoll_wait(set, got, 4, 1000) == 1 && got[0].events == EPOLLIN);
    close(fd), close(set);
}

static void epoll_oneshot_once(void)
{
    int fd = pending(), set = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN | EPOLLONESHOT}, got[4];
    WANT(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) == 0);
    WANT(epoll_wait(set, got, 4, 1000) == 1);
    WANT(epoll_wait(set, got, 4, 100) == 0);
    WANT(epoll_ctl(set, EPOLL_CTL_MOD, fd, &e) == 0);
    WANT(epoll_wait(set, got, 4, 1000) == 1);
    WANT(epoll_wait(set, got, 4, 100) == 0);
    close(fd), close(set);
}

static void epoll_fair(void)
{
    int fd = pending(), set = epoll_create1(0), pipes[2], seen[2] = {0, 0};
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = 0}, got[4];
    WANT(pipe(pipes) == 0 && write(pipes[1], "x", 1) == 1);
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
    e.data.u32 = 1;
    epoll_ctl(set, EPOLL_CTL_ADD, pipes[0], &e);
    for (int i = 0; i < 10; i++) {
        WANT(epoll_wait(set, got, 1, 1000) == 1);
        seen[got[0].data.u32]++;
    }
    WANT(seen[0] >= 3 && seen[1] >= 3);
    WANT(epoll_wait(set, got, 2, 1000) == 2);
    close(fd), close(set), close(pipes[0]), close(pipes[1]);
}

static void epoll_closed(void)
{
    int fd = pending(), set = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN}, got[4];
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
    close(fd);
    WANT(epoll_wait(set, got, 4, 50) == 0);
    WANT(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL) == -1 && errno == EBADF);
    fd = pending();
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
    close(set);
    int again = epoll_create1(0);
    WANT(again == set && epoll_wait(again, got, 4, 50) == 0);
    WANT(epoll_ctl(again, EPOLL_CTL_ADD, fd, &e) == 0 && epoll_wait(again, got, 4, 1000) == 1);
    close(fd), close(again);
}

static void child(void)
{
    int fd = pending(), set = epoll_create1(0), status = -1;
    struct epoll_event e = {.events = EPOLLIN}, got;
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
    pid_t pid = fork();
    if (pid == 0) {
        close(set), close(fd);
        _exit(0);
    }
    WANT(waitpid(pid, &status, 0) == pid && status == 0);
    WANT(epoll_wait(set, &got, 1, 1000) == 1 && got.events == EPOLLIN);
    pid = vfork();  /* NOLINT(clang-analyzer-security.insecureAPI.vfork): the subject */
    if (pid == 0) { /* in our memory, as the children of posix_spawn() and python are */
        close(set); /* NOLINT(clang-analyzer-unix.Vfork): what such children do is the subject */
        close(fd);  /* NOLINT(clang-analyzer-unix.Vfork): the same */
        _exit(0);
    }
    WANT(waitpid(pid, &status, 0) == pid && status == 0);
    WANT(epoll_wait(set, &got, 1, 1000) == 1 && got.events == EPOLLIN);
    char buf[4096];
    WANT(recv(fd, buf, sizeof buf, 0) > 0);
    ask(fd, "/bytes/10");
    WANT(epoll_wait(set, &got, 1, 1000) == 1);
    WANT(recv(fd, buf, sizeof buf, 0) > 0);
    close(fd), close(set);
}

static const struct wait_case cases[] = {
    {"epoll-verdicts", epoll_verdicts},
    {"epoll-edge-once", epoll_edge_once},
    {"epoll-oneshot-once", epoll_oneshot_once},
    {"epoll-fair", epoll_fair},
    {"epoll-closed", epoll_closed},
    {"child", child},
};

int main(int argc, char **argv)
{
    return run_cases(cases, sizeof cases / sizeof cases[0], argc, argv);
}
