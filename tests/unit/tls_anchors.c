/* SPDX-License-Identifier: MIT */
/*
 * Anchors that are parsed when they are asked for, beside OpenSSL's own reader that parses all: the same
 * chains hold, and the same ones do not.
 */
#include "shim/tls/anchors.h"
#include "shim/tls/subject.h"
#include "tests/unit/tls_pair.h"

#define SYSTEM_BUNDLE "/etc/ssl/certs/ca-certificates.crt"

static char file[128];

/* ---- a file, block by block ---- */

static FILE *begin_file(void)
{
    keep_path(file, sizeof file, pair_path("anchors.pem"));
    return fopen(file, "w");
}

static void put_cert(FILE *f, X509 *cert, const char *eol)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    PEM_write_bio_X509(bio, cert);
    long len = BIO_get_mem_data(bio, &text);
    for (long i = 0; i < len; i++)
        if (text[i] == '\n')
            fputs(eol, f);
        else
            fputc(text[i], f);
    BIO_free(bio);
}

static void save(const struct pair_cert *const *certs)
{
    FILE *f = begin_file();
    for (; *certs; certs++)
        put_cert(f, (*certs)->cert, "\n");
    fclose(f);
}

#define SAVE(...) save((const struct pair_cert *const[]){__VA_ARGS__, NULL})

/* ---- two stores, one question ---- */

static X509_STORE *lazy_store(enum anchors_broken broken)
{
    struct tls_error error = {0};
    X509_STORE *store = X509_STORE_new();
    bool ok = anchors_add(store, file, broken, &error);
    CHECK_STR(error.text, "");
    CHECK(ok);
    return store;
}

static X509_STORE *eager_store(void)
{
    X509_STORE *store = X509_STORE_new();
    CHECK(X509_STORE_load_file(store, file) == 1);
    return store;
}

static int parsed(X509_STORE *store)
{
    return sk_X509_OBJECT_num(X509_STORE_get0_objects(store));
}

/* What OpenSSL says of the leaf: X509_V_OK, or why not. */
static int verdict(X509_STORE *store, X509 *leaf, X509 *between)
{
    STACK_OF(X509) *more = sk_X509_new_null();
    if (between)
        sk_X509_push(more, between);
    X509_STORE_CTX *walk = X509_STORE_CTX_new();
    X509_STORE_CTX_init(walk, store, leaf, more);
    X509_STORE_CTX_set_default(walk, "ssl_server");
    X509_verify_cert(walk);
    int code = X509_STORE_CTX_get_error(walk);
    X509_STORE_CTX_free(walk);
    sk_X509_free(more);
    ERR_clear_error();
    return code;
}

static void expect(const struct pair_cert *leaf, const struct pair_cert *between, int code)
{
    X509_STORE *lazy = lazy_store(ANCHORS_REFUSE), *eager = eager_store();
    X509 *more = between ? between->cert : NULL;
    for (int i = 0; i < 2; i++) {
        CHECK_INT(verdict(lazy, leaf->cert, more), code);
        CHECK_INT(verdict(eager, leaf->cert, more), code);
    }
    X509_STORE_free(lazy);
    X509_STORE_free(eager);
}

/* ---- certificates ---- */

static struct pair_cert root, other, leaf, foreign_leaf;

static struct pair_cert named_ca(const char *cn, int type)
{
    struct pair_cert c = make_cert((struct maker){.cn = "x", .ca = true}, NULL);
    X509_NAME *name = X509_NAME_new();
    X509_NAME_add_entry_by_NID(name, NID_commonName, type, (const unsigned char *)cn, -1, -1, 0);
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const unsigned char *)"Some  Trust", -1, -1, 0);
    X509_set_subject_name(c.cert, name);
    X509_set_issuer_name(c.cert, name);
    X509_sign(c.cert, c.key, EVP_sha256());
    X509_NAME_free(name);
    return c;
}

/* A leaf of `ca` that spells its issuer's name in another way. */
static struct pair_cert spelled_leaf(const struct pair_cert *ca, const char *cn, int len, int type,
                                     const char *o)
{
    struct pair_cert c = make_cert((struct maker){.san = "DNS:srv.test"}, ca);
    X509_NAME *name = X509_NAME_new();
    X509_NAME_add_entry_by_NID(name, NID_commonName, type, (const unsigned char *)cn, len, -1, 0);
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const unsigned char *)o, -1, -1, 0);
    X509_set_issuer_name(c.cert, name);
    X509_sign(c.cert, ca->key, EVP_sha256());
    X509_NAME_free(name);
    return c;
}

/* ---- tests ---- */

static void only_what_is_asked_for(void)
{
    SAVE(&other, &root);
    X509_STORE *store = lazy_store(ANCHORS_REFUSE);
    CHECK_INT(parsed(store), 0);
    CHECK_INT(verdict(store, foreign_leaf.cert, NULL), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    CHECK_INT(parsed(store), 0);
    CHECK_INT(verdict(store, leaf.cert, NULL), X509_V_OK);
    CHECK_INT(parsed(store), 1);
    unlink(file); /* what counts is what stood there when the store was made */
    struct pair_cert third = make_cert((struct maker){.san = "DNS:srv.test"}, &other);
    CHECK_INT(verdict(store, third.cert, NULL), X509_V_OK);
    CHECK_INT(parsed(store), 2);
    free_cert(&third);
    X509_STORE_free(store);
}

/* A bundle that is written anew while it is in use, by rename or in place. */
static void replaced_meanwhile(void)
{
    SAVE(&root);
    X509_STORE *before = lazy_store(ANCHORS_REFUSE);
    SAVE(&other);
    CHECK_INT(verdict(before, leaf.cert, NULL), X509_V_OK);
    expect(&leaf, NULL, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    CHECK_INT(truncate(file, 0), 0);
    X509_STORE_free(before);
}

static void one_name_many_keys(void)
{
    struct maker m = {.cn = "rolled CA", .ca = true};
    struct pair_cert cas[3] = {make_cert(m, NULL), make_cert(m, NULL), make_cert(m, NULL)};
    for (int i = 0; i < 3; i++) {
        struct pair_cert of = make_cert((struct maker){.san = "DNS:srv.test"}, &cas[i]);
        SAVE(&cas[0], &other, &cas[1], &cas[2], &cas[1]); /* one stands there twice */
        expect(&of, NULL, X509_V_OK);
        SAVE(&cas[(i + 1) % 3], &cas[(i + 2) % 3]);
        X509_STORE *lazy = lazy_store(ANCHORS_REFUSE), *eager = eager_store();
        int code = verdict(lazy, of.cert, NULL);
        CHECK(code != X509_V_OK);
        CHECK_INT(code, verdict(eager, of.cert, NULL));
        X509_STORE_free(lazy);
        X509_STORE_free(eager);
        free_cert(&of);
    }
    for (int i = 0; i < 3; i++)
        free_cert(&cas[i]);
}

/* An old one that has run out beside a new one of the same name and key. */
static void renewed(void)
{
    struct pair_cert old =
        make_cert((struct maker){.cn = "renewed CA", .ca = true, .from = -20, .to = -5}, NULL);
    struct pair_cert new = {X509_dup(old.cert), NULL};
    X509_gmtime_adj(X509_getm_notAfter(new.cert), 86400);
    X509_sign(new.cert, old.key, EVP_sha256());
    struct pair_cert of = make_cert((struct maker){.san = "DNS:srv.test"}, &old);
    SAVE(&old, &new);
    expect(&of, NULL, X509_V_OK);
    SAVE(&new, &old);
    expect(&of, NULL, X509_V_OK);
    SAVE(&old);
    expect(&of, NULL, X509_V_ERR_CERT_HAS_EXPIRED);
    free_cert(&of);
    free_cert(&new);
    free_cert(&old);
}

static void cross_signed(void)
{
    struct maker m = {.cn = "between", .ca = true};
    struct pair_cert by_root = make_cert(m, &root), by_other = {X509_dup(by_root.cert), NULL};
    X509_set_issuer_name(by_other.cert, X509_get_subject_name(other.cert));
    int at = X509_get_ext_by_NID(by_other.cert, NID_authority_key_identifier, -1);
    X509_EXTENSION_free(X509_delete_ext(by_other.cert, at));
    X509_sign(by_other.cert, other.key, EVP_sha256());
    struct pair_cert of = make_cert((struct maker){.san = "DNS:srv.test"}, &by_root);
    SAVE(&root);
    expect(&of, &by_root, X509_V_OK);
    expect(&of, NULL, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    SAVE(&root, &by_root); /* one between among the anchors */
    expect(&of, NULL, X509_V_OK);
    SAVE(&other, &by_other, &by_root, &root);
    expect(&of, NULL, X509_V_OK);
    expect(&of, &by_other, X509_V_OK);
    SAVE(&by_root); /* it alone is not enough: no X509_V_FLAG_PARTIAL_CHAIN */
    expect(&of, NULL, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT);
    free_cert(&of);
    free_cert(&by_root);
    free_cert(&by_other);
}

static void spellings(void)
{
    static const struct {
        const char *there, *asked, *o;
        int there_type, asked_type;
        bool same;
    } rows[] = {
        {"Unit Root", "Unit Root", "Some  Trust", V_ASN1_UTF8STRING, V_ASN1_PRINTABLESTRING, true},
        {"Unit Root", "unit ROOT", "some trust", V_ASN1_UTF8STRING, V_ASN1_PRINTABLESTRING, true},
        {"Unit Root", " Unit \t  Root  ", "Some Trust ", V_ASN1_PRINTABLESTRING, V_ASN1_IA5STRING, true},
        {"Unit Root", "\0U\0n\0i\0t\0 \0R\0o\0o\0t", "Some  Trust", V_ASN1_UTF8STRING, V_ASN1_BMPSTRING,
         true},
        {"M\xc3\xbcnchen", "M\xfcnchen", "Some  Trust", V_ASN1_UTF8STRING, V_ASN1_T61STRING, true},
        {"M\xc3\xbcnchen", "M\xc3\xb6nchen", "Some  Trust", V_ASN1_UTF8STRING, V_ASN1_UTF8STRING, false},
        {"Unit Root", "UnitRoot", "Some  Trust", V_ASN1_UTF8STRING, V_ASN1_UTF8STRING, false},
        {"Unit Root", "Unit Root", "SomeTrust", V_ASN1_UTF8STRING, V_ASN1_UTF8STRING, false},
        {"12 3", "12 3", "Some  Trust", V_ASN1_NUMERICSTRING, V_ASN1_NUMERICSTRING, true},
        {"123", "123", "Some  Trust", V_ASN1_NUMERICSTRING, V_ASN1_UTF8STRING, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool wide = rows[i].asked_type == V_ASN1_BMPSTRING;
        struct pair_cert ca = named_ca(rows[i].there, rows[i].there_type);
        struct pair_cert of = spelled_leaf(&ca, rows[i].asked, wide ? 18 : -1, rows[i].asked_type, rows[i].o);
        SAVE(&other, &ca, &root);
        expect(&of, NULL, rows[i].same ? X509_V_OK : X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
        free_cert(&of);
        free_cert(&ca);
    }
}

/* OpenSSL's own notes of what a certificate is trusted for count. */
static void trusted_blocks(void)
{
    for (int allowed = 0; allowed < 2; allowed++) {
        X509 *noted = X509_dup(root.cert);
        ASN1_OBJECT *use = OBJ_nid2obj(allowed ? NID_server_auth : NID_email_protect);
        X509_add1_trust_object(noted, use);
        FILE *f = begin_file();
        BIO *bio = BIO_new_fp(f, BIO_NOCLOSE);
        PEM_write_bio_X509_AUX(bio, noted);
        BIO_free(bio);
        fclose(f);
        expect(&leaf, NULL, allowed ? X509_V_OK : X509_V_ERR_CERT_REJECTED);
        X509_free(noted);
    }
}

static void shapes(void)
{
    static const char *const eols[] = {"\n", "\r\n", "  \n", "\t\r\n"};
    for (size_t i = 0; i < sizeof eols / sizeof *eols; i++) {
        FILE *f = begin_file();
        put_cert(f, other.cert, eols[i]);
        put_cert(f, root.cert, eols[i]);
        fclose(f);
        expect(&leaf, NULL, X509_V_OK);
    }
    FILE *f = begin_file(); /* what people have in their files */
    fputs("\xef\xbb\xbf# roots\n\n subject=/CN=x -----BEGIN CERTIFICATE-----\n", f);
    BIO *bio = BIO_new_fp(f, BIO_NOCLOSE);
    PEM_write_bio_PrivateKey(bio, other.key, NULL, NULL, 0, NULL, NULL);
    PEM_write_bio_PUBKEY(bio, other.key);
    BIO_free(bio);
    fputs("-----BEGIN NONSENSE-----\nAAAA\n-----END NONSENSE-----\njunk \x01\xff\n", f);
    put_cert(f, other.cert, "\n");
    fputs("between\n", f);
    put_cert(f, root.cert, "\n");
    fclose(f);
    expect(&leaf, NULL, X509_V_OK);
}

static void write_around(const char *broken)
{
    FILE *f = begin_file();
    put_cert(f, other.cert, "\n");
    fputs(broken, f);
    put_cert(f, root.cert, "\n");
    fclose(f);
}

/* A block that is none takes nothing from the others of a bundle; in a rule's own file somebody should know.
 */
static void broken_elsewhere(void)
{
    static const char *const broken[] = {
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMIIB!!!!\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQQ\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQQ\n",
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct tls_error error = {0};
        write_around(broken[i]);
        X509_STORE *store = lazy_store(ANCHORS_SKIP);
        int code = verdict(store, leaf.cert, NULL);
        /* without its END it swallows the next one, as it does with OpenSSL's reader */
        CHECK(code == X509_V_OK || i == 4);
        X509_STORE_free(store);
        store = X509_STORE_new();
        CHECK(!anchors_add(store, file, ANCHORS_REFUSE, &error));
        CHECK_INT(error.failure, TLS_FAIL_SETUP);
        CHECK(strstr(error.text, "anchors.pem: unusable certificate: "));
        X509_STORE_free(store);
        ERR_clear_error();
    }
}

/* Broken where only a parser sees it: it is no anchor, and nothing else happens. */
static void broken_inside(void)
{
    struct pair_cert same = make_cert((struct maker){.cn = "unit root", .ca = true}, NULL);
    unsigned char *der = NULL, *base64 = malloc(8192);
    int len = i2d_X509(same.cert, &der);
    der[len / 2] ^= 0xff; /* in the public key */
    der[len - 40] ^= 0xff;
    EVP_EncodeBlock(base64, der, len - 30);
    FILE *f = begin_file();
    fprintf(f, "-----BEGIN CERTIFICATE-----\n");
    for (const char *at = (const char *)base64; *at; at += strnlen(at, 64))
        fprintf(f, "%.64s\n", at);
    fprintf(f, "-----END CERTIFICATE-----\n");
    put_cert(f, root.cert, "\n");
    fclose(f);
    X509_STORE *store = lazy_store(ANCHORS_REFUSE);
    CHECK_INT(verdict(store, leaf.cert, NULL), X509_V_OK);
    X509_STORE_free(store);
    OPENSSL_free(der);
    free(base64);
    free_cert(&same);
}

static void empty(void)
{
    struct tls_error error = {0};
    X509_STORE *store = X509_STORE_new();
    fclose(begin_file());
    CHECK(!anchors_add(store, file, ANCHORS_SKIP, &error));
    CHECK(strstr(error.text, "anchors.pem: no certificate in this file"));
    X509_STORE_free(store);
}

/* Every root of this system is found by its name, and by nobody else's. */
static void system_bundle(void)
{
    keep_path(file, sizeof file, SYSTEM_BUNDLE);
    if (access(file, R_OK) != 0) {
        puts("tls_anchors: no " SYSTEM_BUNDLE " here");
        return;
    }
    X509_STORE *eager = eager_store(), *lazy = lazy_store(ANCHORS_REFUSE);
    STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(eager);
    int n = sk_X509_OBJECT_num(all);
    CHECK(n > 100);
    X509_STORE_CTX *walk = X509_STORE_CTX_new();
    X509_STORE_CTX_init(walk, lazy, NULL, NULL);
    for (int i = 0; i < n; i++) {
        X509 *one = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i));
        X509_OBJECT *found =
            X509_STORE_CTX_get_obj_by_subject(walk, X509_LU_X509, X509_get_subject_name(one));
        CHECK(found && X509_NAME_cmp(X509_get_subject_name(X509_OBJECT_get0_X509(found)),
                                     X509_get_subject_name(one)) == 0);
        CHECK(parsed(lazy) <= i + 2); /* a name may have two */
        X509_OBJECT_free(found);
    }
    CHECK_INT(parsed(lazy), n);
    for (int i = 0; i < n; i++)
        CHECK(X509_OBJECT_retrieve_match(X509_STORE_get0_objects(lazy), sk_X509_OBJECT_value(all, i)) !=
              NULL);
    X509_STORE_CTX_free(walk);
    X509_STORE_free(lazy);
    X509_STORE_free(eager);
}

/* Whatever the bytes are, nothing is read beyond them (under the sanitizers). */
static void cut_and_bent(void)
{
    unsigned char *der = NULL;
    uint64_t whole = 0, is = 0;
    int len = i2d_X509(root.cert, &der);
    CHECK(subject_of_certificate(der, (size_t)len, &whole));
    for (int i = 0; i < len; i++) {
        uint8_t *part = malloc((size_t)i + 1);
        memcpy(part, der, (size_t)i);
        if (subject_of_certificate(part, (size_t)i, &is))
            CHECK(is == whole);
        free(part);
        for (int bit = 0; bit < 8; bit++) {
            der[i] ^= (unsigned char)(1 << bit);
            subject_of_certificate(der, (size_t)len, &is);
            der[i] ^= (unsigned char)(1 << bit);
        }
    }
    OPENSSL_free(der);
}

int main(void)
{
    if (!tlsup_tls_engine())
        return 1;
    root = make_cert((struct maker){.cn = "unit root", .ca = true}, NULL);
    other = make_cert((struct maker){.cn = "other root", .ca = true}, NULL);
    leaf = make_cert((struct maker){.san = "DNS:srv.test"}, &root);
    struct pair_cert stranger = make_cert((struct maker){.cn = "stranger", .ca = true}, NULL);
    foreign_leaf = make_cert((struct maker){.san = "DNS:srv.test"}, &stranger);
    only_what_is_asked_for();
    replaced_meanwhile();
    one_name_many_keys();
    renewed();
    cross_signed();
    spellings();
    trusted_blocks();
    shapes();
    broken_elsewhere();
    broken_inside();
    empty();
    cut_and_bent();
    free_cert(&root);
    free_cert(&other);
    free_cert(&leaf);
    free_cert(&foreign_leaf);
    free_cert(&stranger);
    static const char *const files[] = {"anchors.pem", NULL};
    pair_cleanup(files);
    system_bundle();
    return unit_done("tls_anchors");
}
