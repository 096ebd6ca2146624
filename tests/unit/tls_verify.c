/* SPDX-License-Identifier: MIT */
/* Who answered: every class of finding, the texts, pins, observation. */

#include "tests/unit/tls_pair.h"

static struct pair_cert ca, other_ca, inter, bound;
static char ca_file[128];

enum { OBSERVE = 1, NO_CHAIN = 2, STRICT = 4, TLS12 = 8 };

struct verdict {
    enum tls_result result;
    struct tls_error error, finding;
    struct tls_info info;
    bool server_done;
    int server_alert;
    char sni[256];
};

static void note_alert(const SSL *ssl, int where, int ret)
{
    if (where == SSL_CB_READ_ALERT)
        ((struct verdict *)SSL_get_app_data(ssl))->server_alert = ret & 0xff;
}

static struct verdict judge(const struct pair_cert *leaf, const struct pair_cert *chain, struct tls_peer peer,
                            int flags, const char *crl)
{
    struct pair p;
    struct verdict v = {0};
    struct tls_params params = {.ca = ca_file,
                                .crl = crl,
                                .min_version = TLS1_2_VERSION,
                                .check_chain = !(flags & NO_CHAIN),
                                .strict = flags & STRICT,
                                .observe = flags & OBSERVE};
    pair_server(&p, leaf, chain);
    if (flags & TLS12)
        SSL_CTX_set_max_proto_version(p.server_ctx, TLS1_2_VERSION);
    SSL_CTX_set_info_callback(p.server_ctx, note_alert);
    if (pair_client(&p, &params, &peer)) {
        SSL_set_app_data(p.server, &v);
        v.result = pair_shake(&p);
        v.error = *p.e->error(p.tls);
        p.e->info(p.tls, &v.info);
        v.finding = v.info.finding;
        v.server_done = SSL_is_init_finished(p.server);
        const char *sni = SSL_get_servername(p.server, TLSEXT_NAMETYPE_host_name);
        snprintf(v.sni, sizeof v.sni, "%s", sni ? sni : "");
        if (v.result == TLS_FAILED)
            CHECK_INT(p_handshake(&p), TLS_FAILED);
    } else {
        v.result = TLS_FAILED;
        v.error = p.error;
    }
    pair_free(&p);
    return v;
}

static struct verdict judge_name(struct maker m, const struct pair_cert *issuer, const char *name, int flags)
{
    struct pair_cert leaf = make_cert(m, issuer);
    struct verdict v = judge(&leaf, NULL, (struct tls_peer){.identity = name}, flags, NULL);
    free_cert(&leaf);
    return v;
}

static void check_start(const char *got, const char *want)
{
    if (strncmp(got, want, strlen(want)) == 0)
        CHECK(true);
    else
        CHECK_STR(got, want);
}

#define ACCEPTED(v)                                                                                          \
    do {                                                                                                     \
        CHECK_INT((v).result, TLS_DONE);                                                                     \
        CHECK_STR((v).error.text, "");                                                                       \
        CHECK((v).server_done);                                                                              \
    } while (0)
#define REFUSED(v, class, words)                                                                             \
    do {                                                                                                     \
        CHECK_INT((v).result, TLS_FAILED);                                                                   \
        CHECK_INT((v).error.failure, class);                                                                 \
        check_start((v).error.text, words);                                                                  \
        CHECK(!(v).server_done);                                                                             \
        CHECK((v).server_alert != 0);                                                                        \
    } while (0)

static void names(int flags)
{
    struct verdict v = judge_name((struct maker){.san = "DNS:srv.test"}, &ca, "srv.test", flags);
    ACCEPTED(v);
    CHECK_STR(v.sni, "srv.test");
    CHECK_STR(v.info.peer_name, "srv.test");
    CHECK(v.info.has_peer);
    v = judge_name((struct maker){.san = "DNS:srv.test"}, &ca, "SRV.Test", flags);
    ACCEPTED(v);
    v = judge_name((struct maker){.san = "DNS:srv.test"}, &ca, "srv.test.", flags); /* H146 */
    ACCEPTED(v);
    CHECK_STR(v.sni, "srv.test");
    v = judge_name((struct maker){.san = "DNS:other.test"}, &ca, "srv.test", flags); /* H131 */
    REFUSED(v, TLS_FAIL_NAME, "certificate is for other.test");
    CHECK_STR(v.error.text, "certificate is for other.test");
    v = judge_name((struct maker){.san = "DNS:a.test,DNS:b.test,DNS:c.test,DNS:d.test"}, &ca, "srv.test",
                   flags);
    CHECK_STR(v.error.text, "certificate is for a.test, b.test and 2 more");
    v = judge_name((struct maker){.cn = "srv.test"}, &ca, "srv.test", flags); /* H137 */
    REFUSED(v, TLS_FAIL_NAME, "certificate has no subjectAltName that names a host");
    v = judge_name((struct maker){.cn = "srv.test", .san = "DNS:x\"\\.test"}, &ca, "srv.test", flags);
    CHECK_STR(v.error.text, "certificate is for x\\x22\\x5c.test");
    /* wildcards: H138 to H141 */
    v = judge_name((struct maker){.san = "DNS:*.srv.test"}, &ca, "a.srv.test", flags);
    ACCEPTED(v);
    v = judge_name((struct maker){.san = "DNS:*.srv.test"}, &ca, "a.b.srv.test", flags);
    REFUSED(v, TLS_FAIL_NAME, "certificate is for *.srv.test");
    v = judge_name((struct maker){.san = "DNS:*.srv.test"}, &ca, "srv.test", flags);
    REFUSED(v, TLS_FAIL_NAME, "");
    v = judge_name((struct maker){.san = "DNS:w*.srv.test"}, &ca, "www.srv.test", flags);
    REFUSED(v, TLS_FAIL_NAME, "");
    v = judge_name((struct maker){.san = "DNS:*"}, &ca, "test", flags);
    REFUSED(v, TLS_FAIL_NAME, "");
    v = judge_name((struct maker){.san = "DNS:*.test"}, &ca, "srv.test", flags);
    REFUSED(v, TLS_FAIL_NAME, "");
}

static void nul_name(void) /* H149 */
{
    struct pair_cert leaf = make_cert((struct maker){0}, &ca);
    GENERAL_NAMES *sans = GENERAL_NAMES_new();
    GENERAL_NAME *san = GENERAL_NAME_new();
    ASN1_IA5STRING *s = ASN1_IA5STRING_new();
    ASN1_STRING_set(s, "srv.test\0.evil.test", 19);
    GENERAL_NAME_set0_value(san, GEN_DNS, s);
    sk_GENERAL_NAME_push(sans, san);
    X509_add1_ext_i2d(leaf.cert, NID_subject_alt_name, sans, 0, 0);
    X509_sign(leaf.cert, ca.key, EVP_sha256());
    struct verdict v = judge(&leaf, NULL, (struct tls_peer){.identity = "srv.test"}, 0, NULL);
    REFUSED(v, TLS_FAIL_NAME, "certificate is for srv.test\\x00.evil.test");
    CHECK_STR(v.info.peer_name, "srv.test\\x00.evil.test");
    GENERAL_NAMES_free(sans);
    free_cert(&leaf);
}

static void addresses(void)
{
    struct pair_cert ip = make_cert((struct maker){.san = "IP:192.0.2.7,IP:2001:db8::1"}, &ca);
    struct pair_cert dns = make_cert((struct maker){.san = "DNS:192.0.2.7"}, &ca);
    struct verdict v =
        judge(&ip, NULL, (struct tls_peer){.identity = "192.0.2.7", .identity_is_address = true}, 0, NULL);
    ACCEPTED(v); /* H142 */
    CHECK_STR(v.sni, "");
    v = judge(&ip, NULL,
              (struct tls_peer){
                  .identity = "2001:0db8:0::0001", .identity_is_address = true, .servername = "srv.test"},
              0, NULL);
    ACCEPTED(v); /* H145 */
    CHECK_STR(v.sni, "");
    v = judge(&ip, NULL, (struct tls_peer){.identity = "192.0.2.8", .identity_is_address = true}, 0, NULL);
    REFUSED(v, TLS_FAIL_NAME, "certificate is for 192.0.2.7, 2001:db8::1");
    v = judge(&dns, NULL, (struct tls_peer){.identity = "192.0.2.7", .identity_is_address = true}, 0, NULL);
    REFUSED(v, TLS_FAIL_NAME, ""); /* H143 */
    v = judge(&dns, NULL, (struct tls_peer){.identity = "192.0.2.7"}, 0, NULL);
    REFUSED(v, TLS_FAIL_NAME, "");
    free_cert(&ip);
    free_cert(&dns);
}

static void identities(void)
{
    struct pair_cert leaf = make_cert((struct maker){.san = "DNS:srv.test"}, &ca);
    struct verdict v =
        judge(&leaf, NULL, (struct tls_peer){.identity = "srv.test", .servername = "front.test"}, 0, NULL);
    ACCEPTED(v);
    CHECK_STR(v.sni, "front.test");
    v = judge(&leaf, NULL, (struct tls_peer){.servername = "front.test"}, 0, NULL);
    ACCEPTED(v);
    static const char *const bad[] = {"", ".", ".test", "srv test", "srv\x80.test"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        v = judge(&leaf, NULL, (struct tls_peer){.identity = bad[i]}, 0, NULL);
        CHECK_INT(v.result, TLS_FAILED);
        CHECK_INT(v.error.failure, TLS_FAIL_SETUP);
    }
    v = judge(&leaf, NULL, (struct tls_peer){.identity = "srv.test", .identity_is_address = true}, 0, NULL);
    CHECK_INT(v.error.failure, TLS_FAIL_SETUP);
    free_cert(&leaf);
}

static void chains(int flags)
{
    struct verdict v =
        judge_name((struct maker){.san = "DNS:srv.test", .from = -20, .to = -10}, &ca, "srv.test", flags);
    REFUSED(v, TLS_FAIL_EXPIRED, "certificate expired on 20"); /* H132 */
    v = judge_name((struct maker){.san = "DNS:other.test", .from = -20, .to = -10}, &ca, "srv.test", flags);
    REFUSED(v, TLS_FAIL_EXPIRED, "certificate expired on 20");
    v = judge_name((struct maker){.san = "DNS:srv.test", .from = 10, .to = 20}, &ca, "srv.test", flags);
    REFUSED(v, TLS_FAIL_EXPIRED, "certificate is not valid before 20"); /* H133 */
    CHECK(strstr(v.error.text, ", check the clock"));
    v = judge_name((struct maker){.san = "DNS:srv.test"}, &other_ca, "srv.test", flags); /* H135 */
    REFUSED(v, TLS_FAIL_UNTRUSTED, "chain is not trusted: unable to get local issuer certificate");
    v = judge_name((struct maker){.san = "DNS:other.test", .from = -20, .to = -10}, &other_ca, "srv.test",
                   flags);
    REFUSED(v, TLS_FAIL_UNTRUSTED, "chain is not trusted: ");
    v = judge_name((struct maker){.san = "DNS:srv.test"}, NULL, "srv.test", flags); /* H134 */
    REFUSED(v, TLS_FAIL_UNTRUSTED, "chain is not trusted: self-signed certificate");
    v = judge_name((struct maker){.san = "DNS:srv.test", .eku = "clientAuth"}, &ca, "srv.test",
                   flags); /* H150 */
    REFUSED(v, TLS_FAIL_UNTRUSTED, "chain is not trusted: ");
    v = judge_name((struct maker){.san = "DNS:srv.test", .eku = "serverAuth"}, &ca, "srv.test", flags);
    ACCEPTED(v);
    v = judge_name((struct maker){.san = "DNS:srv.test", .rsa_bits = 1024}, &ca, "srv.test",
                   flags); /* H153 */
    REFUSED(v, TLS_FAIL_UNTRUSTED, "chain is not trusted: ");
    v = judge_name((struct maker){.san = "DNS:srv.test", .rsa_bits = 2048}, &ca, "srv.test", flags);
    ACCEPTED(v);
}

static void intermediates(void)
{
    struct tls_peer peer = {.identity = "srv.test"};
    struct pair_cert leaf = make_cert((struct maker){.san = "DNS:srv.test"}, &inter);
    struct verdict v = judge(&leaf, &inter, peer, STRICT, NULL);
    ACCEPTED(v);
    v = judge(&leaf, NULL, peer, 0, NULL); /* H136 */
    REFUSED(v, TLS_FAIL_UNTRUSTED, "chain is not trusted: unable to get local issuer certificate");
    free_cert(&leaf);
    leaf = make_cert((struct maker){.san = "DNS:srv.test"}, &bound);
    v = judge(&leaf, &bound, peer, 0, NULL); /* H151 */
    REFUSED(v, TLS_FAIL_UNTRUSTED, "chain is not trusted: permitted subtree violation");
    struct pair_cert below = make_cert((struct maker){.san = "DNS:srv.test"}, &leaf);
    v = judge(&below, &leaf, peer, 0, NULL); /* H152 */
    REFUSED(v, TLS_FAIL_UNTRUSTED, "chain is not trusted: ");
    free_cert(&below);
    free_cert(&leaf);
    struct pair_cert old = make_cert((struct maker){.cn = "old", .ca = true, .from = -20, .to = -10}, &ca);
    leaf = make_cert((struct maker){.san = "DNS:srv.test"}, &old);
    v = judge(&leaf, &old, peer, 0, NULL);
    REFUSED(v, TLS_FAIL_EXPIRED, "issuer's certificate expired on 20");
    free_cert(&old);
    free_cert(&leaf);
}

static const char *save_crl(const char *name, const struct pair_cert *revoked)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *t = ASN1_TIME_set(NULL, time(NULL) - 60);
    X509_CRL_set_version(crl, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca.cert));
    X509_CRL_set1_lastUpdate(crl, t);
    ASN1_TIME_adj(t, time(NULL), 1, 0);
    X509_CRL_set1_nextUpdate(crl, t);
    if (revoked) {
        X509_REVOKED *r = X509_REVOKED_new();
        X509_REVOKED_set_serialNumber(r, X509_get_serialNumber(revoked->cert));
        ASN1_TIME_adj(t, time(NULL), -1, 0);
        X509_REVOKED_set_revocationDate(r, t);
        X509_CRL_add0_revoked(crl, r);
    }
    X509_CRL_sign(crl, ca.key, EVP_sha256());
    const char *path = pair_path(name);
    BIO *bio = BIO_new_file(path, "w");
    PEM_write_bio_X509_CRL(bio, crl);
    BIO_free(bio);
    ASN1_TIME_free(t);
    X509_CRL_free(crl);
    return path;
}

static void revocation(void)
{
    struct tls_peer peer = {.identity = "srv.test"};
    struct pair_cert leaf = make_cert((struct maker){.san = "DNS:srv.test"}, &ca);
    struct pair_cert by_inter = make_cert((struct maker){.san = "DNS:srv.test"}, &inter);
    struct verdict v = judge(&leaf, NULL, peer, 0, save_crl("crl.pem", NULL));
    ACCEPTED(v);
    v = judge(&leaf, NULL, peer, 0, save_crl("crl.pem", &leaf));
    REFUSED(v, TLS_FAIL_UNTRUSTED, "certificate is revoked");
    v = judge(&by_inter, &inter, peer, 0, pair_path("crl.pem"));
    REFUSED(v, TLS_FAIL_UNTRUSTED, "chain is not trusted: unable to get certificate CRL");
    free_cert(&leaf);
    free_cert(&by_inter);
}

static void pins(int flags)
{
    struct pair_cert leaf = make_cert((struct maker){.san = "DNS:srv.test"}, &ca);
    struct pair_cert foe = make_cert((struct maker){.san = "DNS:srv.test"}, &other_ca);
    uint8_t set[3][TLS_PIN_BYTES] = {{1}, {2}, {3}};
    size_t one[] = {2}, two[] = {2, 1}, empty[] = {0};
    spki_pin(&leaf, set[1]);
    struct tls_peer peer = {.identity = "srv.test", .pins = set, .pin_sets = one, .n_pin_sets = 1};
    struct verdict v = judge(&leaf, NULL, peer, flags, NULL);
    ACCEPTED(v);
    CHECK(memcmp(v.info.peer_spki, set[1], TLS_PIN_BYTES) == 0);
    v = judge(&foe, NULL, peer, flags | NO_CHAIN, NULL); /* H154 */
    REFUSED(v, TLS_FAIL_PIN, "no pin matches: the server's key is sha256//");
    CHECK_INT(strlen(v.error.text), strlen("no pin matches: the server's key is sha256//") + 44);
    v = judge(&foe, NULL, peer, flags, NULL);
    REFUSED(v, TLS_FAIL_UNTRUSTED, "");
    peer.pin_sets = two; /* the second set does not hold it */
    peer.n_pin_sets = 2;
    v = judge(&leaf, NULL, peer, flags, NULL);
    REFUSED(v, TLS_FAIL_PIN, "");
    memcpy(set[2], set[1], TLS_PIN_BYTES);
    v = judge(&leaf, NULL, peer, flags, NULL);
    ACCEPTED(v);
    peer.pin_sets = empty;
    peer.n_pin_sets = 1;
    v = judge(&leaf, NULL, peer, flags | NO_CHAIN, NULL);
    REFUSED(v, TLS_FAIL_PIN, "");
    spki_pin(&ca, set[0]); /* H155: the issuer's key is not the leaf's */
    set[1][0] ^= 1;
    peer.pin_sets = one;
    v = judge(&leaf, &ca, peer, flags | NO_CHAIN, NULL);
    REFUSED(v, TLS_FAIL_PIN, "");
    free_cert(&leaf);
    free_cert(&foe);
}

static void unchecked(int flags)
{
    struct verdict v = judge_name((struct maker){.san = "DNS:other.test", .to = -10, .from = -20}, &other_ca,
                                  "srv.test", NO_CHAIN | flags);
    ACCEPTED(v);
    CHECK_INT(v.finding.failure, TLS_FAIL_NONE);
    CHECK_STR(v.info.peer_name, "other.test");
}

static void observation(int flags)
{
    struct verdict v = judge_name((struct maker){.san = "DNS:other.test"}, &ca, "srv.test", OBSERVE | flags);
    ACCEPTED(v);
    CHECK_INT(v.finding.failure, TLS_FAIL_NAME);
    CHECK_STR(v.finding.text, "certificate is for other.test");
    v = judge_name((struct maker){.san = "DNS:srv.test"}, &other_ca, "srv.test", OBSERVE | flags);
    ACCEPTED(v);
    CHECK_INT(v.finding.failure, TLS_FAIL_UNTRUSTED);
    v = judge_name((struct maker){.san = "DNS:srv.test", .from = -20, .to = -10}, &ca, "srv.test",
                   OBSERVE | flags);
    ACCEPTED(v);
    CHECK_INT(v.finding.failure, TLS_FAIL_EXPIRED);
    v = judge_name((struct maker){.san = "DNS:srv.test"}, &ca, "srv.test", OBSERVE | flags);
    ACCEPTED(v);
    CHECK_INT(v.finding.failure, TLS_FAIL_NONE);
    CHECK_STR(v.finding.text, "");
    struct pair_cert leaf = make_cert((struct maker){.san = "DNS:srv.test"}, &ca);
    static const uint8_t wrong[1][TLS_PIN_BYTES];
    size_t sets[] = {1};
    v = judge(&leaf, NULL,
              (struct tls_peer){.identity = "srv.test", .pins = wrong, .pin_sets = sets, .n_pin_sets = 1},
              OBSERVE | flags, NULL);
    ACCEPTED(v);
    CHECK_INT(v.finding.failure, TLS_FAIL_PIN);
    free_cert(&leaf);
}

/* I13: what the environment says about trust is not asked. */
static void environment(void)
{
    char hashed[32];
    snprintf(hashed, sizeof hashed, "%08lx.0",
             X509_NAME_hash_ex(X509_get_subject_name(other_ca.cert), NULL, NULL, NULL));
    save_cert(hashed, &other_ca);
    setenv("SSL_CERT_FILE", save_cert("other.pem", &other_ca), 1);
    setenv("SSL_CERT_DIR", pair_dir, 1);
    setenv("SSLKEYLOGFILE", pair_path("keys"), 1);
    struct verdict v = judge_name((struct maker){.san = "DNS:srv.test"}, &other_ca, "srv.test", 0);
    REFUSED(v, TLS_FAIL_UNTRUSTED, "");
    struct pair p;
    struct pair_cert leaf = make_cert((struct maker){.san = "DNS:srv.test"}, &other_ca);
    struct tls_params system = {.check_chain = true};
    pair_server(&p, &leaf, NULL);
    if (pair_client(&p, &system, &(struct tls_peer){.identity = "srv.test"})) {
        CHECK_INT(pair_shake(&p), TLS_FAILED);
        CHECK_INT(p.e->error(p.tls)->failure, TLS_FAIL_UNTRUSTED);
    } else { /* a system without any trust store */
        CHECK_INT(p.error.failure, TLS_FAIL_SETUP);
    }
    pair_free(&p);
    free_cert(&leaf);
    CHECK(access(pair_path("keys"), F_OK) != 0);
    unsetenv("SSL_CERT_FILE");
    unsetenv("SSL_CERT_DIR");
    unsetenv("SSLKEYLOGFILE");
    unlink(pair_path(hashed));
}

int main(void)
{
    ca = make_cert((struct maker){.cn = "unit CA", .ca = true, .to = 400}, NULL);
    other_ca = make_cert((struct maker){.cn = "other CA", .ca = true}, NULL);
    inter = make_cert((struct maker){.cn = "issuing CA", .ca = true}, &ca);
    bound = make_cert(
        (struct maker){.cn = "bound CA", .ca = true, .constraints = "critical,permitted;DNS:in.test"}, &ca);
    keep_path(ca_file, sizeof ca_file, save_cert("ca.pem", &ca));
    for (int i = 0; i < 2; i++) {
        foreign = i;
        for (int flags = 0; flags <= TLS12; flags += TLS12) {
            names(flags);
            chains(flags);
            pins(flags);
            unchecked(flags);
            observation(flags);
        }
        names(STRICT);
        nul_name();
        addresses();
        identities();
        intermediates();
        revocation();
        environment();
    }
    free_cert(&ca);
    free_cert(&other_ca);
    free_cert(&inter);
    free_cert(&bound);
    static const char *const files[] = {"ca.pem", "other.pem", "crl.pem", NULL};
    pair_cleanup(files);
    return unit_done("tls_verify");
}
