/* SPDX-License-Identifier: MIT */
/* Sessions: who is offered one, and who is not though the server would take it. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "shim/tls/session.h"
#include "tests/unit/tls_pair.h"

static struct pair_cert ca, leaf, other_leaf, client;
static char ca_file[128], same_ca_file[128], client_file[128], key_file[128];
static SSL_CTX *server; /* one for all, so that every session of ours is good there */
static int offered;     /* the last ClientHello had something to resume */

/* ---- a server that looks for a ticket, a session id (TLS 1.2) or a pre-shared key (TLS 1.3) ---- */

static int look(SSL *ssl, int *alert, void *arg)
{
    const unsigned char *data;
    size_t len = 0;
    (void)alert;
    (void)arg;
    offered = SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_psk, &data, &len) ||
              (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_session_ticket, &data, &len) && len > 0);
    return SSL_CLIENT_HELLO_SUCCESS;
}

static SSL_CTX *make_server(int version, const struct pair_cert *cert)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"unit", 4);
    SSL_CTX_set_max_proto_version(ctx, version);
    SSL_CTX_set_client_hello_cb(ctx, look, NULL);
    if (!SSL_CTX_use_certificate(ctx, cert->cert) || !SSL_CTX_use_PrivateKey(ctx, cert->key))
        abort();
    return ctx;
}

/* ---- one connection ---- */

static const struct tls_peer same = {.identity = "srv.test", .resume = "upgrade 80"};

static struct tls_params usual(void)
{
    return (struct tls_params){
        .ca = ca_file, .min_version = TLS1_2_VERSION, .check_chain = true, .resume = true};
}

static struct tls_context *context_of(struct tls_params params)
{
    struct tls_error error = {0};
    struct tls_context *context =
        GUARDED(struct tls_context *, tlsup_tls_engine()->context_new(&params, &error));
    CHECK_STR(error.text, "");
    return context;
}

static enum tls_result dial(struct pair *p, struct tls_context *context, const struct tls_peer *peer)
{
    memset(p, 0, sizeof *p);
    p->e = tlsup_tls_engine();
    p->link = &links[0];
    free(p->link->up.bytes); /* of one that is over, and not freed yet */
    free(p->link->down.bytes);
    memset(p->link, 0, sizeof *p->link);
    SSL_CTX_up_ref(server);
    p->server_ctx = server;
    pair_start(p);
    offered = -1;
    p->tls = GUARDED(struct tls *, p->e->open(context, 0, &link_io, peer, &p->error));
    CHECK_STR(p->error.text, "");
    return pair_shake(p);
}

static bool resumed(const struct pair *p)
{
    struct tls_info info;
    p->e->info(p->tls, &info);
    uint8_t pin[TLS_PIN_BYTES];
    spki_pin(&leaf, pin);
    CHECK(info.has_peer && memcmp(info.peer_spki, pin, sizeof pin) == 0); /* also of a resumed one */
    CHECK_STR(info.peer_name, "srv.test");
    CHECK_INT(info.resumed, SSL_session_reused(p->server));
    return info.resumed;
}

/* The server speaks, which brings its tickets, and both say goodbye. */
static void talk_and_close(struct pair *p)
{
    char buf[8];
    size_t n;
    CHECK_INT(p_poll(p), TLS_WANT_READ); /* tickets that came with the handshake are nothing to read */
    server_write(p, "hello", 5);
    CHECK_INT(p_read(p, buf, sizeof buf, &n), TLS_DONE);
    CHECK_INT(n, 5);
    server_close(p);
    CHECK_INT(p_read(p, buf, sizeof buf, &n), TLS_CLOSED);
    p_close(p);
    pair_free(p);
}

/* One whole connection; was it resumed? */
static bool connect_as(struct tls_context *context, const struct tls_peer *peer)
{
    struct pair p;
    CHECK_INT(dial(&p, context, peer), TLS_DONE);
    bool was = resumed(&p);
    CHECK_INT(offered, was); /* every ticket of ours is good there: one that was not taken was not offered */
    talk_and_close(&p);
    return was;
}

/* ---- who gets one ---- */

static void the_same(struct tls_context *context)
{
    CHECK(!connect_as(context, &same));
    for (int i = 0; i < 5; i++)
        CHECK(connect_as(context, &same));
}

static void another_peer(struct tls_context *context)
{
    uint8_t pins[2][TLS_PIN_BYTES], more[2][TLS_PIN_BYTES] = {{0}};
    static const size_t one[] = {1}, one_each[] = {1, 1}, two[] = {2};
    spki_pin(&leaf, pins[0]);
    spki_pin(&leaf, pins[1]);
    spki_pin(&leaf, more[1]);
    const struct tls_peer others[] = {
        {.identity = "www.srv.test", .resume = same.resume},
        {.identity = "SRV.test", .resume = same.resume},
        {.identity = NULL, .servername = "srv.test", .resume = same.resume},
        {.identity = "srv.test", .servername = "srv.test", .resume = same.resume},
        {.identity = "srv.test", .servername = "www.srv.test", .resume = same.resume},
        {.identity = "10.0.0.1", .identity_is_address = true, .resume = same.resume},
        {.identity = "10.0.0.1", .resume = same.resume},
        {.identity = "srv.test", .resume = "upgrade 8"},
        {.identity = "srv.test", .resume = "upgrade 800"},
        {.identity = "srv.test", .resume = "implicit 80"},
        {.identity = "srv.test", .resume = same.resume, .pins = pins, .pin_sets = one, .n_pin_sets = 1},
        {.identity = "srv.test", .resume = same.resume, .pins = pins, .pin_sets = two, .n_pin_sets = 1},
        {.identity = "srv.test", .resume = same.resume, .pins = more, .pin_sets = two, .n_pin_sets = 1},
        {.identity = "srv.test", .resume = same.resume, .pins = pins, .pin_sets = one_each, .n_pin_sets = 2},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        CHECK(connect_as(context, &same));
        CHECK(!connect_as(context, &others[i]));
        CHECK(connect_as(context, &others[i])); /* its own is */
        CHECK(connect_as(context, &same));
    }
    struct tls_peer none = same;
    none.resume = NULL;
    CHECK(!connect_as(context, &none));
    CHECK(connect_as(context, &same));
}

static void another_rule(struct tls_context *context)
{
    struct tls_params params[7];
    for (size_t i = 0; i < 7; i++)
        params[i] = usual();
    params[1].ca = same_ca_file;
    params[2].check_chain = false;
    params[3].strict = true;
    params[4].cert = client_file;
    params[4].key = key_file;
    params[5].observe = true;
    params[6].ciphersuites = "TLS_AES_128_GCM_SHA256";
    for (size_t i = 0; i < 7; i++) {
        CHECK(connect_as(context, &same));
        struct tls_context *other = context_of(params[i]);
        CHECK(!connect_as(other, &same));
        CHECK(connect_as(other, &same));
        tlsup_tls_engine()->context_free(other);
        other = context_of(params[i]); /* perhaps at the same address */
        CHECK(!connect_as(other, &same));
        tlsup_tls_engine()->context_free(other);
    }
    struct tls_params without = usual();
    without.resume = false;
    struct tls_context *other = context_of(without);
    for (int i = 0; i < 2; i++)
        CHECK(!connect_as(other, &same));
    tlsup_tls_engine()->context_free(other);
    CHECK(connect_as(context, &same));
}

/* ---- once, and how many ---- */

static void single_use(struct tls_context *context, int version)
{
    struct pair p[3];
    CHECK(connect_as(context, &same));
    unsigned again = 0;
    for (int i = 0; i < 40; i++) { /* dialled and given up: each takes one along */
        CHECK_INT(dial(&p[0], context, &same), TLS_DONE);
        again += resumed(&p[0]);
        pair_free(&p[0]);
    }
    if (version == TLS1_3_VERSION)
        CHECK(again >= 1 && again <= SESSION_ALIKE);
    else
        CHECK_INT(again, 40);
}

static void bounded(struct tls_context *context)
{
    char where[3 * SESSION_PLACES][16];
    struct tls_peer peer = same;
    for (unsigned i = 0; i < 3 * SESSION_PLACES; i++) {
        snprintf(where[i], sizeof where[i], "place %u", i);
        peer.resume = where[i];
        CHECK(!connect_as(context, &peer));
    }
    CHECK(connect_as(context, &peer)); /* the last is there, the first is not */
    peer.resume = where[0];
    CHECK(!connect_as(context, &peer));
}

/* ---- ends ---- */

static void cut_short(struct tls_context *context)
{
    char buf[8];
    size_t n;
    struct pair p, q;
    connect_as(context, &same);
    CHECK(connect_as(context, &same));
    CHECK_INT(dial(&p, context, &same), TLS_DONE);
    server_write(&p, "hello", 5);
    CHECK_INT(p_read(&p, buf, sizeof buf, &n), TLS_DONE);
    p.link->fin = true; /* no close_notify (RFC 2818 section 2.2.2) */
    CHECK_INT(p_read(&p, buf, sizeof buf, &n), TLS_TRUNCATED);
    CHECK_INT(dial(&q, context, &same), TLS_DONE);
    CHECK(!resumed(&q));
    pair_free(&q);
    pair_free(&p);
    connect_as(context, &same);
    CHECK(connect_as(context, &same));
    CHECK_INT(dial(&p, context, &same), TLS_DONE);
    queue_put(&p.link->down, "\x17\x03\x03\x00\x20 this is no ciphertext of ours, is", 37);
    CHECK_INT(p_read(&p, buf, sizeof buf, &n), TLS_FAILED);
    pair_free(&p);
    CHECK(!connect_as(context, &same));
}

/* A certificate that was good when the session was made. */
static void run_out(int version)
{
    struct pair_cert soon = make_cert((struct maker){.san = "DNS:srv.test"}, &ca);
    X509_gmtime_adj(X509_getm_notAfter(soon.cert), 3);
    X509_sign(soon.cert, ca.key, EVP_sha256());
    SSL_CTX *kept = server;
    server = make_server(version, &soon);
    struct tls_context *context = context_of(usual());
    struct pair p;
    CHECK_INT(dial(&p, context, &same), TLS_DONE);
    talk_and_close(&p);
    CHECK_INT(dial(&p, context, &same), TLS_DONE);
    CHECK(SSL_session_reused(p.server));
    talk_and_close(&p);
    sleep(4);
    CHECK(dial(&p, context, &same) != TLS_DONE);
    CHECK_INT(offered, 0); /* a full handshake, whose certificate may be a new one */
    CHECK_INT(p.e->error(p.tls)->failure, TLS_FAIL_EXPIRED);
    pair_free(&p);
    SSL_CTX_use_certificate(server, leaf.cert); /* it is: judged in full, and found good */
    SSL_CTX_use_PrivateKey(server, leaf.key);
    CHECK(!connect_as(context, &same));
    CHECK(connect_as(context, &same));
    tlsup_tls_engine()->context_free(context);
    SSL_CTX_free(server);
    server = kept;
    free_cert(&soon);
}

/* The server takes the ticket, and something that vouched for it has run out meanwhile, which only judging
 * the resumed session shows: the list of what is revoked. */
static void judged_again(void)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *when = ASN1_TIME_new();
    X509_CRL_set_version(crl, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca.cert));
    X509_CRL_set1_lastUpdate(crl, X509_gmtime_adj(when, -60));
    X509_CRL_set1_nextUpdate(crl, X509_gmtime_adj(when, 3));
    X509_CRL_sign(crl, ca.key, EVP_sha256());
    char crl_file[128];
    keep_path(crl_file, sizeof crl_file, pair_path("list.crl"));
    FILE *f = fopen(crl_file, "w");
    PEM_write_X509_CRL(f, crl);
    fclose(f);
    struct tls_params params = usual();
    params.crl = crl_file;
    struct tls_context *context = context_of(params);
    struct pair p;
    CHECK(!connect_as(context, &same));
    CHECK(connect_as(context, &same));
    sleep(4);
    CHECK_INT(dial(&p, context, &same), TLS_FAILED);
    CHECK_INT(offered, 1);
    CHECK_INT(p.e->error(p.tls)->failure, TLS_FAIL_UNTRUSTED);
    CHECK(strstr(p.e->error(p.tls)->text, "CRL has expired"));
    CHECK(!SSL_is_init_finished(p.server)); /* our Finished was not sent */
    pair_free(&p);
    CHECK_INT(dial(&p, context, &same), TLS_FAILED);
    CHECK_INT(offered, 0);
    pair_free(&p);
    tlsup_tls_engine()->context_free(context);
    ASN1_TIME_free(when);
    X509_CRL_free(crl);
    unlink(crl_file);
}

static void child(struct tls_context *context)
{
    CHECK(connect_as(context, &same));
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        unit_failures = 0;
        CHECK(!connect_as(context, &same)); /* not the parent's */
        CHECK(connect_as(context, &same));  /* its own */
        fflush(NULL);
        /* what it had of its parent is forgotten, not freed: valgrind is not to look for it */
        raise(unit_failures ? SIGTERM : SIGKILL);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    CHECK_INT(WIFSIGNALED(status) ? WTERMSIG(status) : 0, SIGKILL);
    CHECK(connect_as(context, &same));
}

/* Without an extended master secret a session of TLS 1.2 may be somebody else's (RFC 7627). */
static void without_ems(void)
{
    SSL_CTX_set_options(server, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    struct tls_context *context = context_of(usual());
    for (int i = 0; i < 3; i++)
        CHECK(!connect_as(context, &same));
    SSL_CTX_clear_options(server, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    tlsup_tls_engine()->context_free(context);
}

/* The server has another certificate by now and does not take the ticket: it is judged as if for the first
 * time. */
static void another_certificate(int version)
{
    struct tls_context *context = context_of(usual());
    struct pair p;
    CHECK(!connect_as(context, &same));
    SSL_CTX *kept = server;
    server = make_server(version, &other_leaf); /* with ticket keys of its own */
    CHECK(dial(&p, context, &same) != TLS_DONE);
    CHECK_INT(offered, 1);
    CHECK_INT(p.e->error(p.tls)->failure, TLS_FAIL_NAME);
    pair_free(&p);
    SSL_CTX_free(server);
    server = kept;
    tlsup_tls_engine()->context_free(context);
}

static void all(int version)
{
    server = make_server(version, &leaf);
    struct tls_context *context = context_of(usual());
    the_same(context);
    another_peer(context);
    another_rule(context);
    single_use(context, version);
    cut_short(context);
    child(context);
    bounded(context);
    tlsup_tls_engine()->context_free(context);
    another_certificate(version);
    if (version == TLS1_2_VERSION) {
        run_out(version);
        without_ems();
    } else {
        judged_again();
    }
    SSL_CTX_free(server);
}

int main(void)
{
    if (!tlsup_tls_engine())
        return 1;
    ca = make_cert((struct maker){.cn = "unit CA", .ca = true}, NULL);
    leaf = make_cert((struct maker){.san = "DNS:srv.test,DNS:www.srv.test,IP:10.0.0.1"}, &ca);
    other_leaf = make_cert((struct maker){.san = "DNS:other.test"}, &ca);
    client = make_cert((struct maker){.cn = "client"}, &ca);
    keep_path(ca_file, sizeof ca_file, save_cert("ca.pem", &ca));
    keep_path(same_ca_file, sizeof same_ca_file, save_cert("ca2.pem", &ca));
    keep_path(client_file, sizeof client_file, save_cert("client.pem", &client));
    keep_path(key_file, sizeof key_file, pair_path("client.key"));
    BIO *bio = BIO_new_file(key_file, "w");
    PEM_write_bio_PrivateKey(bio, client.key, NULL, NULL, 0, NULL, NULL);
    BIO_free(bio);
    chmod(key_file, 0600);
    for (int i = 0; i < 2; i++) {
        foreign = i;
        all(i ? TLS1_2_VERSION : TLS1_3_VERSION);
    }
    free_cert(&ca);
    free_cert(&leaf);
    free_cert(&other_leaf);
    free_cert(&client);
    static const char *const files[] = {"ca.pem", "ca2.pem", "client.pem", "client.key", NULL};
    pair_cleanup(files);
    return unit_done("tls_session");
}
