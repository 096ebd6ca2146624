/* SPDX-License-Identifier: MIT */
/* The honest HTTP/1.1 server, the same inside TLS and in the clear. Blocks; one thread per connection. */
#pragma once

#include "tests/origin/head.h"
#include "tests/origin/tls.h"

/* what all connections share; set before the first of them */
struct honest {
    SSL_CTX *ctx;
    struct tls_options tls;
    bool no_upgrade; /* OPTIONS with Upgrade is an ordinary request */
};

/* one request and its answer */
struct exchange {
    struct conn *c;
    const struct head *head;
    const char *path; /* behind the prefix of the resource */
    bool keep;        /* the connection goes on after the answer */
    bool no_body;     /* HEAD */
    unsigned char *body;
    size_t body_len;
    bool failed; /* the connection is of no more use */
};

/* Serves LIMIT requests (0: until the end), doing the RFC 2817 upgrade in the clear layer unless the server
 * is told not to. True: the limit was reached and the connection lives. */
bool http_serve(struct conn *c, const struct honest *honest, bool may_upgrade, long limit);

/* Writes head (and, if BODY, the body in the same write). type NULL: no Content-Type; length < 0: no length;
 * extra: more field lines, each with CRLF, or "". */
void http_reply(struct exchange *x, int status, const char *type, long long length, const char *extra,
                const void *body);
void http_text(struct exchange *x, int status, const char *extra, const char *text);
/* Answers what is asked for. */
void resource_answer(struct exchange *x);
/* files.c: /files/PATH is what lies in that directory; and the answer. */
void resource_files(const char *dir);
void get_file(struct exchange *x);

/* Reads the body of the request into x->body; false: broken framing or the end. */
bool http_read_body(struct exchange *x);

/* RFC 2817 §3.3: is this request an OPTIONS that asks for TLS? */
bool upgrade_wanted(const struct head *h);
/* 101, handshake, and the answer to OPTIONS inside TLS. */
bool upgrade_do(struct conn *c, const struct honest *honest);
extern const char upgrade_101[], upgrade_answer[];
