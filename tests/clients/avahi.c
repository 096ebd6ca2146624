/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into ippeveprinter, which will not start without an Avahi daemon: the calls it makes of Avahi's
 * client library succeed and announce nothing, and what it binds is bound to loopback.
 */
#include <dlfcn.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define EXPORT __attribute__((visibility("default")))

/* avahi-client/client.h and publish.h, as far as they are called */
EXPORT void *avahi_client_new(const void *poll_api, int flags, void *callback, void *userdata, int *error);
EXPORT int avahi_client_errno(void *client);
EXPORT const char *avahi_client_get_host_name_fqdn(void *client);
EXPORT void *avahi_entry_group_new(void *client, void *callback, void *userdata);
EXPORT int avahi_entry_group_free(void *group);
EXPORT int avahi_entry_group_commit(void *group);
EXPORT int avahi_entry_group_add_service_strlst(void *group, ...);
EXPORT int avahi_entry_group_add_service_subtype(void *group, ...);

static int something; /* what the opaque pointers point to */

void *avahi_client_new(const void *poll_api, int flags, void *callback, void *userdata, int *error)
{
    (void)poll_api, (void)flags, (void)callback, (void)userdata;
    if (error)
        *error = 0;
    return &something;
}

int avahi_client_errno(void *client)
{
    (void)client;
    return 0;
}

const char *avahi_client_get_host_name_fqdn(void *client)
{
    (void)client;
    return "localhost";
}

void *avahi_entry_group_new(void *client, void *callback, void *userdata)
{
    (void)client, (void)callback, (void)userdata;
    return &something;
}

int avahi_entry_group_free(void *group)
{
    (void)group;
    return 0;
}

int avahi_entry_group_commit(void *group)
{
    (void)group;
    return 0;
}

int avahi_entry_group_add_service_strlst(void *group, ...)
{
    (void)group;
    return 0;
}

int avahi_entry_group_add_service_subtype(void *group, ...)
{
    (void)group;
    return 0;
}

EXPORT int bind(int fd, const struct sockaddr *address, socklen_t len)
{
    int (*real)(int, const struct sockaddr *, socklen_t);
    struct sockaddr_storage copy = {0};

    *(void **)&real = dlsym(RTLD_NEXT, "bind");
    if (len > sizeof copy)
        return real(fd, address, len);
    memcpy(&copy, address, len);
    if (copy.ss_family == AF_INET)
        ((struct sockaddr_in *)&copy)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (copy.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&copy)->sin6_addr = in6addr_loopback;
    return real(fd, (struct sockaddr *)&copy, len);
}
