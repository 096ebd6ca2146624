/* SPDX-License-Identifier: MIT */
#include "tests/bench/link.h"

#include "tests/bench/dial.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

static SSL_CTX *client, *server; /* made once, never freed: the process ends with them */

static bool failed(const char *what)
{
    fprintf(stderr, "%s failed\n", what);
    ERR_print_errors_fp(stderr);
    return false;
}

/* ---- client ---- */

bool link_trust(const char *ca)
{
    client = SSL_CTX_new(TLS_client_method());
    if (!client)
        return failed("SSL_CTX_new");
    if (!ca)
        return true;
    SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
    return SSL_CTX_load_verify_file(client, ca) == 1 || failed("load_verify_file");
}

/* the peer, then what it is called */
static bool handshake(SSL *tls, int fd)
{
    return SSL_set_fd(tls, fd) == 1 && SSL_set_tlsext_host_name(tls, "localhost") == 1 &&
           SSL_set1_host(tls, "localhost") == 1 && SSL_connect(tls) == 1;
}

bool link_connect(struct link *link, int port)
{
    link->tls = NULL;
    link->fd = dial(port);
    if (link->fd < 0)
        return false;
    link->tls = SSL_new(client);
    if (link->tls && handshake(link->tls, link->fd))
        return true;
    SSL_free(link->tls);
    close(link->fd);
    return failed("the handshake");
}

/* ---- server ---- */

bool link_identity(const char *certificate, const char *key)
{
    static const unsigned char context[] = "bench";

    server = SSL_CTX_new(TLS_server_method());
    return (server && SSL_CTX_set_min_proto_version(server, TLS1_2_VERSION) == 1 &&
            SSL_CTX_use_certificate_chain_file(server, certificate) == 1 &&
            SSL_CTX_use_PrivateKey_file(server, key, SSL_FILETYPE_PEM) == 1 &&
            SSL_CTX_set_session_id_context(server, context, sizeof(context) - 1) == 1) ||
           failed("the identity");
}

bool link_accept(struct link *link)
{
    SSL *tls = SSL_new(server);

    if (tls && SSL_set_fd(tls, link->fd) == 1 && SSL_accept(tls) == 1) {
        link->tls = tls;
        return true;
    }
    SSL_free(tls);
    ERR_clear_error(); /* a client that gives up is none of our errors */
    return false;
}

bool link_resumed(const struct link *link)
{
    return link->tls && SSL_session_reused(link->tls);
}

const char *link_version(const struct link *link)
{
    return link->tls ? SSL_get_version(link->tls) : "-";
}

/* ---- both ---- */

ssize_t link_some(struct link *link, const void *data, size_t size)
{
    int piece = size < (1 << 20) ? (int)size : 1 << 20;

    return link->tls ? SSL_write(link->tls, data, piece) : send(link->fd, data, size, MSG_NOSIGNAL);
}

ssize_t link_recv(struct link *link, void *data, size_t size)
{
    ssize_t n = link->tls ? SSL_read(link->tls, data, (int)size) : recv(link->fd, data, size, 0);

    if (n <= 0 && link->tls) {
        bool ended = SSL_get_error(link->tls, (int)n) == SSL_ERROR_ZERO_RETURN;
        ERR_clear_error();
        return ended ? 0 : -1;
    }
    return n;
}

void link_close(struct link *link)
{
    if (link->tls)
        SSL_shutdown(link->tls);
    SSL_free(link->tls);
    close(link->fd);
}
