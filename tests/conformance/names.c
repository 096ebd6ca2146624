/* SPDX-License-Identifier: MIT */
/*
 * A resolver for tests, preloaded behind libtlsup.so, so that names lead to addresses of the loopback
 * network: in HOSTS stands "NAME=ADDRESS NAME=ADDRESS ..."; a name that stands there twice has two addresses,
 * in that order. Everything else is libc's.
 */
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

typedef int resolve(const char *, const char *, const struct addrinfo *, struct addrinfo **);

/* The NAME=ADDRESS behind `at` whose name it is; `address` gets the other half. NULL: there is none. */
static const char *next(const char *at, const char *name, char *address, size_t size)
{
    size_t len = strlen(name);
    while (*at) {
        size_t n = strcspn(at, " ");
        const char *value = at + len + 1;
        if (n > len + 1 && n - len - 1 < size && strncmp(at, name, len) == 0 && at[len] == '=') {
            memcpy(address, value, n - len - 1);
            address[n - len - 1] = '\0';
            return at + n + strspn(at + n, " ");
        }
        at += n + strspn(at + n, " ");
    }
    return NULL;
}

__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints, struct addrinfo **out)
{
    resolve *libc = (resolve *)dlsym(RTLD_NEXT, "getaddrinfo");
    const char *at = name ? getenv("HOSTS") : NULL;
    char address[64];
    int rc = EAI_NONAME;

    *out = NULL;
    while (at && (at = next(at, name, address, sizeof address)) != NULL) {
        struct addrinfo **end = out;
        while (*end) /* freeaddrinfo() takes a list item by item */
            end = &(*end)->ai_next;
        rc = libc(address, service, hints, end);
    }
    return *out ? 0 : name && rc == EAI_NONAME ? libc(name, service, hints, out) : rc;
}
