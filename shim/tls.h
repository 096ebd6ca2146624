/* SPDX-License-Identifier: MIT */
/*
 * The engine: the only code that knows OpenSSL, in an object of its own (libtlsup-tls.so).
 *
 * libtlsup.so opens it when the first upgrade is certain and calls it through one table of functions. The
 * engine never waits: it moves bytes through the two functions of struct tls_io, which are the real recv and
 * send with MSG_DONTWAIT | MSG_NOSIGNAL, and now and then MSG_MORE. Ciphertext that the socket does not take
 * is kept here, so that OpenSSL's rule "retry with the same buffer" is never seen above.
 *
 * Calls on one struct tls are serialised by its owner. None of them blocks; all but flush, queued and pending
 * may allocate; none may be called before init or concurrently in a signal handler (the owner blocks
 * signals). errno is not preserved. The host program's OpenSSL error queue is left as it was found.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TLS_ENGINE_ABI  4U
#define TLS_PIN_BYTES   32U
#define TLS_NAMES_BYTES 4096U

enum tls_result {
    TLS_DONE,       /* progress was made, out-parameters are set */
    TLS_WANT_READ,  /* needs bytes that the socket does not have now */
    TLS_WANT_WRITE, /* the socket takes no more now: flush when it is writable */
    TLS_CLOSED,     /* close_notify was received: an authenticated end of data */
    TLS_TRUNCATED,  /* the transport ended (FIN or reset) without close_notify */
    TLS_FAILED,     /* see tls_error; sticky */
};

/* Why, in the classes that the policy distinguishes. */
enum tls_failure {
    TLS_FAIL_NONE,
    TLS_FAIL_UNTRUSTED, /* chain not trusted, wrong purpose, weak key or digest, bad signature, revoked … */
    TLS_FAIL_NAME,      /* RFC 9525: the reference identity is not in subjectAltName */
    TLS_FAIL_EXPIRED,   /* expired or not yet valid */
    TLS_FAIL_PIN,
    TLS_FAIL_NOT_TLS,  /* bytes that are no TLS record: someone speaks in the clear */
    TLS_FAIL_ALERT,    /* the peer sent a fatal alert */
    TLS_FAIL_CLOSED,   /* FIN or reset in the handshake */
    TLS_FAIL_PROTOCOL, /* everything else that the peer did wrong: bad MAC, version, ALPN, record overflow */
    TLS_FAIL_MEMORY,
    TLS_FAIL_SETUP, /* a file of the rule is unusable (CA, CRL, certificate, key, cipher names): our side's
                       fault */
};

struct tls_error {
    enum tls_failure failure;
    int code;       /* errno of the transport, if it gave one */
    bool reset;     /* the transport was reset rather than closed (with FAIL_CLOSED, or TRUNCATED) */
    char text[200]; /* for people: lower case, no trailing dot, printable ASCII; names what was found */
};

struct tls_io {
    ssize_t (*recv)(int fd, void *buf, size_t len, int flags);
    ssize_t (*send)(int fd, const void *buf, size_t len, int flags);
};

/* What a rule says. Borrowed for the call only. */
struct tls_params {
    const char *ca;  /* PEM file that replaces the system store, or NULL */
    const char *crl; /* PEM file, or NULL; if set, the leaf's CRL must be there */
    const char *cert, *key;
    const char *ciphers, *ciphersuites; /* TLS 1.2 list and TLS 1.3 list, or NULL */
    const char *alpn;                   /* "http/1.1"; NULL or "": none */
    uint16_t min_version;               /* 0x0303 or 0x0304 */
    bool check_chain;                   /* verify and secure: chain, purpose, dates and, if given, identity */
    bool strict;                        /* secure: X509_V_FLAG_X509_STRICT */
    bool observe; /* testing: findings are kept (tls_info.finding) instead of ending the handshake */
    bool resume;  /* sessions are kept in this process, and offered to the same peer (shim/tls/session.h) */
};

/* Who the peer must be. Borrowed for the call only. */
struct tls_peer {
    const char
        *identity; /* reference identity, a DNS name or an address in inet_pton form; NULL: not checked */
    bool identity_is_address;             /* compare with iPAddress, never with a dNSName; send no SNI */
    const char *servername;               /* SNI; NULL: the identity if it is a name */
    const uint8_t (*pins)[TLS_PIN_BYTES]; /* SPKI SHA-256; each set below must contain the leaf's */
    const size_t *pin_sets;               /* sizes of the sets, which lie one after the other in pins */
    size_t n_pin_sets;
    const char *resume; /* what a session is for, besides the context and the peer as it stands here: it is
                           offered only where this is the same. NULL: none is kept or offered */
    bool speaks_next;   /* data follows the handshake as soon as it can: our last flight leaves with it, or a
                           little later (MSG_MORE) */
};

struct tls_info {
    char version[16]; /* "TLSv1.3" */
    char cipher[64];
    char group[32];
    char alpn[16];
    bool resumed;
    bool has_peer;
    uint8_t peer_spki[TLS_PIN_BYTES];
    char peer_name[128]; /* a name of the certificate for messages: first dNSName, else subject; escaped */
    struct tls_error finding; /* with `observe`: what would have ended the handshake */
};

/* What one certificate of the peer's chain says. All text is printable ASCII: other bytes stand as \xNN. */
struct tls_certificate {
    char subject[256], issuer[256]; /* RFC 4514, the most specific part first */
    /* dNSName and iPAddress of subjectAltName, each ended by a NUL. n_names stand here; n_more did not fit.
     */
    char names[TLS_NAMES_BYTES];
    size_t n_names, n_more;
    int64_t not_before, not_after; /* seconds since 1970; 0: unreadable */
    char key[48], signature[48];   /* "EC P-256", "RSA 2048"; "ecdsa-with-SHA256" */
    uint8_t spki[TLS_PIN_BYTES];   /* what a pin compares */
    uint8_t sha256[32];            /* of the whole certificate */
    bool self_issued;              /* subject and issuer are the same */
};

struct tls_context; /* SSL_CTX of one set of parameters; may be shared by any number of connections and
                       threads */
struct tls;

struct tls_engine {
    unsigned abi;
    const char
        *version; /* of OpenSSL, as OpenSSL_version() gives it; filled before the table is handed out */

    /* Makes a context. NULL with error set. Reads the files of params (blocks on disk, not on the network).
     * The caller keeps it for as long as a policy is in force. */
    struct tls_context *(*context_new)(const struct tls_params *params, struct tls_error *error);
    void (*context_free)(struct tls_context *context);

    /* Before the root directory of the process changes: reads what a context of these params will need, of
     * which check_chain, ca, crl, cert and key count, as far as it can be used. Afterwards, `changed`: later
     * contexts are made of what was kept, and nothing else is read any more; else it is forgotten. As
     * context_new; calls of the three are serialised. */
    void (*keep)(const struct tls_params *params);
    void (*root_changed)(bool changed);

    /* A client connection on fd, which stays the caller's. NULL with error set. */
    struct tls *(*open)(struct tls_context *context, int fd, const struct tls_io *io,
                        const struct tls_peer *peer, struct tls_error *error);
    /* Forgets the connection without sending anything. */
    void (*free)(struct tls *tls);

    /* DONE, WANT_READ, WANT_WRITE, FAILED. Identity, chain and pins are judged before DONE. Whole flights
     * leave in one send. A failed verification sends its alert. */
    enum tls_result (*handshake)(struct tls *tls);

    /* Decrypts up to cap bytes; *got > 0 on DONE. DONE, WANT_READ, CLOSED, TRUNCATED, FAILED. Goes over
     * several records until cap is full or nothing more is there. Bytes decrypted before an end or error are
     * delivered first; the end is then reported by the next call, and again by each later one. */
    enum tls_result (*read)(struct tls *tls, void *buf, size_t cap, size_t *got);
    /* Is there plaintext (DONE), or what would read say? Takes nothing, but may take ciphertext off the
     * socket. */
    enum tls_result (*poll)(struct tls *tls);
    /* Plaintext or ciphertext is held in user space, or an end that was met behind it: the kernel's view of
     * readability is not the whole truth. */
    bool (*pending)(const struct tls *tls);
    /* Plaintext bytes that a read would give without touching the socket (FIONREAD). */
    size_t (*readable)(const struct tls *tls);

    /* Encrypts up to len bytes; *taken says how many are accepted for good. Accepts nothing while ciphertext
     * is queued (WANT_WRITE). DONE with *taken > 0 may leave queued() > 0. DONE, WANT_WRITE, TRUNCATED (the
     * transport broke), FAILED. */
    enum tls_result (*write)(struct tls *tls, const void *buf, size_t len, size_t *taken);
    /* Sends queued ciphertext. DONE: nothing is left. WANT_WRITE, TRUNCATED. */
    enum tls_result (*flush)(struct tls *tls);
    size_t (*queued)(const struct tls *tls);

    /* Sends close_notify (RFC 8446 section 6.1) after whatever is queued, once; ignores what the socket says.
     */
    void (*close_notify)(struct tls *tls);

    void (*info)(const struct tls *tls, struct tls_info *out);
    const struct tls_error *(*error)(const struct tls *tls);

    /* ---- for those who want to know more about the peer (tlsup probe); once its certificate is there ----
     */

    /* The chain as the peer sent it, its own certificate first: fills at most max of out, returns how many
     * there are. 0: none was shown yet. */
    size_t (*certificates)(const struct tls *tls, struct tls_certificate *out, size_t max);
    /* Is the peer's certificate for this name, or this address in inet_pton form? Whoever issued it. */
    bool (*fits)(const struct tls *tls, const char *identity);
    /* What the handshake would have said of the peer in that context, asked for that peer (whose servername
     * counts for nothing here): out->failure is TLS_FAIL_NONE if nothing is wrong. May read the trust store;
     * changes nothing about the connection. */
    void (*judge)(struct tls *tls, struct tls_context *context, const struct tls_peer *peer,
                  struct tls_error *out);
};

/* The engine's one exported symbol, found with dlsym. NULL if OpenSSL cannot be started. */
#define TLS_ENGINE_SYMBOL "tlsup_tls_engine"
const struct tls_engine *tlsup_tls_engine(void);
