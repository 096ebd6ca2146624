/* SPDX-License-Identifier: MIT */
#include "tests/differential/arrival.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TCP_TIME_WAIT = 6, TCP_CLOSE, TCP_CLOSE_WAIT, TCP_LAST_ACK, TCP_CLOSING = 11 };
#define TRIES 20000

struct other { /* the other end of a connection over loopback */
    bool exists;
    int state;
    uint64_t received; /* bytes */
};

static int netlink = -1;

static struct other look(int other_port, int our_port)
{
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 body;
    } ask = {.head = {sizeof ask, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0},
             .body = {.sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0U}};
    union {
        char bytes[2000];
        struct nlmsghdr head;
    } got;
    struct other other = {0};
    ask.body.idiag_ext = 1U << (INET_DIAG_INFO - 1);
    ask.body.id = (struct inet_diag_sockid){.idiag_sport = htons((uint16_t)other_port),
                                            .idiag_dport = htons((uint16_t)our_port),
                                            .idiag_src = {htonl(INADDR_LOOPBACK)},
                                            .idiag_dst = {htonl(INADDR_LOOPBACK)},
                                            .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}};
    if (netlink < 0)
        netlink = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG);
    if (send(netlink, &ask, sizeof ask, 0) < 0)
        return other;
    ssize_t n = recv(netlink, &got, sizeof got, 0);
    if (n < (ssize_t)sizeof got.head || got.head.nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return other;
    const struct inet_diag_msg *msg = NLMSG_DATA(&got.head);
    struct rtattr *a = (struct rtattr *)(void *)((char *)NLMSG_DATA(&got.head) + sizeof *msg);
    int left = (int)(got.head.nlmsg_len - NLMSG_LENGTH(sizeof *msg));
    other = (struct other){.exists = true, .state = msg->idiag_state};
    for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        struct tcp_info info = {0};
        if (a->rta_type != INET_DIAG_INFO)
            continue;
        size_t len = RTA_PAYLOAD(a);
        memcpy(&info, RTA_DATA(a), len < sizeof info ? len : sizeof info);
        other.received = info.tcpi_bytes_received;
    }
    return other;
}

static int port_of(int fd, bool remote)
{
    struct sockaddr_in in = {0};
    socklen_t len = sizeof in;
    if (remote)
        getpeername(fd, (struct sockaddr *)&in, &len);
    else
        getsockname(fd, (struct sockaddr *)&in, &len);
    return ntohs(in.sin_port);
}

/* Nothing is to come any more from one who said FIN: these are the states after it has arrived. */
static bool has_fin(int state)
{
    return state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING ||
           state == TCP_TIME_WAIT || state == TCP_CLOSE;
}

struct arrival_place arrival_place(int fd)
{
    return (struct arrival_place){.ours = port_of(fd, false), .theirs = port_of(fd, true)};
}

void arrival(int fd, bool fin)
{
    struct arrival_place at = arrival_place(fd);
    for (int i = 0; i < TRIES; i++) {
        struct tcp_info mine = {0};
        socklen_t len = sizeof mine;
        getsockopt(fd, IPPROTO_TCP, TCP_INFO, &mine, &len);
        struct other other = look(at.theirs, at.ours);
        bool all =
            mine.tcpi_notsent_bytes == 0 && other.received >= mine.tcpi_bytes_sent - mine.tcpi_bytes_retrans;
        if (!other.exists || (fin ? has_fin(other.state) : all))
            return;
        if (i > 20)
            usleep(20);
    }
}

void arrival_of_reset(struct arrival_place at)
{
    struct other other;
    for (int i = 0; i < TRIES; i++) {
        other = look(at.theirs, at.ours);
        if (!other.exists || other.state == TCP_CLOSE)
            return;
        if (i > 20)
            usleep(20);
    }
}
