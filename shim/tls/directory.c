/* SPDX-License-Identifier: MIT */
#include "shim/tls/directory.h"

#include <dirent.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "policy/open.h"
#include "shim/tls/anchors.h"
#include "shim/tls/error.h"
#include "shim/tls/pem.h"

#define SAME_HASH_MAX 16U /* names, or keys of one name, whose hash is the same */

bool directory_hashed(const char *name)
{
    return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' && name[9] >= '0' && name[9] <= '9';
}

bool directory_has_hashed(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir)
        return false;
    bool found = false;
    const struct dirent *entry;
    while (!found && (entry = readdir(dir)))
        found = directory_hashed(entry->d_name);
    closedir(dir);
    return found;
}

bool directory_join(char out[DIRECTORY_PATH_BYTES], const char *directory, const char *name)
{
    size_t len = strlen(directory), size = strlen(name) + 1;
    if (len + 1 + size > DIRECTORY_PATH_BYTES)
        return false;
    memcpy(out, directory, len);
    out[len] = '/';
    memcpy(out + len + 1, name, size);
    return true;
}

/* "HHHHHHHH.N" of the hash that `openssl rehash` uses. */
static void hash_name(char out[20], unsigned long hash, unsigned n)
{
    struct text t;
    text_start(&t, out, 20);
    for (int shift = 28; shift >= 0; shift -= 4) {
        const char digit[2] = {"0123456789abcdef"[hash >> shift & 15], 0};
        text_put(&t, digit);
    }
    text_put(&t, ".");
    text_number(&t, n);
}

/* The first certificate of the file, as it should have one. False: there is no such file. */
static bool take_file(X509_STORE *store, const char *path, const X509_NAME *name, bool *found)
{
    struct pem_content content;
    struct tls_error why;
    if (!pem_read_file(path, false, &content, &why))
        return false;
    BIO *bio = BIO_new_mem_buf(content.bytes, (int)content.len);
    X509 *cert = bio ? PEM_read_bio_X509_AUX(bio, NULL, pem_no_passphrase, NULL) : NULL;
    if (cert && X509_NAME_cmp(X509_get_subject_name(cert), name) == 0)
        *found |= X509_STORE_add_cert(store, cert) == 1;
    X509_free(cert);
    BIO_free(bio);
    pem_content_free(&content);
    return true;
}

static int by_subject(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name, X509_OBJECT *out)
{
    const char *directory = X509_LOOKUP_get_method_data(lookup);
    X509_STORE *store = X509_LOOKUP_get_store(lookup);
    char path[DIRECTORY_PATH_BYTES], file[20];
    int known = 0;
    bool found = false;
    unsigned long hash = type == X509_LU_X509 ? X509_NAME_hash_ex(name, NULL, NULL, &known) : 0;
    if (!known)
        return 0;
    for (unsigned n = 0; n < SAME_HASH_MAX; n++) {
        hash_name(file, hash, n);
        if (!directory_join(path, directory, file) || !take_file(store, path, name, &found))
            break;
    }
    return found ? anchors_give(store, name, out) : 0;
}

static X509_LOOKUP_METHOD *method;

static void lookup_free(X509_LOOKUP *lookup)
{
    free(X509_LOOKUP_get_method_data(lookup));
}

bool directory_init(void)
{
    method = X509_LOOKUP_meth_new("tlsup directory");
    return method && X509_LOOKUP_meth_set_free(method, lookup_free) &&
           X509_LOOKUP_meth_set_get_by_subject(method, by_subject);
}

bool directory_add(X509_STORE *store, const char *path, struct tls_error *error)
{
    char why[DIRECTORY_PATH_BYTES];
    if (!open_trusted_directory(path, why, sizeof why)) {
        struct text t = error_start(error, TLS_FAIL_SETUP);
        text_escaped(&t, why);
        return false;
    }
    char *own = strdup(path);
    X509_LOOKUP *lookup = own ? X509_STORE_add_lookup(store, method) : NULL;
    if (lookup && X509_LOOKUP_set_method_data(lookup, own) == 1)
        return true; /* it is the store's from now on */
    free(own);
    error_set(error, TLS_FAIL_MEMORY, "out of memory");
    return false;
}
