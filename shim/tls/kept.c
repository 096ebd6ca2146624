/* SPDX-License-Identifier: MIT */
#include "shim/tls/kept.h"

#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "shim/tls/directory.h"

struct kept {
    struct kept *next;
    struct pem_content content;
    bool secret;
    char path[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of both: lookups come from any thread */
static struct kept *all;
static bool sealed;

/* Takes the content over. */
static void push(const char *path, bool secret, struct pem_content *content)
{
    size_t size = strlen(path) + 1;
    struct kept *k = malloc(sizeof *k + size);
    if (!k) {
        pem_content_free(content);
        return;
    }
    k->content = *content;
    k->secret = secret;
    memcpy(k->path, path, size);
    pthread_mutex_lock(&lock);
    k->next = all;
    all = k;
    pthread_mutex_unlock(&lock);
}

static const struct kept *find(const char *path, bool secret)
{
    for (const struct kept *k = all; k; k = k->next)
        if (k->secret == secret && strcmp(k->path, path) == 0)
            return k;
    return NULL;
}

bool kept_has(const char *path, bool secret)
{
    pthread_mutex_lock(&lock);
    bool found = find(path, secret) != NULL;
    pthread_mutex_unlock(&lock);
    return found;
}

bool kept_read(const char *path, bool secret, struct pem_content *out)
{
    *out = (struct pem_content){0};
    pthread_mutex_lock(&lock);
    const struct kept *k = find(path, secret);
    if (k)
        (void)pem_append(out, &k->content);
    pthread_mutex_unlock(&lock);
    return k != NULL;
}

void kept_add(const char *path, bool secret)
{
    struct pem_content content;
    struct tls_error ignored;
    if (!kept_sealed() && !kept_has(path, secret) && pem_read_file(path, secret, &content, &ignored))
        push(path, secret, &content);
}

/* Adds the file to what there is. One that cannot be used is no anchor. */
static bool append(struct pem_content *content, const char *path)
{
    struct pem_content one;
    struct tls_error ignored;
    if (!pem_read_file(path, false, &one, &ignored))
        return true;
    bool ok = pem_append(content, &one);
    pem_content_free(&one);
    return ok;
}

void kept_directory(const char *path)
{
    char file[DIRECTORY_PATH_BYTES];
    struct pem_content content = {0};
    const struct dirent *entry;
    DIR *dir = kept_sealed() || kept_has(path, false) ? NULL : opendir(path);
    if (!dir)
        return;
    while ((entry = readdir(dir)))
        if (directory_hashed(entry->d_name) && directory_join(file, path, entry->d_name) &&
            !append(&content, file))
            break;
    closedir(dir);
    if (content.bytes)
        push(path, false, &content);
}

void kept_seal(void)
{
    pthread_mutex_lock(&lock);
    sealed = true;
    pthread_mutex_unlock(&lock);
}

bool kept_sealed(void)
{
    pthread_mutex_lock(&lock);
    bool yes = sealed;
    pthread_mutex_unlock(&lock);
    return yes;
}

void kept_forget(void)
{
    pthread_mutex_lock(&lock);
    while (!sealed && all) {
        struct kept *k = all;
        all = k->next;
        pem_content_free(&k->content);
        free(k);
    }
    pthread_mutex_unlock(&lock);
}
