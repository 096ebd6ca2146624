/* SPDX-License-Identifier: MIT */
/* The resolver, watched: connect() is told an address, the policy speaks of names. Results are never changed.
 */
#include "shim/hooks/hooks.h"
#include "shim/names.h"
#include "shim/real.h"

#include <netinet/in.h>
#include <string.h>

static void remember(const char *name, int family, const void *bytes)
{
    struct policy_address a = {{0}};
    int saved = errno;
    if (family == AF_INET6) {
        memcpy(a.bytes, bytes, sizeof a.bytes);
    } else {
        a.bytes[10] = a.bytes[11] = 0xff;
        memcpy(a.bytes + 12, bytes, 4);
    }
    names_remember(name, &a);
    errno = saved;
}

EXPORT int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **result)
{
    int rc = real.getaddrinfo(node, service, hints, result);
    for (const struct addrinfo *i = rc == 0 && node && result ? *result : NULL; i; i = i->ai_next) {
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        if (i->ai_family == AF_INET && i->ai_addrlen >= sizeof in) {
            memcpy(&in, i->ai_addr, sizeof in);
            remember(node, AF_INET, &in.sin_addr);
        } else if (i->ai_family == AF_INET6 && i->ai_addrlen >= sizeof in6) {
            memcpy(&in6, i->ai_addr, sizeof in6);
            remember(node, AF_INET6, &in6.sin6_addr);
        }
    }
    return rc;
}

static void remember_entry(const char *name, const struct hostent *entry)
{
    for (char **a = entry && name ? entry->h_addr_list : NULL; a && *a; a++)
        remember(name, entry->h_addrtype, *a);
}

EXPORT struct hostent *gethostbyname(const char *name)
{
    struct hostent *entry = real.gethostbyname(name);
    remember_entry(name, entry);
    return entry;
}

EXPORT struct hostent *gethostbyname2(const char *name, int family)
{
    struct hostent *entry = real.gethostbyname2(name, family);
    remember_entry(name, entry);
    return entry;
}

EXPORT int gethostbyname_r(const char *name, struct hostent *entry, char *buf, size_t len,
                           struct hostent **result, int *error)
{
    int rc = real.gethostbyname_r(name, entry, buf, len, result, error);
    remember_entry(name, rc == 0 && result ? *result : NULL);
    return rc;
}

EXPORT int gethostbyname2_r(const char *name, int family, struct hostent *entry, char *buf, size_t len,
                            struct hostent **result, int *error)
{
    int rc = real.gethostbyname2_r(name, family, entry, buf, len, result, error);
    remember_entry(name, rc == 0 && result ? *result : NULL);
    return rc;
}
