/* SPDX-License-Identifier: MIT */
#include "shim/tls/anchors.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "shim/tls/error.h"
#include "shim/tls/pem.h"
#include "shim/tls/subject.h"

#define HEAD_BYTES 512U  /* of a certificate, in which nearly every subject ends */
#define HEAD_MAX   2048U /* one that does not end here either is parsed at once */

/* A block of the file that nobody has asked for. */
struct anchor {
    uint64_t subject;
    uint32_t at, len; /* from BEGIN through END */
};

struct anchors {
    struct pem_content file;
    struct anchor *all;
    size_t n, room;
};

static void anchors_free(struct anchors *a)
{
    if (!a)
        return;
    pem_content_free(&a->file);
    free(a->all);
    free(a);
}

/* ---- blocks (RFC 7468 section 2) ---- */

struct block {
    const char *begin, *body, *end; /* end: behind the END line, or of the file */
};

static bool starts(const char *at, const char *end, const char *with)
{
    size_t len = strlen(with);
    return (size_t)(end - at) >= len && memcmp(at, with, len) == 0;
}

/* The next line that starts so, with a hyphen, which base64 has none of; NULL: none. `at` begins a line. */
static const char *find_line(const char *at, const char *end, const char *with)
{
    const char *begin = at;
    while ((at = memchr(at, '-', (size_t)(end - at)))) {
        if ((at == begin || at[-1] == '\n') && starts(at, end, with))
            return at;
        at++;
    }
    return NULL;
}

static const char *next_line(const char *at, const char *end)
{
    const char *nl = memchr(at, '\n', (size_t)(end - at));
    return nl ? nl + 1 : end;
}

/* What OpenSSL's reader takes for a trust anchor, with or without its own notes of what it is trusted for. */
static bool is_certificate(const char *begin, const char *end)
{
    static const char *const labels[] = {PEM_STRING_X509, PEM_STRING_X509_OLD, PEM_STRING_X509_TRUSTED};
    const char *label = begin + strlen("-----BEGIN ");
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        if (starts(label, end, labels[i]) && starts(label + strlen(labels[i]), end, "-----"))
            return true;
    return false;
}

/* *at goes behind it. */
static bool next_block(const char **at, const char *end, struct block *b)
{
    while ((b->begin = find_line(*at, end, "-----BEGIN "))) {
        b->body = next_line(b->begin, end);
        const char *last = find_line(b->body, end, "-----END ");
        *at = b->end = last ? next_line(last, end) : end;
        if (is_certificate(b->begin, end))
            return true;
    }
    return false;
}

/* ---- whose it is ---- */

/* RFC 4648 section 4: a character's value and one, 0 if it is none. */
static const uint8_t sextets[256] = {
    ['A'] = 1, 2,  3,  4,  5,          6,  7,  8,  9,  10, 11,         12, 13, 14, 15,         16,
    17,        18, 19, 20, 21,         22, 23, 24, 25, 26, ['a'] = 27, 28, 29, 30, 31,         32,
    33,        34, 35, 36, 37,         38, 39, 40, 41, 42, 43,         44, 45, 46, 47,         48,
    49,        50, 51, 52, ['0'] = 53, 54, 55, 56, 57, 58, 59,         60, 61, 62, ['+'] = 63, ['/'] = 64,
};

/* The first bytes of the block's base64, at most cap. What is no base64 ends it. */
static size_t decode_head(const struct block *b, uint8_t *out, size_t cap)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t n = 0;
    for (const char *at = b->body; at < b->end && n < cap; at++) {
        uint8_t value = sextets[(uint8_t)*at];
        if (!value && (*at == '\n' || *at == '\r'))
            continue;
        if (!value)
            break;
        bits = bits << 6 | (value - 1U);
        have += 6;
        if (have < 8)
            continue;
        have -= 8;
        out[n++] = (uint8_t)(bits >> have);
    }
    return n;
}

static bool read_subject(const struct block *b, uint64_t *out)
{
    uint8_t head[HEAD_BYTES];
    if (subject_of_certificate(head, decode_head(b, head, sizeof head), out))
        return true;
    uint8_t *more = malloc(HEAD_MAX);
    bool ok = more && subject_of_certificate(more, decode_head(b, more, HEAD_MAX), out);
    free(more);
    return ok;
}

/* ---- the file ---- */

static bool note(struct anchors *a, const struct block *b, uint64_t subject, struct tls_error *error)
{
    if (a->n == a->room) {
        size_t room = a->room ? a->room * 2 : 16;
        struct anchor *more = realloc(a->all, room * sizeof *more);
        if (!more) {
            error_set(error, TLS_FAIL_MEMORY, "out of memory");
            return false;
        }
        a->all = more;
        a->room = room;
    }
    a->all[a->n++] =
        (struct anchor){subject, (uint32_t)(b->begin - a->file.bytes), (uint32_t)(b->end - b->begin)};
    return true;
}

/* With OpenSSL's own reader, which knows what else a block may hold. */
static X509 *parse(const char *at, size_t len)
{
    BIO *bio = BIO_new_mem_buf(at, (int)len);
    X509 *cert = bio ? PEM_read_bio_X509_AUX(bio, NULL, pem_no_passphrase, NULL) : NULL;
    BIO_free(bio);
    return cert;
}

/* A block that we cannot read is OpenSSL's to judge, now. */
static bool take_at_once(X509_STORE *store, const struct block *b, size_t *count)
{
    X509 *cert = parse(b->begin, (size_t)(b->end - b->begin));
    bool ok = cert && X509_STORE_add_cert(store, cert) == 1;
    X509_free(cert);
    *count += ok;
    return ok;
}

static bool look_through(struct anchors *a, X509_STORE *store, const char *path, enum anchors_broken broken,
                         struct tls_error *error)
{
    const char *at = a->file.bytes, *end = at + a->file.len;
    struct block b;
    uint64_t subject;
    size_t taken = 0;
    while (next_block(&at, end, &b)) {
        if (read_subject(&b, &subject)) {
            if (!note(a, &b, subject, error))
                return false;
        } else if (!take_at_once(store, &b, &taken) && broken == ANCHORS_REFUSE) {
            pem_unusable(path, "certificate", error);
            return false;
        }
    }
    if (a->n + taken > 0)
        return true;
    pem_none(path, "certificate", error);
    return false;
}

/* ---- the lookup ---- */

static X509_LOOKUP_METHOD *method;

/* Adds all whose subject it is: one name may have several keys, old and new. */
static bool add_named(const struct anchors *a, X509_STORE *store, const X509_NAME *name, uint64_t subject)
{
    bool found = false;
    for (size_t i = 0; i < a->n; i++) {
        if (a->all[i].subject != subject)
            continue;
        X509 *cert = parse(a->file.bytes + a->all[i].at, a->all[i].len);
        if (cert && X509_NAME_cmp(X509_get_subject_name(cert), name) == 0)
            found |= X509_STORE_add_cert(store, cert) == 1; /* also if another thread was faster */
        X509_free(cert);
    }
    return found;
}

/* The caller takes a reference of its own, besides the one that set1 takes: X509_LOOKUP_meth_new(3). */
int anchors_give(X509_STORE *store, const X509_NAME *name, X509_OBJECT *out)
{
    int given = 0;
    if (!X509_STORE_lock(store))
        return 0;
    X509_OBJECT *there = X509_OBJECT_retrieve_by_subject(X509_STORE_get0_objects(store), X509_LU_X509, name);
    X509 *cert = there ? X509_OBJECT_get0_X509(there) : NULL;
    if (cert && X509_OBJECT_set1_X509(out, cert) == 1) {
        X509_free(cert);
        given = 1;
    }
    X509_STORE_unlock(store);
    return given;
}

static int by_subject(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name, X509_OBJECT *out)
{
    const struct anchors *a = X509_LOOKUP_get_method_data(lookup);
    X509_STORE *store = X509_LOOKUP_get_store(lookup);
    const unsigned char *der = NULL;
    size_t len = 0;
    uint64_t subject;
    if (type != X509_LU_X509 || X509_NAME_get0_der(name, &der, &len) != 1 ||
        !subject_of_name(der, len, &subject))
        return 0;
    return add_named(a, store, name, subject) ? anchors_give(store, name, out) : 0;
}

static void lookup_free(X509_LOOKUP *lookup)
{
    anchors_free(X509_LOOKUP_get_method_data(lookup));
}

bool anchors_init(void)
{
    method = X509_LOOKUP_meth_new("tlsup anchors");
    return method && X509_LOOKUP_meth_set_free(method, lookup_free) &&
           X509_LOOKUP_meth_set_get_by_subject(method, by_subject);
}

bool anchors_add(X509_STORE *store, const char *path, enum anchors_broken broken, struct tls_error *error)
{
    struct anchors *a = calloc(1, sizeof *a);
    if (!a) {
        error_set(error, TLS_FAIL_MEMORY, "out of memory");
        return false;
    }
    if (pem_read_file(path, false, &a->file, error) && look_through(a, store, path, broken, error)) {
        X509_LOOKUP *lookup = X509_STORE_add_lookup(store, method);
        if (lookup && X509_LOOKUP_set_method_data(lookup, a) == 1)
            return true; /* it is the store's from now on */
        error_set(error, TLS_FAIL_MEMORY, "out of memory");
    }
    anchors_free(a);
    return false;
}
