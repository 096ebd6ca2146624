/* SPDX-License-Identifier: MIT */
/* The handshake: versions, groups, flights, and how each kind of refusal is told. */
#include <sys/stat.h>

#include "tests/unit/tls_pair.h"

static struct pair_cert ca, leaf;
static char ca_file[128];
static const struct tls_peer peer = {.identity = "srv.test"};

static struct tls_params usual(void)
{
    return (struct tls_params){
        .ca = ca_file, .min_version = TLS1_2_VERSION, .check_chain = true, .alpn = "http/1.1"};
}

static enum tls_failure failure(const struct pair *p)
{
    return p->e->error(p->tls)->failure;
}

static void finish(struct pair *p, const char *text)
{
    CHECK_STR(p->e->error(p->tls)->text, text);
    CHECK_INT(p_handshake(p), TLS_FAILED);
    size_t n = 1;
    char byte;
    CHECK_INT(p_read(p, &byte, 1, &n), TLS_FAILED);
    CHECK_INT(n, 0);
    n = 1;
    CHECK_INT(p_write(p, "x", 1, &n), TLS_FAILED);
    CHECK_INT(n, 0);
    CHECK(!p->e->pending(p->tls));
    p_close(p);
    pair_free(p);
}

static void version(int max, const char *name, const char *groups, const char *group, unsigned sends)
{
    struct pair p;
    struct tls_params params = usual();
    struct tls_info info;
    pair_server(&p, &leaf, NULL);
    SSL_CTX_set_max_proto_version(p.server_ctx, max);
    if (groups)
        SSL_CTX_set1_groups_list(p.server_ctx, groups);
    CHECK(pair_client(&p, &params, &peer));
    CHECK_INT(p_handshake(&p), TLS_WANT_READ);
    CHECK_INT(p_handshake(&p), TLS_WANT_READ);
    CHECK_INT(pair_shake(&p), TLS_DONE);
    CHECK_INT(p_handshake(&p), TLS_DONE);
    CHECK_INT(p.link->sends, sends); /* a flight, a send */
    CHECK_INT(p.link->more, 0);
    p.e->info(p.tls, &info);
    CHECK_STR(info.version, name);
    CHECK_STR(info.group, group);
    CHECK(strstr(info.cipher, "GCM") || strstr(info.cipher, "CHACHA20"));
    CHECK_STR(info.alpn, "");
    CHECK(!info.resumed);
    pair_free(&p);
}

/* Our last flight, where it is the last of all, may wait for what we say next; nothing else waits. */
static void followed_by_data(int max, unsigned more)
{
    struct pair p;
    struct tls_params params = usual();
    struct tls_peer speaks = peer;
    size_t n = 0;
    speaks.speaks_next = true;
    pair_server(&p, &leaf, NULL);
    SSL_CTX_set_max_proto_version(p.server_ctx, max);
    CHECK(pair_client(&p, &params, &speaks));
    CHECK_INT(p_handshake(&p), TLS_WANT_READ);
    CHECK_INT(p.link->more, 0);
    CHECK_INT(pair_shake(&p), TLS_DONE);
    CHECK_INT(p.link->more, more);
    CHECK_INT(p_write(&p, "x", 1, &n), TLS_DONE);
    p_close(&p);
    CHECK_INT(p.link->more, more);
    CHECK_INT(p.link->sends, 4);
    pair_free(&p);
}

static void min_version(void)
{
    struct pair p;
    struct tls_params params = usual();
    params.min_version = TLS1_3_VERSION;
    pair_server(&p, &leaf, NULL);
    SSL_CTX_set_max_proto_version(p.server_ctx, TLS1_2_VERSION);
    CHECK(pair_client(&p, &params, &peer));
    CHECK_INT(pair_shake(&p), TLS_FAILED);
    CHECK_INT(failure(&p), TLS_FAIL_ALERT);
    finish(&p, "TLS handshake failed: the server sent alert protocol_version");
    /* H101 */
    params = usual();
    pair_server(&p, &leaf, NULL);
    SSL_CTX_set_max_proto_version(p.server_ctx, TLS1_1_VERSION);
    CHECK(pair_client(&p, &params, &peer));
    CHECK_INT(pair_shake(&p), TLS_FAILED);
    CHECK_INT(failure(&p), TLS_FAIL_ALERT);
    pair_free(&p);
}

static void old_cipher(void) /* H102: static RSA, CBC */
{
    struct pair_cert rsa = make_cert((struct maker){.san = "DNS:srv.test", .rsa_bits = 2048}, &ca);
    static const char *const lists[] = {"AES128-SHA", "ECDHE-RSA-AES128-SHA", "AES128-GCM-SHA256",
                                        "NULL-SHA256"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct pair p;
        struct tls_params params = usual();
        pair_server(&p, &rsa, NULL);
        SSL_CTX_set_max_proto_version(p.server_ctx, TLS1_2_VERSION);
        CHECK_INT(SSL_CTX_set_cipher_list(p.server_ctx, lists[i]), 1);
        CHECK(pair_client(&p, &params, &peer));
        CHECK_INT(pair_shake(&p), TLS_FAILED);
        finish(&p, "TLS handshake failed: the server sent alert handshake_failure");
        /* unless the rule names it */
        if (i > 1)
            continue;
        params.ciphers = lists[i];
        pair_server(&p, &rsa, NULL);
        SSL_CTX_set_max_proto_version(p.server_ctx, TLS1_2_VERSION);
        SSL_CTX_set_cipher_list(p.server_ctx, lists[i]);
        CHECK(pair_client(&p, &params, &peer));
        CHECK_INT(pair_shake(&p), TLS_DONE);
        pair_free(&p);
    }
    free_cert(&rsa);
}

/* Every pattern of transfer: one byte in, seven out, interruptions, refusals. */
static void tiny(int max, size_t in, size_t out, unsigned stutter)
{
    struct pair p;
    struct tls_params params = usual();
    pair_server(&p, &leaf, NULL);
    SSL_CTX_set_max_proto_version(p.server_ctx, max);
    p.link->recv_max = in;
    p.link->send_max = out;
    p.link->stutter = stutter;
    CHECK(pair_client(&p, &params, &peer));
    CHECK_INT(pair_shake(&p), TLS_DONE);
    CHECK(SSL_is_init_finished(p.server));
    CHECK_INT(p.e->queued(p.tls), 0);
    pair_free(&p);
}

static void full_socket(void)
{
    struct pair p;
    struct tls_params params = usual();
    pair_server(&p, &leaf, NULL);
    p.link->room = 100;
    CHECK(pair_client(&p, &params, &peer));
    CHECK_INT(p_handshake(&p), TLS_WANT_WRITE);
    CHECK_INT(p.link->up.len, 100);
    size_t queued = p.e->queued(p.tls);
    CHECK(queued > 0);
    CHECK_INT(p.e->flush(p.tls), TLS_WANT_WRITE);
    server_in(&p);
    p.link->room = 0;
    CHECK_INT(p.e->flush(p.tls), TLS_DONE);
    CHECK_INT(p.link->up.len, queued);
    CHECK_INT(pair_shake(&p), TLS_DONE);
    pair_free(&p);
}

static void answer(const void *bytes, size_t len, bool fin, enum tls_failure class, const char *text)
{
    struct pair p;
    struct tls_params params = usual();
    pair_server(&p, &leaf, NULL);
    CHECK(pair_client(&p, &params, &peer));
    CHECK_INT(p_handshake(&p), TLS_WANT_READ);
    queue_put(&p.link->down, bytes, len);
    p.link->fin = fin;
    CHECK_INT(p_handshake(&p), TLS_FAILED);
    CHECK_INT(failure(&p), class);
    CHECK(!p.e->error(p.tls)->reset);
    finish(&p, text);
}

static void not_tls(void)
{
    static const char http[] = "HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n";
    static const char v2[] = "\x16\x02\x00\x00\x05xxxxx", longer[] = "\x16\x03\x01\xff\xffxxxxx";
    answer(http, sizeof http - 1, false, TLS_FAIL_NOT_TLS,
           "the server does not speak TLS: it sent \"HTTP/1.1 400 Bad Request\"");
    answer("no", 2, false, TLS_FAIL_NOT_TLS, "the server does not speak TLS: it sent \"no\"");
    answer("\xff\xfb\x01", 3, true, TLS_FAIL_NOT_TLS,
           "the server does not speak TLS: it sent \"\\xff\\xfb\\x01\"");
    answer(v2, sizeof v2 - 1, false, TLS_FAIL_NOT_TLS,
           "the server does not speak TLS: it sent \"\\x16\\x02\\x00\\x00\\x05xxxxx\"");
    answer(longer, sizeof longer - 1, false, TLS_FAIL_NOT_TLS,
           "the server does not speak TLS: it sent \"\\x16\\x03\\x01\\xff\\xffxxxxx\"");
}

static void not_tls_dribbled(void)
{
    struct pair p;
    struct tls_params params = usual();
    pair_server(&p, &leaf, NULL);
    p.link->recv_max = 1;
    CHECK(pair_client(&p, &params, &peer));
    CHECK_INT(p_handshake(&p), TLS_WANT_READ);
    queue_put(&p.link->down, "\x16HTTP", 5);
    CHECK_INT(p_handshake(&p), TLS_FAILED);
    CHECK_INT(failure(&p), TLS_FAIL_NOT_TLS);
    pair_free(&p);
}

static void alerts(void) /* H103, H104 */
{
    answer("\x15\x03\x03\x00\x02\x02\x70", 7, false, TLS_FAIL_ALERT,
           "TLS handshake failed: the server sent alert unrecognized_name");
    answer("\x15\x03\x03\x00\x02\x02\x50", 7, true, TLS_FAIL_ALERT,
           "TLS handshake failed: the server sent alert internal_error");
    answer("\x15\x03\x03\x00\x02\x02\xc8", 7, true, TLS_FAIL_ALERT,
           "TLS handshake failed: the server sent alert 200");
    answer("\x15\x03\x03\x00\x02\x01\x00", 7, true, TLS_FAIL_CLOSED,
           "the server sent close_notify during the TLS handshake");
    struct pair p;
    struct tls_params params = usual();
    pair_server(&p, &leaf, NULL);
    SSL_CTX_set_max_proto_version(p.server_ctx, TLS1_2_VERSION);
    CHECK(pair_client(&p, &params, &peer));
    CHECK_INT(p_handshake(&p), TLS_WANT_READ);
    queue_put(&p.link->down, "\x15\x03\x03\x00\x02\x01\x70", 7); /* a warning: goes on */
    CHECK_INT(pair_shake(&p), TLS_DONE);
    pair_free(&p);
}

static void garbage(void)
{
    struct pair p;
    struct tls_params params = usual();
    pair_server(&p, &leaf, NULL);
    CHECK(pair_client(&p, &params, &peer));
    CHECK_INT(p_handshake(&p), TLS_WANT_READ);
    server_accept(&p);
    p.link->down.bytes[p.link->down.len - 1] ^= 1; /* the end of the encrypted flight */
    CHECK_INT(p_handshake(&p), TLS_FAILED);
    CHECK_INT(failure(&p), TLS_FAIL_PROTOCOL);
    finish(&p, "TLS handshake failed: decryption failed or bad record mac");
}

/* H114: at each byte of the server's flight */
static void cut(bool reset)
{
    for (size_t at = 0;; at += 97) {
        struct pair p;
        struct tls_params params = usual();
        pair_server(&p, &leaf, NULL);
        CHECK(pair_client(&p, &params, &peer));
        CHECK_INT(p_handshake(&p), TLS_WANT_READ);
        server_accept(&p);
        if (at >= p.link->down.len) {
            pair_free(&p);
            return;
        }
        p.link->down.len = at;
        p.link->fin = !reset;
        p.link->recv_error = ECONNRESET;
        CHECK_INT(p_handshake(&p), TLS_FAILED);
        CHECK_INT(failure(&p), TLS_FAIL_CLOSED);
        CHECK_INT(p.e->error(p.tls)->reset, reset);
        finish(
            &p,
            reset
                ? "the server closed the connection during the TLS handshake: connection reset by the server"
                : "the server closed the connection during the TLS handshake");
    }
}

static void broken_send(void)
{
    struct pair p;
    struct tls_params params = usual();
    pair_server(&p, &leaf, NULL);
    p.link->send_error = EPIPE;
    CHECK(pair_client(&p, &params, &peer));
    CHECK_INT(p_handshake(&p), TLS_FAILED);
    CHECK_INT(failure(&p), TLS_FAIL_CLOSED);
    CHECK(p.e->error(p.tls)->reset);
    finish(&p, "the server closed the connection during the TLS handshake: broken pipe");
    /* what was sent before the reset is still read */
    pair_server(&p, &leaf, NULL);
    p.link->send_error = ECONNRESET;
    queue_put(&p.link->down, "HTTP/1.1 503 Busy\r\n", 19);
    CHECK(pair_client(&p, &params, &peer));
    CHECK_INT(p_handshake(&p), TLS_FAILED);
    CHECK_INT(failure(&p), TLS_FAIL_NOT_TLS);
    pair_free(&p);
    /* our last flight does not leave */
    pair_server(&p, &leaf, NULL);
    CHECK(pair_client(&p, &params, &peer));
    CHECK_INT(p_handshake(&p), TLS_WANT_READ);
    server_accept(&p);
    p.link->send_error = ECONNRESET;
    CHECK_INT(p_handshake(&p), TLS_FAILED);
    CHECK_INT(failure(&p), TLS_FAIL_CLOSED);
    CHECK(p.e->error(p.tls)->reset);
    pair_free(&p);
}

static int choose(SSL *ssl, const unsigned char **out, unsigned char *len, const unsigned char *in,
                  unsigned inlen, void *arg)
{
    (void)ssl;
    (void)in;
    (void)inlen;
    *out = arg;
    *len = (unsigned char)strlen(arg);
    return SSL_TLSEXT_ERR_OK;
}

static void alpn(int max) /* H110 */
{
    struct pair p;
    struct tls_params params = usual();
    struct tls_info info;
    pair_server(&p, &leaf, NULL);
    SSL_CTX_set_max_proto_version(p.server_ctx, max);
    SSL_CTX_set_alpn_select_cb(p.server_ctx, choose, (void *)(uintptr_t) "http/1.1");
    CHECK(pair_client(&p, &params, &peer));
    CHECK_INT(pair_shake(&p), TLS_DONE);
    p.e->info(p.tls, &info);
    CHECK_STR(info.alpn, "http/1.1");
    pair_free(&p);
    pair_server(&p, &leaf, NULL);
    SSL_CTX_set_max_proto_version(p.server_ctx, max);
    SSL_CTX_set_alpn_select_cb(p.server_ctx, choose, (void *)(uintptr_t) "h2");
    CHECK(pair_client(&p, &params, &peer));
    CHECK_INT(pair_shake(&p), TLS_FAILED);
    CHECK_INT(failure(&p), TLS_FAIL_PROTOCOL); /* OpenSSL says "bad extension" where it looks by itself */
    CHECK(!SSL_is_init_finished(p.server));
    pair_free(&p);
    /* none offered: the server is not asked */
    params.alpn = "";
    pair_server(&p, &leaf, NULL);
    SSL_CTX_set_alpn_select_cb(p.server_ctx, choose, (void *)(uintptr_t) "h2");
    CHECK(pair_client(&p, &params, &peer));
    CHECK_INT(pair_shake(&p), TLS_DONE);
    pair_free(&p);
}

static int anybody(int ok, X509_STORE_CTX *store)
{
    (void)ok;
    (void)store;
    return 1;
}

static void client_certificate(int max) /* H115 and cert= */
{
    struct pair p;
    struct tls_params params = usual();
    pair_server(&p, &leaf, NULL);
    SSL_CTX_set_max_proto_version(p.server_ctx, max);
    SSL_CTX_set_verify(p.server_ctx, SSL_VERIFY_PEER, anybody);
    CHECK(pair_client(&p, &params, &peer));
    CHECK_INT(pair_shake(&p), TLS_DONE);
    CHECK(SSL_get0_peer_certificate(p.server) == NULL);
    pair_free(&p);

    char cert[128], key[128];
    keep_path(cert, sizeof cert, save_cert("client.pem", &leaf));
    keep_path(key, sizeof key, pair_path("client.key"));
    BIO *bio = BIO_new_file(key, "w");
    PEM_write_bio_PrivateKey(bio, leaf.key, NULL, NULL, 0, NULL, NULL);
    BIO_free(bio);
    chmod(key, 0600);
    params.cert = cert;
    params.key = key;
    pair_server(&p, &leaf, NULL);
    SSL_CTX_set_max_proto_version(p.server_ctx, max);
    SSL_CTX_set_verify(p.server_ctx, SSL_VERIFY_PEER, anybody);
    CHECK(pair_client(&p, &params, &peer));
    CHECK_INT(pair_shake(&p), TLS_DONE);
    CHECK(SSL_get0_peer_certificate(p.server) &&
          X509_cmp(SSL_get0_peer_certificate(p.server), leaf.cert) == 0);
    pair_free(&p);
}

/* Ciphers without a certificate are not offered, and would not be taken. */
static void anonymous(void)
{
    struct pair p;
    struct tls_params params = usual();
    params.check_chain = false;
    params.ciphers = "ALL:aNULL:@SECLEVEL=0";
    pair_server(&p, NULL, NULL);
    SSL_CTX_set_max_proto_version(p.server_ctx, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(p.server_ctx, "aNULL:@SECLEVEL=0");
    CHECK(pair_client(&p, &params, &peer));
    CHECK_INT(pair_shake(&p), TLS_FAILED);
    CHECK_INT(failure(&p), TLS_FAIL_ALERT);
    pair_free(&p);
}

/* The context may go before its connections. */
static void shared_context(void)
{
    struct pair a;
    struct tls_params params = usual();
    struct tls_error error;
    pair_server(&a, &leaf, NULL);
    CHECK(pair_client(&a, &params, &peer));
    struct tls *other = a.e->open(a.context, 1, &link_io, &peer, &error);
    CHECK(other != NULL);
    a.e->context_free(a.context);
    a.context = NULL;
    a.e->free(other);
    CHECK_INT(pair_shake(&a), TLS_DONE);
    pair_free(&a);
}

int main(void)
{
    ca = make_cert((struct maker){.cn = "unit CA", .ca = true}, NULL);
    leaf = make_cert((struct maker){.san = "DNS:srv.test"}, &ca);
    keep_path(ca_file, sizeof ca_file, save_cert("ca.pem", &ca));
    for (int i = 0; i < 2; i++) {
        foreign = i;
        version(TLS1_3_VERSION, "TLSv1.3", NULL, "x25519", 2);
        version(TLS1_3_VERSION, "TLSv1.3", "P-384", "secp384r1", 3); /* H112: HelloRetryRequest */
        version(TLS1_2_VERSION, "TLSv1.2", NULL, "x25519", 2);
        followed_by_data(TLS1_3_VERSION, 1);
        followed_by_data(TLS1_2_VERSION, 0); /* the server's Finished comes after ours */
        min_version();
        old_cipher();
        for (unsigned stutter = 0; stutter < 6; stutter += stutter ? 2 : 3)
            for (int max = TLS1_2_VERSION; max <= TLS1_3_VERSION; max++) {
                tiny(max, 1, 7, stutter);
                tiny(max, 0, 1, stutter);
                tiny(max, 3, 0, stutter);
            }
        full_socket();
        not_tls();
        not_tls_dribbled();
        alerts();
        garbage();
        cut(false);
        cut(true);
        broken_send();
        alpn(TLS1_2_VERSION);
        alpn(TLS1_3_VERSION);
        client_certificate(TLS1_2_VERSION);
        client_certificate(TLS1_3_VERSION);
        anonymous();
        shared_context();
    }
    free_cert(&ca);
    free_cert(&leaf);
    static const char *const files[] = {"ca.pem", "client.pem", "client.key", NULL};
    pair_cleanup(files);
    return unit_done("tls_handshake");
}
