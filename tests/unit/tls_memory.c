/* SPDX-License-Identifier: MIT */
/* Want of memory, at each of OpenSSL's allocations in turn: a clean failure, never an acceptance. */
#include "tests/unit/tls_pair.h"

static struct pair_cert ca, other_ca, leaf, foe;
static char ca_file[128];
static long countdown = -1; /* this many allocations succeed, then one does not */

static bool fails(void)
{
    return countdown >= 0 && countdown-- == 0;
}

static void *failing_malloc(size_t len, const char *file, int line)
{
    (void)file;
    (void)line;
    return fails() ? NULL : malloc(len);
}

static void *failing_realloc(void *p, size_t len, const char *file, int line)
{
    (void)file;
    (void)line;
    return fails() ? NULL : realloc(p, len);
}

static void plain_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    free(p);
}

/* Only the engine's allocations count: the server's are switched off around it. */
static enum tls_result starved_handshake(struct pair *p)
{
    enum tls_result r = TLS_FAILED;
    for (int i = 0; i < 100; i++) {
        r = p->e->handshake(p->tls);
        if (r != TLS_WANT_READ && r != TLS_WANT_WRITE)
            break;
        long kept = countdown;
        countdown = -1;
        server_accept(p);
        countdown = kept;
    }
    return r;
}

static void starved_data(struct pair *p)
{
    size_t n = 0;
    char buf[16];
    enum tls_result r = p->e->write(p->tls, "ping", 4, &n);
    CHECK((r == TLS_DONE && n == 4) || (r == TLS_FAILED && n == 0));
    long kept = countdown;
    countdown = -1;
    server_accept(p);
    if (SSL_is_init_finished(p->server))
        server_write(p, "pong", 4);
    countdown = kept;
    r = p->e->read(p->tls, buf, sizeof buf, &n);
    CHECK((r == TLS_DONE && n == 4 && memcmp(buf, "pong", 4) == 0) || (r != TLS_DONE && n == 0));
    p->e->close_notify(p->tls);
}

/* False once the whole scenario ran without the failure. */
static bool starved(const struct pair_cert *cert, int max, long after)
{
    struct pair p;
    struct tls_params params = {
        .ca = ca_file, .min_version = TLS1_2_VERSION, .check_chain = true, .alpn = "http/1.1"};
    struct tls_peer peer = {.identity = "srv.test"};
    pair_server(&p, cert, NULL);
    SSL_CTX_set_max_proto_version(p.server_ctx, max);
    pair_start(&p);
    countdown = after;
    p.context = p.e->context_new(&params, &p.error);
    if (p.context)
        p.tls = p.e->open(p.context, 0, &link_io, &peer, &p.error);
    if (!p.tls) {
        CHECK(p.error.failure == TLS_FAIL_MEMORY || p.error.failure == TLS_FAIL_SETUP);
        CHECK(p.error.text[0] != '\0');
    } else if (starved_handshake(&p) == TLS_DONE) {
        CHECK(cert == &leaf);
        starved_data(&p);
    } else {
        enum tls_failure f = p.e->error(p.tls)->failure;
        /* OpenSSL does not always say that it was memory */
        CHECK(f == TLS_FAIL_MEMORY || f == TLS_FAIL_PROTOCOL || f == TLS_FAIL_UNTRUSTED ||
              f == TLS_FAIL_NAME);
        CHECK(p.e->error(p.tls)->text[0] != '\0');
    }
    bool reached = countdown < 0;
    countdown = -1;
    pair_free(&p);
    return reached;
}

/* UNIT_STRIDE=N: only every Nth allocation fails, under tools that are slow. */
int main(void)
{
    const char *wanted = getenv("UNIT_STRIDE");
    long stride = wanted && atol(wanted) > 0 ? atol(wanted) : 1;
    if (CRYPTO_set_mem_functions(failing_malloc, failing_realloc, plain_free) != 1)
        return 1;
    ca = make_cert((struct maker){.cn = "unit CA", .ca = true}, NULL);
    other_ca = make_cert((struct maker){.cn = "other CA", .ca = true}, NULL);
    leaf = make_cert((struct maker){.san = "DNS:srv.test"}, &ca);
    foe = make_cert((struct maker){.san = "DNS:srv.test"}, &other_ca);
    keep_path(ca_file, sizeof ca_file, save_cert("ca.pem", &ca));
    for (int max = TLS1_2_VERSION; max <= TLS1_3_VERSION; max++) {
        long after = 0;
        while (starved(&leaf, max, after))
            after += after < 100 ? stride : 7 * stride;
        CHECK(after > 500);
        for (after = 0; starved(&foe, max, after);)
            after += 11 * stride;
    }
    free_cert(&ca);
    free_cert(&other_ca);
    free_cert(&leaf);
    free_cert(&foe);
    static const char *const files[] = {"ca.pem", NULL};
    pair_cleanup(files);
    return unit_done("tls_memory");
}
