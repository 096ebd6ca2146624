/* SPDX-License-Identifier: MIT */
/* A pair whose handshake is done, and what its client is expected to say. */
#pragma once

#include "tests/unit/tls_pair.h"

static struct pair_cert talk_ca, talk_leaf;
static char talk_ca_file[128];

static inline void connected(struct pair *p, int max)
{
    static const struct tls_peer peer = {.identity = "srv.test"};
    struct tls_params params = {.ca = talk_ca_file, .min_version = TLS1_2_VERSION, .check_chain = true};
    pair_server(p, &talk_leaf, NULL);
    SSL_CTX_set_max_proto_version(p->server_ctx, max);
    CHECK(pair_client(p, &params, &peer));
    CHECK_INT(pair_shake(p), TLS_DONE);
}

static inline void expect_read(struct pair *p, enum tls_result result, const char *text)
{
    char buf[256];
    size_t n = 77;
    CHECK_INT(p_read(p, buf, sizeof buf - 1, &n), result);
    buf[n] = '\0';
    CHECK_STR(buf, text);
}

/* The ends are sticky. */
static inline void expect_end(struct pair *p, enum tls_result result)
{
    for (int i = 0; i < 2; i++) {
        expect_read(p, result, "");
        CHECK_INT(p_poll(p), result);
        CHECK(!p->e->pending(p->tls));
    }
}

static inline void expect_write(struct pair *p, enum tls_result result, const char *text, size_t taken)
{
    size_t n = 77;
    CHECK_INT(p_write(p, text, strlen(text), &n), result);
    CHECK_INT(n, taken);
}

static inline void talk_start(void)
{
    talk_ca = make_cert((struct maker){.cn = "unit CA", .ca = true}, NULL);
    talk_leaf = make_cert((struct maker){.san = "DNS:srv.test"}, &talk_ca);
    keep_path(talk_ca_file, sizeof talk_ca_file, save_cert("ca.pem", &talk_ca));
}

static inline int talk_done(const char *name)
{
    static const char *const files[] = {"ca.pem", NULL};
    free_cert(&talk_ca);
    free_cert(&talk_leaf);
    pair_cleanup(files);
    return unit_done(name);
}
