/* SPDX-License-Identifier: MIT */
/* The handshake, over a BIO of our own: so that what OpenSSL writes can be split, cut and spoiled, and what
 * it reads can be watched for bytes that are not TLS. */
#include "tests/origin/scan.h"
#include "tests/origin/tls.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static int bio_read(BIO *bio, char *buf, int size)
{
    struct conn *c = BIO_get_data(bio);

    int n;

    BIO_clear_retry_flags(bio);
    if (c->was_cut)
        return -1;
    n = (int)stream_read_raw(c, buf, (size_t)size);
    if (n > 0 || !c->timed_out)
        return n;
    BIO_set_retry_read(bio); /* a deadline leaves the TLS state as it is */
    return -1;
}

static bool write_spoiled(struct conn *c, const char *buf, size_t len)
{
    char *copy = malloc(len);
    bool ok;

    if (!copy)
        return false;
    memcpy(copy, buf, len);
    copy[len - 1] = (char)(copy[len - 1] ^ 1);
    c->corrupt = false;
    ok = stream_write_raw(c, copy, len);
    free(copy);
    return ok;
}

static int bio_write(BIO *bio, const char *buf, int size)
{
    struct conn *c = BIO_get_data(bio);
    size_t len = (size_t)size;
    bool ok;

    if (c->was_cut)
        return size;
    if (c->cut_after_hello) {
        len = scan_record_end(&c->scan_out, (const unsigned char *)buf, len);
        scan_feed(&c->scan_out, (const unsigned char *)buf, len);
        c->was_cut = c->scan_out.records > 0;
    }
    ok = c->corrupt && len > 0 ? write_spoiled(c, buf, len) : stream_write_raw(c, buf, len);
    return ok ? size : -1;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    (void)bio;
    (void)num;
    (void)ptr;
    return cmd == BIO_CTRL_FLUSH || cmd == BIO_CTRL_PUSH || cmd == BIO_CTRL_POP;
}

static BIO_METHOD *method;

static void free_method(void)
{
    BIO_meth_free(method);
}

static void make_method(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "origin");
    if (!method)
        return;
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_ctrl);
    atexit(free_method);
}

static BIO *new_bio(struct conn *c)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    BIO *bio;

    pthread_once(&once, make_method);
    bio = method ? BIO_new(method) : NULL;
    if (bio) {
        BIO_set_data(bio, c);
        BIO_set_init(bio, 1);
    }
    return bio;
}

static void say_open(const struct conn *c)
{
    const char *sni = SSL_get_servername(c->ssl, TLSEXT_NAMETYPE_host_name);
    X509 *peer = SSL_get1_peer_certificate(c->ssl);
    const unsigned char *alpn = NULL;
    unsigned alpn_len = 0;
    char subject[256] = "none";

    SSL_get0_alpn_selected(c->ssl, &alpn, &alpn_len);
    if (peer)
        X509_NAME_oneline(X509_get_subject_name(peer), subject, sizeof(subject));
    X509_free(peer);
    journal_event(c->id, "tls %s sni=%s alpn=%.*s resumed=%d cipher=%s client-cert=%s early-data=%d",
                  SSL_get_version(c->ssl), sni ? sni : "-", alpn_len ? (int)alpn_len : 1,
                  alpn_len ? (const char *)alpn : "-", SSL_session_reused(c->ssl),
                  SSL_get_cipher_name(c->ssl), subject,
                  SSL_get_early_data_status(c->ssl) != SSL_EARLY_DATA_NOT_SENT);
}

static bool begin(struct conn *c, SSL_CTX *ctx, const struct tls_options *o)
{
    SSL *ssl = SSL_new(ctx);
    BIO *bio = ssl ? new_bio(c) : NULL;

    if (!bio) {
        SSL_free(ssl);
        journal_event(c->id, "tls-failed no memory");
        return false;
    }
    SSL_set_bio(ssl, bio, bio);
    SSL_set_app_data(ssl, c);
    c->ssl = ssl;
    c->cut_after_hello = o->cut_after_hello || o->stall_after_hello;
    c->was_cut = false;
    memset(&c->scan_in, 0, sizeof(c->scan_in));
    memset(&c->scan_out, 0, sizeof(c->scan_out));
    c->records_expected = true;
    scan_feed(&c->scan_in, c->clear.data + c->clear.at, c->clear.end - c->clear.at);
    return true;
}

static void end_cut(struct conn *c)
{
    SSL_free(c->ssl);
    c->ssl = NULL;
    c->was_cut = c->cut_after_hello = false;
    journal_event(c->id, "tls cut after ServerHello");
}

bool tls_accept(struct conn *c, SSL_CTX *ctx, const struct tls_options *o)
{
    unsigned long code;

    if (c->ssl || !begin(c, ctx, o))
        return false;
    ERR_clear_error();
    if (SSL_accept(c->ssl) == 1) {
        say_open(c);
        return true;
    }
    if (c->was_cut) {
        end_cut(c);
        return true;
    }
    code = ERR_peek_error();
    journal_event(c->id, "tls-failed %s", code ? ERR_reason_error_string(code) : "the connection ended");
    c->ssl_broken = true;
    return false;
}
