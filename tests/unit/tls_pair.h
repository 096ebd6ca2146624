/* SPDX-License-Identifier: MIT */
/*
 * An engine's client and an OpenSSL server in one process, over two byte queues: no socket, no sleep. The
 * client's "descriptor" is the index of its link; every pattern of short, interrupted and refused transfers
 * is a field away.
 */
#pragma once

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include "shim/tls.h"
#include "tests/unit/unit.h"

/* ---- certificates, made here ---- */

struct maker {
    const char *cn, *san, *eku;
    long from, to; /* days from now */
    int rsa_bits;  /* 0: EC P-256 */
    bool ca;
    const char *constraints; /* nameConstraints */
};

struct pair_cert {
    X509 *cert;
    EVP_PKEY *key;
};

static inline void maker_ext(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    if (!ext)
        abort();
    X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
}

/* Signed by `issuer`, or by itself. */
static inline struct pair_cert make_cert(struct maker m, const struct pair_cert *issuer)
{
    static long serial = 1000;
    struct pair_cert out;
    out.key = m.rsa_bits ? EVP_RSA_gen((unsigned)m.rsa_bits) : EVP_EC_gen("P-256");
    out.cert = X509_new();
    X509_set_version(out.cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(out.cert), serial++);
    X509_gmtime_adj(X509_getm_notBefore(out.cert), (m.from ? m.from : -1) * 86400L);
    X509_gmtime_adj(X509_getm_notAfter(out.cert), (m.to ? m.to : 30) * 86400L);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(out.cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)(m.cn ? m.cn : "leaf"), -1, -1, 0);
    X509 *by = issuer ? issuer->cert : out.cert;
    X509_set_issuer_name(out.cert, X509_get_subject_name(by));
    X509_set_pubkey(out.cert, out.key);
    maker_ext(out.cert, by, NID_basic_constraints, m.ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    maker_ext(out.cert, by, NID_subject_key_identifier, "hash");
    if (issuer)
        maker_ext(out.cert, by, NID_authority_key_identifier, "keyid");
    maker_ext(out.cert, by, NID_key_usage,
              m.ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
    if (m.san)
        maker_ext(out.cert, by, NID_subject_alt_name, m.san);
    if (m.eku)
        maker_ext(out.cert, by, NID_ext_key_usage, m.eku);
    if (m.constraints)
        maker_ext(out.cert, by, NID_name_constraints, m.constraints);
    if (X509_sign(out.cert, issuer ? issuer->key : out.key, EVP_sha256()) == 0)
        abort();
    return out;
}

static inline void free_cert(struct pair_cert *c)
{
    X509_free(c->cert);
    EVP_PKEY_free(c->key);
}

static inline void spki_pin(const struct pair_cert *c, uint8_t out[TLS_PIN_BYTES])
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(c->key, &der);
    SHA256(der, (size_t)len, out);
    OPENSSL_free(der);
}

/* ---- files ---- */

static char pair_dir[64];

static inline void keep_path(char *to, size_t cap, const char *from)
{
    snprintf(to, cap, "%s", from);
}

static inline const char *pair_path(const char *name)
{
    static char path[4][128];
    static unsigned next;
    if (!pair_dir[0]) {
        keep_path(pair_dir, sizeof pair_dir, "/tmp/tlsup-unit-XXXXXX");
        if (!mkdtemp(pair_dir))
            abort();
    }
    char *p = path[next++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", pair_dir, name);
    return p;
}

static inline const char *save_cert(const char *name, const struct pair_cert *c)
{
    const char *path = pair_path(name);
    BIO *bio = BIO_new_file(path, "w");
    PEM_write_bio_X509(bio, c->cert);
    BIO_free(bio);
    return path;
}

static inline void pair_cleanup(const char *const *names)
{
    for (; *names; names++)
        unlink(pair_path(*names));
    rmdir(pair_path("."));
    if (pair_dir[0])
        rmdir(pair_dir);
}

/* ---- links ---- */

struct queue {
    unsigned char *bytes;
    size_t len, cap;
};

static inline void queue_put(struct queue *q, const void *bytes, size_t len)
{
    if (q->len + len > q->cap) {
        q->cap = (q->len + len) * 2;
        q->bytes = realloc(q->bytes, q->cap);
    }
    memcpy(q->bytes + q->len, bytes, len);
    q->len += len;
}

static inline void queue_drop(struct queue *q, size_t len)
{
    memmove(q->bytes, q->bytes + len, q->len - len);
    q->len -= len;
}

struct link {
    struct queue up, down;     /* to the server, to the client */
    size_t recv_max, send_max; /* 0: no limit */
    size_t room;               /* most that `up` holds; 0: no limit */
    unsigned stutter;          /* every stutter-th call says EAGAIN, the one before it EINTR */
    unsigned calls, sends, recvs;
    unsigned more;              /* sends that may wait for the next one */
    bool fin;                   /* the server has closed: 0 once `down` is empty */
    int recv_error, send_error; /* errno once `down` is empty, and at once */
};

static struct link links[4];

static inline bool stuttered(struct link *l)
{
    l->calls++;
    if (l->stutter && l->calls % l->stutter == 0)
        errno = EAGAIN;
    else if (l->stutter && l->calls % l->stutter == l->stutter - 1)
        errno = EINTR;
    else
        return false;
    return true;
}

static inline ssize_t link_recv(int fd, void *buf, size_t len, int flags)
{
    struct link *l = &links[fd];
    CHECK((flags | MSG_PEEK) == (MSG_DONTWAIT | MSG_PEEK));
    l->recvs++;
    if (stuttered(l))
        return -1;
    if (l->recv_max && len > l->recv_max)
        len = l->recv_max;
    if (len > l->down.len)
        len = l->down.len;
    if (len) {
        memcpy(buf, l->down.bytes, len);
        if (!(flags & MSG_PEEK))
            queue_drop(&l->down, len);
        return (ssize_t)len;
    }
    if (l->fin)
        return 0;
    errno = l->recv_error ? l->recv_error : EAGAIN;
    return -1;
}

static inline ssize_t link_send(int fd, const void *buf, size_t len, int flags)
{
    struct link *l = &links[fd];
    CHECK((flags | MSG_MORE) == (MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE));
    l->sends++;
    l->more += (flags & MSG_MORE) != 0;
    if (stuttered(l))
        return -1;
    if (l->send_error) {
        errno = l->send_error;
        return -1;
    }
    if (l->send_max && len > l->send_max)
        len = l->send_max;
    if (l->room && len > l->room - l->up.len)
        len = l->room - l->up.len;
    if (len == 0) {
        errno = EAGAIN;
        return -1;
    }
    queue_put(&l->up, buf, len);
    return (ssize_t)len;
}

static const struct tls_io link_io = {link_recv, link_send};

/* ---- a pair ---- */

struct pair {
    const struct tls_engine *e;
    struct tls_context *context;
    struct tls *tls;
    struct tls_error error; /* of context_new or open */
    SSL_CTX *server_ctx;
    SSL *server;
    struct link *link;
    int fd;
};

/* With `foreign` each call of the engine finds somebody else's error in the queue, and must leave it there.
 */
static bool foreign;
#define FOREIGN_TEXT "left by the host program"

static inline void foreign_before(void)
{
    ERR_clear_error();
    if (foreign) {
        ERR_raise(ERR_LIB_PEM, PEM_R_NO_START_LINE);
        ERR_raise_data(ERR_LIB_SSL, SSL_AD_REASON_OFFSET + 40, FOREIGN_TEXT);
    }
}

static inline void foreign_after(void)
{
    const char *data = "";
    int flags = 0;
    if (foreign) {
        CHECK_INT(ERR_GET_REASON(ERR_get_error()), PEM_R_NO_START_LINE);
        CHECK_INT(ERR_GET_REASON(ERR_get_error_all(NULL, NULL, NULL, &data, &flags)),
                  SSL_AD_REASON_OFFSET + 40);
        CHECK_STR(data, FOREIGN_TEXT);
    }
    CHECK_INT(ERR_get_error(), 0);
}

#define GUARDED(type, call)                                                                                  \
    ({                                                                                                       \
        foreign_before();                                                                                    \
        type result_ = (call);                                                                               \
        foreign_after();                                                                                     \
        result_;                                                                                             \
    })

static inline enum tls_result p_handshake(struct pair *p)
{
    return GUARDED(enum tls_result, p->e->handshake(p->tls));
}

static inline enum tls_result p_read(struct pair *p, void *buf, size_t cap, size_t *got)
{
    return GUARDED(enum tls_result, p->e->read(p->tls, buf, cap, got));
}

static inline enum tls_result p_poll(struct pair *p)
{
    return GUARDED(enum tls_result, p->e->poll(p->tls));
}

static inline enum tls_result p_write(struct pair *p, const void *buf, size_t len, size_t *taken)
{
    return GUARDED(enum tls_result, p->e->write(p->tls, buf, len, taken));
}

static inline void p_close(struct pair *p)
{
    foreign_before();
    p->e->close_notify(p->tls);
    foreign_after();
}

/* Ciphertext between the link and the server's memory BIOs. */
static inline void server_in(struct pair *p)
{
    if (p->link->up.len) {
        BIO_write(SSL_get_rbio(p->server), p->link->up.bytes, (int)p->link->up.len);
        p->link->up.len = 0;
    }
}

static inline void server_out(struct pair *p)
{
    unsigned char buf[4096];
    int n;
    while ((n = BIO_read(SSL_get_wbio(p->server), buf, sizeof buf)) > 0)
        queue_put(&p->link->down, buf, (size_t)n);
}

static inline void server_accept(struct pair *p)
{
    server_in(p);
    if (!SSL_is_init_finished(p->server))
        SSL_accept(p->server);
    server_out(p);
    ERR_clear_error();
}

static inline void server_write(struct pair *p, const void *bytes, size_t len)
{
    if (SSL_write(p->server, bytes, (int)len) != (int)len)
        abort();
    server_out(p);
}

static inline int server_read(struct pair *p, void *buf, int cap)
{
    server_in(p);
    int n = SSL_read(p->server, buf, cap);
    server_out(p);
    return n;
}

static inline void server_close(struct pair *p)
{
    SSL_shutdown(p->server);
    server_out(p);
}

static inline void pair_server(struct pair *p, const struct pair_cert *leaf, const struct pair_cert *chain)
{
    memset(p, 0, sizeof *p);
    p->e = tlsup_tls_engine();
    p->link = &links[0];
    memset(p->link, 0, sizeof *p->link);
    p->server_ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_security_level(p->server_ctx, 0);
    SSL_CTX_set_session_cache_mode(p->server_ctx, SSL_SESS_CACHE_OFF);
    if (leaf && (!SSL_CTX_use_certificate(p->server_ctx, leaf->cert) ||
                 !SSL_CTX_use_PrivateKey(p->server_ctx, leaf->key)))
        abort();
    if (chain)
        SSL_CTX_add1_chain_cert(p->server_ctx, chain->cert);
}

static inline void pair_start(struct pair *p)
{
    p->server = SSL_new(p->server_ctx);
    SSL_set_bio(p->server, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(p->server), -1);
    SSL_set_accept_state(p->server);
}

static inline bool pair_client(struct pair *p, const struct tls_params *params, const struct tls_peer *peer)
{
    pair_start(p);
    p->context = GUARDED(struct tls_context *, p->e->context_new(params, &p->error));
    if (!p->context)
        return false;
    p->tls = GUARDED(struct tls *, p->e->open(p->context, p->fd, &link_io, peer, &p->error));
    return p->tls != NULL;
}

static inline enum tls_result pair_shake(struct pair *p)
{
    enum tls_result r = TLS_FAILED;
    for (int i = 0; i < 1000000; i++) {
        r = p_handshake(p);
        if (r != TLS_WANT_READ && r != TLS_WANT_WRITE)
            break;
        server_accept(p);
    }
    server_accept(p);
    return r;
}

static inline void pair_free(struct pair *p)
{
    if (p->tls)
        p->e->free(p->tls);
    if (p->context)
        p->e->context_free(p->context);
    SSL_free(p->server);
    SSL_CTX_free(p->server_ctx);
    free(p->link->up.bytes);
    free(p->link->down.bytes);
    memset(p->link, 0, sizeof *p->link);
    ERR_clear_error();
}
