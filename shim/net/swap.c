/* SPDX-License-Identifier: MIT */
#include "shim/net/swap.h"

#include "shim/conn/socket.h"
#include "shim/net/fds.h"
#include "shim/net/sock.h"
#include "shim/real.h"
#include "shim/relay/pair.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NUMBERS_MAX 32U
#define PLACES_MAX  16U

bool swap_is_needed(int sock)
{
    return sock_kind(sock) == SOCK_DERIVED || sock_has_device(sock) || !sock_is_of_our_network(sock);
}

const char *swap_obstacle(int sock)
{
    int domain = conn_option(sock, SOL_SOCKET, SO_DOMAIN);
    if (domain != AF_INET && domain != AF_INET6)
        return "its socket is one of SMC, which is not brought to a relay";
    return NULL;
}

int swap_make(int *near, int *far, int sock)
{
    int ends[2];
    if (real.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return errno;
    *near = ends[0];
    *far = ends[1];
    pair_copy_options(sock, *far);
    return conn_send_now(*far, "", 1) == 1 ? 0
                                           : ENOBUFS; /* the byte that a pair comes with, shim/relay/pump.h */
}

static bool place(int listener, uint64_t id, pid_t thread, int number, int far)
{
    struct seccomp_notif_addfd add = {
        .id = id,
        .flags = SECCOMP_ADDFD_FLAG_SETFD,
        .srcfd = (uint32_t)far,
        .newfd = (uint32_t)number,
        .newfd_flags = fds_closes_on_exec(thread, number) ? O_CLOEXEC : 0,
    };
    return real.ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) == number;
}

/* An epoll set knows what is in it by file and number: who adds it has to have it by the number that the
 * program has. The child has a table of its own for that; the set is the program's. */
__attribute__((noreturn)) static void add_places(pid_t thread, const struct fds_place *places, size_t n,
                                                 int far)
{
    int above = STDERR_FILENO; /* all numbers that are to be taken */
    for (size_t i = 0; i < n; i++)
        above = places[i].number >= above ? places[i].number + 1 : above;
    int high = real.fcntl(far, F_DUPFD, above);
    bool all = high >= 0;
    for (size_t i = 0; all && i < n; i++) {
        struct epoll_event e = {.events = places[i].events, .data.u64 = places[i].data};
        int set = real.fcntl(sock_take(thread, places[i].set), F_DUPFD, above);
        all = set >= 0 && real.dup2(high, places[i].number) >= 0 &&
              real.epoll_ctl(set, EPOLL_CTL_ADD, places[i].number, &e) == 0;
    }
    _exit(all ? 0 : 1);
}

/* What stands in epoll sets stands there again. */
static bool keep_places(pid_t thread, const struct fds_place *places, size_t n, int far)
{
    int status = 1;
    pid_t pid = n ? fork() : 0;
    if (n && pid == 0)
        add_places(thread, places, n, far);
    return n == 0 || (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

bool swap_place(int listener, uint64_t id, pid_t thread, int sock, int far)
{
    int numbers[NUMBERS_MAX];
    struct fds_place places[PLACES_MAX];
    size_t n = fds_of(thread, sock, numbers, NUMBERS_MAX), m = fds_places(thread, sock, places, PLACES_MAX);
    bool all = n > 0 && n < NUMBERS_MAX && m < PLACES_MAX && keep_places(thread, places, m, far);
    for (size_t i = 0; all && i < n; i++)
        all = place(listener, id, thread, numbers[i], far);
    return all;
}
