/* SPDX-License-Identifier: MIT */
/* The table that libtlsup.so gets, and OpenSSL's start. */
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <pthread.h>

#include "shim/tls/anchors.h"
#include "shim/tls/bio.h"
#include "shim/tls/certificate.h"
#include "shim/tls/conn.h"
#include "shim/tls/context.h"
#include "shim/tls/directory.h"
#include "shim/tls/error.h"

static struct tls_engine engine = {
    .abi = TLS_ENGINE_ABI,
    .context_new = context_new,
    .context_free = context_free,
    .keep = context_keep,
    .root_changed = context_root_changed,
    .open = conn_open,
    .free = conn_free,
    .handshake = conn_handshake,
    .read = stream_read,
    .poll = stream_poll,
    .pending = stream_pending,
    .readable = stream_readable,
    .write = stream_write,
    .flush = stream_flush,
    .queued = stream_queued,
    .close_notify = conn_close_notify,
    .info = conn_info,
    .error = conn_error,
    .certificates = certificate_chain,
    .fits = certificate_fits,
    .judge = verify_again,
};

static bool started;

/* The host program may use the same libcrypto. Its exit handlers stay its own (NO_ATEXIT: another thread may
 * still be in a handshake), and openssl.cnf is neither loaded nor suppressed: that would be for the whole
 * process. libssl does what it always does. */
static void start(void)
{
    struct error_scope scope;
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL) != 1)
        return;
    error_enter(&scope);
    started = OPENSSL_init_ssl(0, NULL) == 1 && wire_init() && anchors_init() && directory_init();
    engine.version = OpenSSL_version(OPENSSL_VERSION);
    error_leave(&scope);
}

__attribute__((visibility("default"))) const struct tls_engine *tlsup_tls_engine(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start);
    return started ? &engine : NULL;
}
