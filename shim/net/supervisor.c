/* SPDX-License-Identifier: MIT */
#include "shim/net/supervisor.h"

#include "shim/audit.h"
#include "shim/audit/fmt.h"
#include "shim/conn/socket.h"
#include "shim/net/bridge.h"
#include "shim/net/command.h"
#include "shim/net/dial.h"
#include "shim/net/orphans.h"
#include "shim/net/peers.h"
#include "shim/net/request.h"
#include "shim/net/sock.h"
#include "shim/net/verdict.h"
#include "shim/real.h"
#include "shim/table.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP /* since Linux 6.6 */
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS      SECCOMP_IOW(4, __u64)
#endif

#define TITLE        "tlsup-net"
#define GRACE_MS     100 /* a pipeline that ends with the command needs no words */
#define NOTICE_BYTES 1024U

struct supervisor {
    struct command command;
    int front, children, epoll;
    bool running; /* the command */
    bool over;    /* the tree */
};

/* ---- calls ---- */

/* A call that sends: only what connects by it is of interest, and the kernel may always say that it does not
 * know how (as with net.ipv4.tcp_fastopen=0); the program then connects by itself. */
static void on_send(const struct supervisor *s, const struct net_request *r, enum sock_kind kind)
{
    bool connects = r->flags & MSG_FASTOPEN && kind != SOCK_OTHER;
    if (!connects) {
        request_let_be(s->command.listener, r->id);
        return;
    }
    if (verdict_of(r) == VERDICT_RELAY)
        verdict_refuse(r, EOPNOTSUPP, "data in the first segment (MSG_FASTOPEN) would pass TLS by");
    request_answer(s->command.listener, r->id, EOPNOTSUPP);
}

/* The shim asks what the ends are of a socket that it did not connect. */
static void on_question(const struct supervisor *s, const struct net_request *r, int sock)
{
    const struct peers *p = peers_find(conn_cookie(sock));
    const struct peers_end *end = p && r->call == CALL_GETPEERNAME ? &p->peer : p ? &p->local : NULL;
    bool alive = request_is_alive(s->command.listener, r->id);
    request_answer(s->command.listener, r->id,
                   end && alive ? request_give_address(r, &end->addr, end->len) : ENODATA);
    real.close(sock);
}

static void on_call(const struct supervisor *s, const struct net_request *r)
{
    int sock = sock_take(r->thread, r->fd);
    if (sock < 0) {
        request_answer(s->command.listener, r->id, errno == EBADF ? EBADF : EACCES);
        return;
    }
    if (r->call == CALL_GETPEERNAME || r->call == CALL_GETSOCKNAME) {
        on_question(s, r, sock);
        return;
    }
    enum sock_kind kind = sock_kind(sock);
    bool alive = request_is_alive(s->command.listener, r->id); /* else it is another process' socket */
    if (alive && r->call == CALL_CONNECT && kind != SOCK_OTHER) {
        dial_begin(r, sock);
        return;
    }
    real.close(sock);
    if (!alive)
        return;
    if (r->call == CALL_CONNECT)
        request_let_be(s->command.listener, r->id);
    else
        on_send(s, r, kind);
}

/* A call that gets no service: recorded if it would have reached what is governed. */
static void refuse_service(const struct supervisor *s, const struct net_request *r)
{
    int sock = r->call == CALL_RING ? -1 : sock_take(r->thread, r->fd);
    bool concerns =
        sock >= 0 && sock_kind(sock) != SOCK_OTHER && request_is_alive(s->command.listener, r->id);
    if (r->call == CALL_RING)
        verdict_refuse_ring(r);
    else if (concerns && verdict_of(r) == VERDICT_RELAY)
        verdict_refuse(r, ENOSYS, r->refused);
    if (sock >= 0)
        real.close(sock);
    request_answer(s->command.listener, r->id, ENOSYS);
}

static void refuse_unseen(const struct supervisor *s, const struct net_request *r)
{
    audit_message("a process under --strict may not be looked into: its connections are refused", NULL);
    request_answer(s->command.listener, r->id, EACCES);
}

static void take_call(const struct supervisor *s)
{
    static uint64_t room[NOTICE_BYTES / sizeof(uint64_t)]; /* newer kernels may tell more */
    struct seccomp_notif *n = (struct seccomp_notif *)room;
    struct net_request r;
    memset(room, 0, sizeof room);
    if (real.ioctl(s->command.listener, SECCOMP_IOCTL_NOTIF_RECV, n) != 0)
        return; /* its thread is gone, or was interrupted */
    int error = request_read(&r, n);
    if (r.refused)
        refuse_service(s, &r);
    else if (error == EPERM)
        refuse_unseen(s, &r);
    else if (error)
        request_answer(s->command.listener, r.id, error);
    else
        on_call(s, &r);
}

/* ---- children ---- */

static void tell(const struct supervisor *s, enum net_word word, int value, bool alone)
{
    struct net_message m = {.word = (int32_t)word, .value = value, .alone = alone};
    real.send(s->front, &m, sizeof m, MSG_NOSIGNAL);
}

static bool tree_is_gone(const struct supervisor *s, int patience_ms)
{
    struct pollfd p = {.fd = s->command.listener};
    return real.poll(&p, 1, patience_ms) > 0 && p.revents & POLLHUP;
}

/* The words for people, and what they are written to, end with the command. False: nothing of it is left. */
static bool stay_behind(const struct supervisor *s)
{
    char text[120];
    struct fmt f;
    bool stays = !tree_is_gone(s, GRACE_MS);
    if (stays && !orphans_are_relays()) {
        fmt_init(&f, text, sizeof text);
        fmt_str(&f, "processes that the command has started live on, and so does their supervisor, process ");
        fmt_u64(&f, (uint64_t)getpid());
        audit_message(fmt_text(&f), NULL);
    }
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    real.dup2(nothing, STDERR_FILENO);
    real.close(nothing);
    return stays;
}

static void on_end(struct supervisor *s, int status)
{
    s->running = false;
    tell(s, WORD_ENDED, status, !stay_behind(s));
    real.close(s->front);
    s->front = -1;
}

static void reap(struct supervisor *s)
{
    struct signalfd_siginfo ignored;
    int status;
    pid_t pid;
    while (real.read(s->children, &ignored, sizeof ignored) > 0)
        continue;
    while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
        if (pid != s->command.pid) {
            peers_forget(pid);
            continue;
        }
        if (WIFSTOPPED(status))
            tell(s, WORD_STOPPED, WSTOPSIG(status), false);
        else
            on_end(s, status);
    }
}

/* The front was killed: as it would be without us, so is the command. */
static void on_front_gone(struct supervisor *s)
{
    kill(s->command.pid, SIGKILL);
    real.close(s->front);
    s->front = -1;
}

/* ---- the loop ---- */

static void add(const struct supervisor *s, int fd, void *data)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = data};
    real.epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e);
}

/* One event at a time: what one does may take away what another one is about. */
static void step(struct supervisor *s)
{
    struct epoll_event e;
    int n = real.epoll_wait(s->epoll, &e, 1, dial_patience());
    dial_late();
    if (n <= 0)
        return;
    if (e.data.ptr == &s->children)
        reap(s);
    else if (e.data.ptr == &s->front)
        on_front_gone(s);
    else if (e.data.ptr != &s->command)
        dial_event(e.data.ptr);
    else if (e.events & EPOLLIN)
        take_call(s);
    else
        s->over = true;
}

/* Out of the reach of the terminal, of its signals and of the limit of descriptors that the command has. */
static void settle_in(void)
{
    struct rlimit limit;
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    real.dup2(nothing, STDIN_FILENO);
    real.dup2(nothing, STDOUT_FILENO);
    real.close(nothing);
    setsid();
    prctl(PR_SET_NAME, TITLE);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (chdir("/") != 0) /* then it stays where it is */
        errno = 0;
}

/* What the command inherits is not for us to hold open: who reads from the other end waits for its end. */
static void close_foreign(const struct supervisor *s)
{
    int own[] = {s->front, s->command.listener, command_line()};
    for (int from = STDERR_FILENO + 1, next; from >= 0; from = next + 1) {
        next = INT_MAX;
        for (size_t i = 0; i < sizeof own / sizeof *own; i++)
            if (own[i] >= from && own[i] < next)
                next = own[i];
        if (next > from)
            real.close_range((unsigned)from, next == INT_MAX ? UINT_MAX : (unsigned)next - 1, 0);
        if (next == INT_MAX)
            return;
    }
}

static void prepare(struct supervisor *s)
{
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    s->children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    s->epoll = real.epoll_create1(EPOLL_CLOEXEC);
    /* who asks sleeps until we answer: the scheduler may hand the processor from one to the other */
    real.ioctl(s->command.listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
    dial_init(s->command.listener, s->epoll);
    add(s, s->command.listener, &s->command);
    add(s, s->children, &s->children);
    add(s, s->front, &s->front);
}

void supervisor_live(const struct net_order *order, const struct net_before *before, uint64_t cookie,
                     int front)
{
    struct supervisor s = {.front = front, .running = true};
    struct net_message why;
    table_adopt();
    verdict_init();
    bridge_init(order->relay);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    if (!command_fork(&s.command, order, before, cookie, &why)) {
        real.send(front, &why, sizeof why, MSG_NOSIGNAL);
        _exit(order->failed);
    }
    settle_in();
    close_foreign(&s);
    prepare(&s);
    tell(&s, WORD_STARTED, s.command.pid, false);
    command_go(true);
    while (!s.over)
        step(&s);
    int status;
    if (s.running && waitpid(s.command.pid, &status, 0) == s.command.pid)
        on_end(&s, status);
    _exit(0);
}
