/* SPDX-License-Identifier: MIT */
#include "shim/net/near.h"

#include "shim/conn/socket.h"
#include "shim/real.h"

#include <netinet/in.h>
#include <string.h>

bool near_is_bound(const struct sockaddr_storage *local)
{
    if (local->ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, local, sizeof in6);
        return !IN6_IS_ADDR_UNSPECIFIED(&in6.sin6_addr);
    }
    struct sockaddr_in in;
    memcpy(&in, local, sizeof in);
    return in.sin_addr.s_addr != htonl(INADDR_ANY);
}

void near_put_port(struct sockaddr_storage *a, uint16_t port)
{
    uint16_t wire = htons(port); /* the same place in both families */
    memcpy((char *)a + offsetof(struct sockaddr_in, sin_port), &wire, sizeof wire);
}

static void put_v4(struct sockaddr_storage *out, socklen_t *len)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    memcpy(out, &in, *len = sizeof in);
}

static void put_v6(struct sockaddr_storage *out, socklen_t *len, bool mapped)
{
    static const uint8_t v4[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    if (mapped)
        memcpy(&in6.sin6_addr, v4, sizeof v4);
    memcpy(out, &in6, *len = sizeof in6);
}

static bool is_mapped(const struct net_request *r)
{
    struct sockaddr_in6 in6;
    memcpy(&in6, &r->peer, sizeof in6);
    return IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr);
}

/* A v6 socket may have no v6 loopback to go to; one that is for v6 alone has no other. */
bool near_address(struct sockaddr_storage *out, socklen_t *len, int sock, const struct net_request *r,
                  unsigned attempt)
{
    *len = sizeof *out;
    memset(out, 0, sizeof *out);
    if (attempt > 1 || real.getsockname(sock, (struct sockaddr *)out, len) != 0)
        return false;
    if (near_is_bound(out)) {
        near_put_port(out, 0);
        return attempt == 0;
    }
    if (out->ss_family == AF_INET) {
        put_v4(out, len);
        return attempt == 0;
    }
    if (attempt == 1 && (is_mapped(r) || conn_option(sock, IPPROTO_IPV6, IPV6_V6ONLY) > 0))
        return false;
    put_v6(out, len, attempt == 1 || is_mapped(r));
    return true;
}
