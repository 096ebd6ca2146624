/* SPDX-License-Identifier: MIT */
/* A chain that was found good is not computed again; all else about the peer is judged again. Nobody is
 * trusted any more after the first handshake here, so that only what is remembered can say yes. */
#include "shim/tls/context.h"
#include "tests/unit/tls_pair.h"

static struct pair_cert ca, inter, other_inter, leaf, twin;
static char ca_file[128];

static struct tls_context *context_of(struct tls_params params)
{
    struct tls_error error = {0};
    params.ca = ca_file;
    params.min_version = TLS1_2_VERSION;
    struct tls_context *context =
        GUARDED(struct tls_context *, tlsup_tls_engine()->context_new(&params, &error));
    CHECK_STR(error.text, "");
    return context;
}

static void trust_nobody(struct tls_context *context)
{
    X509_STORE *empty = X509_STORE_new();
    SSL_CTX_set1_verify_cert_store(context->ctx, empty);
    X509_STORE_free(empty);
}

/* A handshake; how it failed. */
static enum tls_failure shake(struct tls_context *context, const struct pair_cert *cert,
                              const struct pair_cert *chain, struct tls_peer peer)
{
    struct pair p;
    pair_server(&p, cert, chain);
    pair_start(&p);
    p.tls = GUARDED(struct tls *, p.e->open(context, 0, &link_io, &peer, &p.error));
    enum tls_result r = pair_shake(&p);
    enum tls_failure failure = r == TLS_DONE ? TLS_FAIL_NONE : p.e->error(p.tls)->failure;
    CHECK(r == TLS_DONE || r == TLS_FAILED);
    pair_free(&p);
    return failure;
}

static const struct tls_peer srv = {.identity = "srv.test"};

static void test_remembered(void)
{
    struct tls_context *context = context_of((struct tls_params){.check_chain = true});
    CHECK_INT(shake(context, &leaf, &inter, srv), TLS_FAIL_NONE);
    trust_nobody(context);
    for (int i = 0; i < 3; i++)
        CHECK_INT(shake(context, &leaf, &inter, srv), TLS_FAIL_NONE);
    /* another certificate for the same name; the same one, sent with another issuer, with more, or alone */
    CHECK_INT(shake(context, &twin, &inter, srv), TLS_FAIL_UNTRUSTED);
    CHECK_INT(shake(context, &leaf, &other_inter, srv), TLS_FAIL_UNTRUSTED);
    CHECK_INT(shake(context, &leaf, NULL, srv), TLS_FAIL_UNTRUSTED);
    CHECK_INT(shake(context, &leaf, &inter, srv), TLS_FAIL_NONE);
    tlsup_tls_engine()->context_free(context);
}

static void test_peer(void)
{
    static const size_t one[] = {1};
    uint8_t right[1][TLS_PIN_BYTES], wrong[1][TLS_PIN_BYTES];
    spki_pin(&leaf, right[0]);
    spki_pin(&twin, wrong[0]);
    struct tls_context *context = context_of((struct tls_params){.check_chain = true});
    CHECK_INT(shake(context, &leaf, &inter, srv), TLS_FAIL_NONE);
    /* who it must be: judged with those who vouch, to say what is wrong */
    CHECK_INT(shake(context, &leaf, &inter, (struct tls_peer){.identity = "other.test"}), TLS_FAIL_NAME);
    CHECK_INT(shake(context, &leaf, &inter,
                    (struct tls_peer){.identity = "127.0.0.1", .identity_is_address = true}),
              TLS_FAIL_NAME);
    trust_nobody(context);
    CHECK_INT(shake(context, &leaf, &inter, (struct tls_peer){.identity = "other.test"}), TLS_FAIL_UNTRUSTED);
    struct tls_peer pinned = {.identity = "srv.test", .pins = wrong, .pin_sets = one, .n_pin_sets = 1};
    CHECK_INT(shake(context, &leaf, &inter, pinned), TLS_FAIL_PIN);
    pinned.pins = right;
    CHECK_INT(shake(context, &leaf, &inter, pinned), TLS_FAIL_NONE);
    CHECK_INT(shake(context, &leaf, &inter, (struct tls_peer){0}), TLS_FAIL_NONE);
    tlsup_tls_engine()->context_free(context);
}

/* For a minute, and not beyond what a certificate of the chain says. */
static void test_times(void)
{
    struct tls_context *context = context_of((struct tls_params){.check_chain = true});
    int64_t now = time(NULL), end = 0;
    CHECK_INT(shake(context, &leaf, &inter, srv), TLS_FAIL_NONE);
    const struct known_chain c = context->known.at[0];
    CHECK(c.from >= now && c.from <= now + 5 && c.until > now && c.until <= now + 5 + KNOWN_AGE_S);
    CHECK(c.end > now + 86400 && c.end < now + 31 * 86400);
    CHECK(known_good(&context->known, c.digest, c.from, &end) && end == c.end);
    CHECK(known_good(&context->known, c.digest, c.until - 1, &end));
    CHECK(!known_good(&context->known, c.digest, c.from - 1, &end));
    CHECK(!known_good(&context->known, c.digest, c.until, &end));
    tlsup_tls_engine()->context_free(context);

    struct pair_cert soon = make_cert((struct maker){.san = "DNS:srv.test"}, &inter);
    X509_gmtime_adj(X509_getm_notAfter(soon.cert), 20);
    X509_sign(soon.cert, inter.key, EVP_sha256());
    context = context_of((struct tls_params){.check_chain = true});
    CHECK_INT(shake(context, &soon, &inter, srv), TLS_FAIL_NONE);
    CHECK(context->known.at[0].until == context->known.at[0].end && context->known.at[0].end <= now + 30);
    context->known.at[0].until = 1;
    trust_nobody(context);
    CHECK_INT(shake(context, &soon, &inter, srv), TLS_FAIL_UNTRUSTED);
    tlsup_tls_engine()->context_free(context);
    free_cert(&soon);
}

/* Nothing is remembered where nothing is judged, where all that is found is to be reported, and of what
 * failed. */
static void test_not_remembered(void)
{
    const struct tls_params others[] = {{.check_chain = false}, {.check_chain = true, .observe = true}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct tls_context *context = context_of(others[i]);
        CHECK_INT(shake(context, &leaf, &inter, srv), TLS_FAIL_NONE);
        CHECK_INT(context->known.next, 0);
        tlsup_tls_engine()->context_free(context);
    }
    struct tls_context *context = context_of((struct tls_params){.check_chain = true});
    CHECK_INT(shake(context, &leaf, &other_inter, srv), TLS_FAIL_UNTRUSTED);
    CHECK_INT(shake(context, &leaf, &inter, (struct tls_peer){.identity = "other.test"}), TLS_FAIL_NAME);
    CHECK_INT(context->known.next, 0);
    for (unsigned i = 0; i < 2 * KNOWN_CHAINS; i++) {
        struct pair_cert another = make_cert((struct maker){.san = "DNS:srv.test"}, &inter);
        CHECK_INT(shake(context, &another, &inter, srv), TLS_FAIL_NONE);
        CHECK_INT(context->known.next, i + 1);
        free_cert(&another);
    }
    tlsup_tls_engine()->context_free(context);
}

int main(void)
{
    ca = make_cert((struct maker){.cn = "ca", .ca = true}, NULL);
    inter = make_cert((struct maker){.cn = "inter", .ca = true}, &ca);
    other_inter = make_cert((struct maker){.cn = "other", .ca = true}, &ca);
    leaf = make_cert((struct maker){.san = "DNS:srv.test"}, &inter);
    twin = make_cert((struct maker){.san = "DNS:srv.test"}, &inter);
    keep_path(ca_file, sizeof ca_file, save_cert("ca.pem", &ca));
    test_remembered();
    test_peer();
    test_times();
    test_not_remembered();
    free_cert(&ca);
    free_cert(&inter);
    free_cert(&other_inter);
    free_cert(&leaf);
    free_cert(&twin);
    pair_cleanup((const char *const[]){"ca.pem", NULL});
    return unit_done("tls_known");
}
