/* SPDX-License-Identifier: MIT */
/* HTTP to ports that no line of the policy names: in testing an operator wants to hear of it. */
#include "shim/config.h"
#include "shim/conn/conn.h"
#include "shim/conn/life.h"
#include "shim/conn/records.h"
#include "shim/http1/head.h"
#include "shim/names.h"
#include "shim/real.h"

#include <string.h>

static bool looks_like_http(const char *bytes, size_t len, struct http1_request *r)
{
    enum http1_request_kind kind = http1_parse_request(bytes, len, r);
    /* a head that goes on: its first line must be here, one "G" is none */
    return kind == REQUEST_HTTP1 || (kind == REQUEST_PARTIAL && memmem(bytes, len, " HTTP/1.", 8));
}

static void record(const struct sockaddr_storage *peer, socklen_t len, const struct http1_request *r)
{
    const struct sockaddr *addr = (const struct sockaddr *)peer;
    char text[CONN_NAMES_BYTES], why[4], host[HTTP1_HOST_MAX + 3];
    const char *names[CONN_NAMES_MAX];
    struct policy_target known = {.names = names};
    struct http1_authority a = r->authority;
    bool refused;

    if (!conn_read_address(addr, len, &known.address, &known.port))
        return;
    struct policy *p = config_policy(known.port, &refused, why, sizeof why);
    if (!p)
        return;
    known.n_names = names_lookup(&known.address, text, sizeof text, names, CONN_NAMES_MAX);
    a.port = 0;
    bool has_host = r->has_authority && http1_format_authority(&a, host, sizeof host) > 0;
    report_unlisted(addr, has_host ? host : NULL, &known, p);
    policy_unref(p);
}

void conn_look_unlisted(int fd, const char *bytes, size_t len)
{
    struct http1_request r = {0};
    struct sockaddr_storage peer;
    socklen_t peer_len = sizeof peer;

    if (!looks_like_http(bytes, len, &r))
        return;
    if (real.getpeername(fd, (struct sockaddr *)&peer, &peer_len) == 0)
        record(&peer, peer_len, &r);
}
