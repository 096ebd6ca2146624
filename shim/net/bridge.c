/* SPDX-License-Identifier: MIT */
#include "shim/net/bridge.h"

#include "shim/conn/socket.h"
#include "shim/net/near.h"
#include "shim/net/sock.h"
#include "shim/net/start.h"
#include "shim/net/swap.h"
#include "shim/net/wire.h"
#include "shim/real.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>

static const char *program;

void bridge_init(const char *relay)
{
    program = relay;
}

static void drop(int *fd)
{
    if (*fd >= 0)
        real.close(*fd);
    *fd = -1;
}

void bridge_close(struct bridge *b)
{
    drop(&b->door); /* before the plug, which is reset then and does not linger */
    drop(&b->plug);
    drop(&b->near);
    drop(&b->word);
    drop(&b->far);
    drop(&b->wire);
}

/* ---- this side ---- */

static int new_end(int family)
{
    int fd = real.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, off = 0;
    real.setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (family == AF_INET6)
        real.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    return fd;
}

static bool bind_to(int fd, const struct bridge *b)
{
    return real.bind(fd, (const struct sockaddr *)&b->at, b->at_len) == 0;
}

#define PLUG_MS 1000

/* A queue of no length takes one connection (net/sock.h, sk_acceptq_is_full); SYNs behind it are dropped. It
 * has to be there before anybody knows the port. */
static bool plug(struct bridge *b)
{
    struct pollfd taken = {.fd = b->door, .events = POLLIN};
    b->plug = new_end(b->at.ss_family);
    int error = sock_connect(b->plug, (struct sockaddr *)&b->at, b->at_len);
    return (error == 0 || error == EINPROGRESS) && real.poll(&taken, 1, PLUG_MS) == 1;
}

static bool listen_deaf(struct bridge *b)
{
    b->door = new_end(b->at.ss_family);
    return bind_to(b->door, b) && listen(b->door, 0) == 0 &&
           real.getsockname(b->door, (struct sockaddr *)&b->at, &b->at_len) == 0 && plug(b);
}

/* The address that the socket is bound to, else loopback. */
static bool open_door(struct bridge *b, int sock, const struct net_request *r)
{
    for (unsigned attempt = 0; near_address(&b->at, &b->at_len, sock, r, attempt); attempt++) {
        if (listen_deaf(b)) {
            b->near = new_end(b->at.ss_family);
            return bind_to(b->near, b);
        }
        drop(&b->door);
        drop(&b->plug);
    }
    return false;
}

/* ---- the far side ---- */

static int start(struct bridge *b, const struct net_request *r)
{
    int words[2];
    if (real.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, words) != 0)
        return errno;
    b->word = words[0];
    int error = start_relay(program, b->wire, b->near, words[1], r, &b->relay);
    real.close(words[1]);
    return error;
}

/* ---- the whole ---- */

static int open_pair(struct bridge *b, int sock, const struct net_request *r, const char **why)
{
    *why = swap_obstacle(sock);
    if (*why)
        return EACCES;
    int error = swap_make(&b->near, &b->far, sock);
    if (!error)
        error = start(b, r);
    drop(&b->near); /* the relay's alone: its end is to be seen */
    return error;
}

static int open_way(struct bridge *b, int sock, const struct net_request *r, bridge_begun *begun,
                    const char **why)
{
    int off = 0;
    real.setsockopt(sock, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &off, sizeof off);
    int error =
        open_door(b, sock, r) ? sock_connect(sock, (struct sockaddr *)&b->at, b->at_len) : EADDRNOTAVAIL;
    if (error != EINPROGRESS)
        return error;
    bool waits = begun(sock, r);
    error = start(b, r);
    if (error) {
        *why = "no relay could be started";
        bridge_fail(b, sock, waits);
    }
    return error;
}

int bridge_open(struct bridge *b, int sock, const struct net_request *r, bridge_begun *begun,
                const char **why)
{
    *b = (struct bridge){.door = -1, .plug = -1, .near = -1, .word = -1, .far = -1};
    b->wire = wire_like(sock, r->thread, why);
    if (b->wire < 0)
        return *why ? EACCES : errno;
    int error = swap_is_needed(sock) ? open_pair(b, sock, r, why) : open_way(b, sock, r, begun, why);
    if (error)
        bridge_close(b);
    return error;
}

void bridge_note(const struct bridge *b, int sock, const struct peers_end *asked)
{
    struct peers p = {.cookie = conn_cookie(b->far >= 0 ? b->far : sock), .relay = b->relay, .peer = *asked};
    p.local.len = sizeof p.local.addr;
    if (real.getsockname(b->wire, (struct sockaddr *)&p.local.addr, &p.local.len) == 0)
        peers_note(&p);
}

void bridge_join(struct bridge *b, int sock)
{
    struct sockaddr_storage caller;
    socklen_t len = sizeof caller;
    if (real.getsockname(sock, (struct sockaddr *)&caller, &len) == 0)
        real.connect(b->near, (struct sockaddr *)&caller, len);
    bridge_close(b);
}

/* Whoever sleeps is woken twice: dissolving says ECONNRESET, and a port where nobody is ECONNREFUSED. Nothing
 * lets us say what the relay has met. */
void bridge_fail(struct bridge *b, int sock, bool told)
{
    sock_dissolve(sock);
    bridge_close(b);
    if (told)
        conn_option(sock, SOL_SOCKET, SO_ERROR);
    else
        sock_connect(sock, (struct sockaddr *)&b->at, b->at_len);
}
