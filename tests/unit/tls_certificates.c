/* SPDX-License-Identifier: MIT */
/* What the server showed: every part of a certificate, names, and the verdict of another context. */

#include <time.h>

#include "tests/unit/tls_pair.h"

static struct pair_cert ca, other_ca, inter;
static char ca_file[128], other_file[128];

/* A pair whose client asks for nothing: what it is told after the handshake is under test. */
static void meet(struct pair *p, const struct pair_cert *leaf, const struct pair_cert *chain, int max)
{
    struct tls_params params = {.min_version = TLS1_2_VERSION};
    pair_server(p, leaf, chain);
    SSL_CTX_set_max_proto_version(p->server_ctx, max);
    CHECK(pair_client(p, &params, &(struct tls_peer){.servername = "srv.test"}));
    CHECK_INT(pair_shake(p), TLS_DONE);
}

static size_t certificates(struct pair *p, struct tls_certificate *out, size_t max)
{
    return GUARDED(size_t, p->e->certificates(p->tls, out, max));
}

static bool fits(struct pair *p, const char *identity)
{
    return GUARDED(bool, p->e->fits(p->tls, identity));
}

static struct tls_error judge(struct pair *p, const struct tls_params *params, const struct tls_peer *peer)
{
    struct tls_error out;
    struct tls_context *context = p->e->context_new(params, &out);
    if (!context)
        return out;
    memset(&out, 0x5a, sizeof out);
    foreign_before();
    p->e->judge(p->tls, context, peer, &out);
    foreign_after();
    p->e->context_free(context);
    return out;
}

#define JUDGED(p, params_, peer_, class, words)                                                              \
    do {                                                                                                     \
        struct tls_error found_ = judge(p, &(struct tls_params)params_, &(struct tls_peer)peer_);            \
        CHECK_INT(found_.failure, class);                                                                    \
        CHECK(strncmp(found_.text, words, strlen(words)) == 0);                                              \
    } while (0)
#define P(...)                                                                                               \
    {                                                                                                        \
        .min_version = TLS1_2_VERSION, .check_chain = true, __VA_ARGS__                                      \
    }
#define W(...)                                                                                               \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }

static void chain(int max)
{
    struct pair p;
    struct tls_certificate c[2];
    struct pair_cert leaf = make_cert((struct maker){.san = "DNS:srv.test,URI:http://x.test/,IP:192.0.2.7,"
                                                            "IP:2001:db8::1,DNS:*.wild.test",
                                                     .to = 40},
                                      &inter);
    uint8_t pin[TLS_PIN_BYTES], digest[32];
    meet(&p, &leaf, &inter, max);
    memset(c, 0x5a, sizeof c);
    CHECK_INT(certificates(&p, c, 0), 2);
    CHECK_INT(c[0].n_names, SIZE_MAX / 0xff * 0x5a);
    CHECK_INT(certificates(&p, c, 2), 2);
    CHECK_STR(c[0].subject, "CN=leaf");
    CHECK_STR(c[0].issuer, "CN=issuing CA");
    static const char names[] = "srv.test\0"
                                "192.0.2.7\0"
                                "2001:db8::1\0"
                                "*.wild.test";
    CHECK_INT(c[0].n_names, 4);
    CHECK_INT(c[0].n_more, 0);
    CHECK(memcmp(c[0].names, names, sizeof names) == 0);
    CHECK_STR(c[0].key, "EC P-256");
    CHECK_STR(c[0].signature, "ecdsa-with-SHA256");
    long long now = time(NULL), day = 86400;
    CHECK(llabs(c[0].not_before - (now - day)) < 120);
    CHECK(llabs(c[0].not_after - (now + 40 * day)) < 120);
    spki_pin(&leaf, pin);
    CHECK(memcmp(c[0].spki, pin, sizeof pin) == 0);
    X509_digest(leaf.cert, EVP_sha256(), digest, NULL);
    CHECK(memcmp(c[0].sha256, digest, sizeof digest) == 0);
    CHECK(!c[0].self_issued);
    CHECK_STR(c[1].subject, "CN=issuing CA");
    CHECK_STR(c[1].issuer, "CN=unit CA");
    CHECK_INT(c[1].n_names, 0);
    CHECK(fits(&p, "srv.test") && fits(&p, "SRV.test.") && fits(&p, "a.wild.test") && fits(&p, "192.0.2.7"));
    CHECK(fits(&p, "2001:db8:0::1"));
    static const char *const strangers[] = {"test", "a.b.wild.test", "192.0.2.8", "leaf", "", ".test", "x"};
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
        CHECK(!fits(&p, strangers[i]));
    pair_free(&p);
    free_cert(&leaf);
}

static void kinds(void)
{
    struct pair p;
    struct tls_certificate c;
    struct pair_cert leaf = make_cert((struct maker){.cn = "a,b=\"c\"\\\x1b[31m", .rsa_bits = 2048}, NULL);
    meet(&p, &leaf, NULL, TLS1_3_VERSION);
    CHECK_INT(certificates(&p, &c, 1), 1);
    CHECK_STR(c.key, "RSA 2048");
    CHECK_STR(c.signature, "sha256WithRSAEncryption");
    CHECK_STR(c.subject, "CN=a\\,b=\\\"c\\\"\\\\\\1B[31m");
    CHECK(c.self_issued);
    CHECK_INT(c.n_names, 0);
    CHECK_INT(c.n_more, 0);
    pair_free(&p);
    free_cert(&leaf);
}

/* More names than there is room for are counted; one that is no host's does not hide the next. */
static void many_names(void)
{
    struct pair p;
    static struct tls_certificate c;
    char one[301];
    static char san[64 * 1024];
    size_t at = 0;
    memset(one, 1, sizeof one - 1); /* each byte is four as text */
    one[sizeof one - 1] = '\0';
    at += (size_t)snprintf(san, sizeof san, "DNS:%s", one);
    for (int i = 0; i < 1000; i++)
        at += (size_t)snprintf(san + at, sizeof san - at, ",DNS:host-%03d.srv.test", i);
    struct pair_cert leaf = make_cert((struct maker){.san = san}, &ca);
    meet(&p, &leaf, NULL, TLS1_3_VERSION);
    CHECK_INT(certificates(&p, &c, 1), 1);
    CHECK_INT(c.n_names, 227); /* of 18 bytes, in TLS_NAMES_BYTES */
    CHECK_INT(c.n_names + c.n_more, 1001);
    CHECK_STR(c.names, "host-000.srv.test");
    CHECK(fits(&p, "host-999.srv.test"));
    pair_free(&p);
    free_cert(&leaf);
}

/* What the network wrote does not reach a terminal as it is. */
static void hostile_names(void)
{
    struct pair p;
    struct tls_certificate c;
    struct pair_cert leaf = make_cert((struct maker){0}, &ca);
    GENERAL_NAMES *sans = GENERAL_NAMES_new();
    for (int i = 0; i < 2; i++) {
        GENERAL_NAME *san = GENERAL_NAME_new();
        ASN1_STRING *s = i ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
        ASN1_STRING_set(s, i ? "abc" : "a\0\x1b]0;\\\".test", i ? 3 : 13);
        GENERAL_NAME_set0_value(san, i ? GEN_IPADD : GEN_DNS, s);
        sk_GENERAL_NAME_push(sans, san);
    }
    X509_add1_ext_i2d(leaf.cert, NID_subject_alt_name, sans, 0, 0);
    X509_sign(leaf.cert, ca.key, EVP_sha256());
    meet(&p, &leaf, NULL, TLS1_3_VERSION);
    CHECK_INT(certificates(&p, &c, 1), 1);
    CHECK_INT(c.n_names, 2);
    CHECK_STR(c.names, "a\\x00\\x1b]0;\\x5c\\x22.test");
    CHECK_STR(c.names + strlen(c.names) + 1, "a malformed address");
    CHECK(!fits(&p, "a"));
    pair_free(&p);
    GENERAL_NAMES_free(sans);
    free_cert(&leaf);
}

static void verdicts(int max)
{
    struct pair p;
    struct pair_cert leaf = make_cert((struct maker){.san = "DNS:srv.test"}, &inter);
    uint8_t pin[2][TLS_PIN_BYTES] = {{0}};
    size_t sets[] = {1, 1};
    meet(&p, &leaf, &inter, max);
    JUDGED(&p, P(.ca = ca_file), W(.identity = "srv.test"), TLS_FAIL_NONE, "");
    JUDGED(&p, P(.ca = ca_file, .strict = true), W(.identity = "srv.test"), TLS_FAIL_NONE, "");
    JUDGED(&p, P(.ca = ca_file), W(0), TLS_FAIL_NONE, "");
    JUDGED(&p, P(.ca = ca_file), W(.identity = "other.test"), TLS_FAIL_NAME, "certificate is for srv.test");
    JUDGED(&p, P(.ca = ca_file), W(.identity = "192.0.2.7", .identity_is_address = true), TLS_FAIL_NAME, "");
    JUDGED(&p, P(.ca = ca_file), W(.identity = ".test"), TLS_FAIL_SETUP, "no host name");
    JUDGED(&p, P(.ca = other_file), W(.identity = "srv.test"), TLS_FAIL_UNTRUSTED, "chain is not trusted: ");
    JUDGED(&p, P(.ca = ca_file, .crl = "/nowhere"), W(0), TLS_FAIL_SETUP, "/nowhere: ");
    JUDGED(&p, {.min_version = TLS1_2_VERSION}, W(.identity = "other.test"), TLS_FAIL_NONE, "");
    memcpy(pin[0], (spki_pin(&leaf, pin[1]), pin[1]), sizeof pin[0]);
    JUDGED(&p, P(.ca = ca_file), W(.identity = "srv.test", .pins = pin, .pin_sets = sets, .n_pin_sets = 2),
           TLS_FAIL_NONE, "");
    pin[1][0] ^= 1;
    JUDGED(&p, P(.ca = ca_file), W(.identity = "srv.test", .pins = pin, .pin_sets = sets, .n_pin_sets = 2),
           TLS_FAIL_PIN, "no pin matches");
    JUDGED(&p, {.min_version = TLS1_2_VERSION}, W(.pins = pin + 1, .pin_sets = sets, .n_pin_sets = 1),
           TLS_FAIL_PIN, "no pin matches");
    /* none of this is the connection's own matter */
    struct tls_info info;
    p.e->info(p.tls, &info);
    CHECK_INT(info.finding.failure, TLS_FAIL_NONE);
    CHECK_INT(p.e->error(p.tls)->failure, TLS_FAIL_NONE);
    size_t n;
    CHECK_INT(p_write(&p, "still", 5, &n), TLS_DONE);
    char buf[8];
    CHECK_INT(server_read(&p, buf, sizeof buf), 5);
    pair_free(&p);
    free_cert(&leaf);
}

/* The same classes as in a handshake, which tls_verify knows. */
static void findings(void)
{
    struct pair p;
    struct pair_cert leaf = make_cert((struct maker){.san = "DNS:srv.test", .from = -20, .to = -10}, &ca);
    meet(&p, &leaf, NULL, TLS1_3_VERSION);
    JUDGED(&p, P(.ca = ca_file), W(.identity = "srv.test"), TLS_FAIL_EXPIRED, "certificate expired on 20");
    pair_free(&p);
    free_cert(&leaf);
    leaf = make_cert((struct maker){.san = "DNS:srv.test", .eku = "clientAuth"}, &ca);
    meet(&p, &leaf, NULL, TLS1_3_VERSION);
    JUDGED(&p, P(.ca = ca_file), W(.identity = "srv.test"), TLS_FAIL_UNTRUSTED, "chain is not trusted: ");
    pair_free(&p);
    free_cert(&leaf);
    leaf = make_cert((struct maker){.san = "DNS:srv.test", .rsa_bits = 1024}, &ca); /* weak for level 2 */
    meet(&p, &leaf, NULL, TLS1_2_VERSION);
    JUDGED(&p, P(.ca = ca_file), W(.identity = "srv.test"), TLS_FAIL_UNTRUSTED, "chain is not trusted: ");
    pair_free(&p);
    free_cert(&leaf);
}

static void before(void)
{
    struct pair p;
    struct tls_certificate c;
    struct pair_cert leaf = make_cert((struct maker){.san = "DNS:srv.test"}, &ca);
    struct tls_params params = {.min_version = TLS1_2_VERSION};
    pair_server(&p, &leaf, NULL);
    CHECK(pair_client(&p, &params, &(struct tls_peer){.servername = "srv.test"}));
    CHECK_INT(certificates(&p, &c, 1), 0);
    CHECK(!fits(&p, "srv.test"));
    JUDGED(&p, P(.ca = ca_file), W(.identity = "srv.test"), TLS_FAIL_PROTOCOL, "the server showed no");
    CHECK_INT(pair_shake(&p), TLS_DONE);
    CHECK_INT(certificates(&p, &c, 1), 1);
    pair_free(&p);
    free_cert(&leaf);
}

int main(void)
{
    ca = make_cert((struct maker){.cn = "unit CA", .ca = true, .to = 400}, NULL);
    other_ca = make_cert((struct maker){.cn = "other CA", .ca = true}, NULL);
    inter = make_cert((struct maker){.cn = "issuing CA", .ca = true}, &ca);
    keep_path(ca_file, sizeof ca_file, save_cert("ca.pem", &ca));
    keep_path(other_file, sizeof other_file, save_cert("other.pem", &other_ca));
    for (int i = 0; i < 2; i++) {
        foreign = i;
        chain(TLS1_3_VERSION);
        chain(TLS1_2_VERSION);
        verdicts(TLS1_3_VERSION);
        verdicts(TLS1_2_VERSION);
        kinds();
        many_names();
        hostile_names();
        findings();
        before();
    }
    free_cert(&ca);
    free_cert(&other_ca);
    free_cert(&inter);
    static const char *const files[] = {"ca.pem", "other.pem", NULL};
    pair_cleanup(files);
    return unit_done("tls_certificates");
}
