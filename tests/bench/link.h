/* SPDX-License-Identifier: MIT */
/* A TCP connection of the programs that measure. What it carries is plain or TLS: link_plain.c knows the
 * first alone and needs libc alone, as a program under tlsup does; link_tls.c has OpenSSL, as the same
 * program with TLS built in would. Everything blocks. */
#ifndef TLSUP_TESTS_BENCH_LINK_H
#define TLSUP_TESTS_BENCH_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct link {
    int fd;
    void *tls; /* SSL, or NULL while the connection is plain */
};

/* Before the first link_connect: trust the certificates in the file CA, NULL: check nothing. False with a
 * word on stderr. */
bool link_trust(const char *ca);

/* To 127.0.0.1:PORT, with TCP_NODELAY, and TLS where this program has it, verified for localhost. False with
 * a word on stderr. */
bool link_connect(struct link *link, int port);

/* Before the first link_accept: the server's chain and key. False with a word on stderr. */
bool link_identity(const char *certificate, const char *key);

/* TLS on a plain connection, as server. */
bool link_accept(struct link *link);

/* Was the session of this connection resumed? */
bool link_resumed(const struct link *link);

/* TLSv1.3, or "-" */
const char *link_version(const struct link *link);

/* Some of SIZE bytes, how many, or -1. */
ssize_t link_some(struct link *link, const void *data, size_t size);

/* All SIZE bytes, or false. */
bool link_send(struct link *link, const void *data, size_t size);

/* At least one byte, or 0 at the end, or -1. */
ssize_t link_recv(struct link *link, void *data, size_t size);

/* Says good-bye if it is TLS. */
void link_close(struct link *link);

#endif
