/* SPDX-License-Identifier: MIT */
/* Names to addresses. */
#include "tests/contexts/contexts.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>

static void entry(const char *call, const struct hostent *h)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (!h) {
        say("%s: nothing", call);
        return;
    }
    inet_ntop(h->h_addrtype, h->h_addr_list[0], text, sizeof text);
    say("%s: %s is %s", call, h->h_name, text);
}

SNIPPET_ONCE(getaddrinfo)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found = NULL;
    said("getaddrinfo", getaddrinfo("localhost", "80", &hints, &found));
    for (const struct addrinfo *i = found; i; i = i->ai_next) {
        struct sockaddr_in in;
        memcpy(&in, i->ai_addr, sizeof in);
        say("%s port %d", inet_ntoa(in.sin_addr), ntohs(in.sin_port));
    }
    if (found)
        freeaddrinfo(found);
    hints.ai_flags = AI_NUMERICHOST;
    said("no number", getaddrinfo("localhost", "80", &hints, &found));
    hints.ai_flags = 0x40000000;
    said("flags", getaddrinfo("localhost", "80", &hints, &found));
    (void)e;
}

SNIPPET_ONCE(gethostbyname)
{
    entry("gethostbyname", gethostbyname("localhost"));
    entry("number", gethostbyname("127.0.0.7"));
    (void)e;
}

SNIPPET_ONCE(gethostbyname2)
{
    entry("gethostbyname2", gethostbyname2("localhost", AF_INET));
    entry("number", gethostbyname2("::1", AF_INET6));
    entry("family", gethostbyname2("localhost", 4711));
    (void)e;
}

SNIPPET_ONCE(gethostbyname_r)
{
    struct hostent h, *found = NULL;
    char buf[2000];
    int error = 0;
    said("gethostbyname_r", gethostbyname_r("localhost", &h, buf, sizeof buf, &found, &error));
    entry("found", found);
    said("small", gethostbyname_r("localhost", &h, buf, 4, &found, &error));
    (void)e;
}

SNIPPET_ONCE(gethostbyname2_r)
{
    struct hostent h, *found = NULL;
    char buf[2000];
    int error = 0;
    said("gethostbyname2_r", gethostbyname2_r("localhost", AF_INET, &h, buf, sizeof buf, &found, &error));
    entry("found", found);
    said("small", gethostbyname2_r("localhost", AF_INET, &h, buf, 4, &found, &error));
    (void)e;
}
