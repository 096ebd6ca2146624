/* SPDX-License-Identifier: MIT */
/*
 * HTTP/1 heads (RFC 9112), as pure functions over bytes that the caller owns.
 *
 * Two readers with two tempers. A response head that we asked for (the answer to OPTIONS) comes from a peer
 * that is not trusted yet: it is read strictly, every liberty is an error. A request head comes from the
 * program: it is read only to learn the authority and the framing, and never changed.
 *
 * Nothing here blocks, allocates or keeps state: safe before init and in signal handlers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shim/http1/span.h"

#define HTTP1_HEAD_MAX   16384U /* bytes of a head, blank line included */
#define HTTP1_FIELDS_MAX 100U   /* fields of a head */
#define HTTP1_HOST_MAX   253U   /* bytes of a reg-name */

/* Looks for the end of a head. Returns the bytes of the head including its blank line; 0 if more is needed;
 * -1 if `len` bytes hold no end though HTTP1_HEAD_MAX is reached. A line may end in LF alone (strictness is
 * the parsers' business); `skip_crlf` leading empty lines (RFC 9112 section 2.2) count as part of the head.
 */
ssize_t http1_head_end(const char *buf, size_t len, unsigned skip_crlf);

enum http1_framing {
    FRAMING_NONE,   /* no body */
    FRAMING_LENGTH, /* `length` bytes */
    FRAMING_CHUNKED,
    FRAMING_CLOSE,   /* a response that ends with the connection */
    FRAMING_UNKNOWN, /* contradictory or not understood: nothing may be concluded */
};

/* ---- responses, strictly ---- */

struct http1_response {
    unsigned status;
    unsigned minor; /* HTTP/1.minor */
    /* From Transfer-Encoding and Content-Length alone; the caller applies RFC 9112 section 6.3 for 1xx, 204,
     * 304, HEAD and CONNECT with http1_response_framing(). */
    enum http1_framing framing;
    uint64_t length;
    bool close; /* the connection ends after this response: Connection: close, or HTTP/1.0 without keep-alive
                 */
    bool has_upgrade;
    const char *error; /* why parsing failed, static text, lower case */
};

/* Parses the complete head `head` of `len` bytes. False: malformed, out->error says why: status line must be
 * exactly HTTP/1.0 or HTTP/1.1, SP, three digits, SP or end; every line ends in CRLF; field names are tokens;
 * no space before the colon, no obs-fold, no bare CR, no NUL or other control bytes, at most HTTP1_FIELDS_MAX
 * fields, Content-Length values all equal. One leading CRLF is tolerated (RFC 9112 section 2.2). */
bool http1_parse_response(const char *head, size_t len, struct http1_response *out);

/* The same for a response that the program, not we, will judge: HTTP/1.d, blanks instead of SP, lines that
 * end in LF, folded fields, any number of fields and of leading empty lines. False, out->error says why: no
 * such status line (ICY, HTTP/2), or bytes that two readers may split differently (no token before the colon,
 * control bytes). */
bool http1_read_response(const char *head, size_t len, struct http1_response *out);

/* RFC 9112 section 6.3 for a response to `method` ("HEAD", "CONNECT", any other). */
enum http1_framing http1_response_framing(const struct http1_response *r, struct http1_span method);

/* True if a 101 head (already parsed) switches to TLS: HTTP/1.1; its Upgrade fields joined are a list whose
 * first member is TLS/d.d and whose others are TLS/d.d or HTTP/1.1; no Connection field has the option close.
 * A missing Connection: Upgrade is tolerated: cupsd and PAPPL leave it out. On false *error is static text.
 */
bool http1_switches_to_tls(const char *head, size_t len, const char **error);

/* True if an Upgrade field of the complete head names TLS/d.d (RFC 2817 section 4.2). */
bool http1_offers_tls(const char *head, size_t len);

/* Iterates over the fields of a complete head, tolerantly. *cursor starts at 0. Values are trimmed of SP and
 * HTAB; a folded value holds its line ends; a line without colon is a name without value. Lists:
 * http1_next_member. */
bool http1_next_field(const char *head, size_t len, size_t *cursor, struct http1_span *name,
                      struct http1_span *value);

/* ---- authorities ---- */

enum http1_host_kind { HOST_NAME, HOST_IPV4, HOST_IPV6 };

/* A host and port by the strict grammar reg-name (LDH, '_' and '.', labels of 1-63, at most 253 bytes; one
 * trailing dot is dropped), IPv4 dotted quad, or [IPv6] without zone; optional :1-65535 without leading
 * zeros. Lower case; v6 in inet_ntop's form without brackets. A name whose last label is a number (digits, or
 * 0x and hex digits: what inet_aton takes for an address) but that is no IPv4 dotted quad is refused. *out is
 * defined on true only. */
struct http1_authority {
    char host[HTTP1_HOST_MAX + 1];
    enum http1_host_kind kind;
    uint16_t port; /* 0: none given */
};
bool http1_parse_authority(struct http1_span text, struct http1_authority *out);

/* Writes "host", "host:port", "[v6]:port"; port left out if 0. Returns the length, or -1 if `cap` is too
 * small. */
ssize_t http1_format_authority(const struct http1_authority *a, char *out, size_t cap);

/* ---- requests, to learn from ---- */

enum http1_request_kind {
    REQUEST_HTTP1,   /* a request line of HTTP/1.x: method SP target SP HTTP/1.d */
    REQUEST_HTTP2,   /* the whole client preface of HTTP/2 (RFC 9113 section 3.4) */
    REQUEST_OTHER,   /* the bytes prove not to be either (0.9, TLS, anything else) */
    REQUEST_PARTIAL, /* more bytes are needed to tell or to see the whole head */
    REQUEST_TOO_LARGE,
};

struct http1_request {
    struct http1_span method, target; /* of the program's bytes */
    unsigned minor;
    bool has_authority; /* authority is usable: the target's (absolute-form, CONNECT), else Host's */
    /* There is one, but it must not be guessed at (RFC 9112 section 3.2): malformed, several Host fields, or
     * a head that two readers may split differently (CR LF and LF mixed, control bytes, names that are no
     * tokens). An empty Host is no authority and not bad. */
    bool bad_authority;
    bool absolute_form; /* the target is a URI with an authority (RFC 9112 section 3.2.2) */
    bool host_differs;  /* authority is the target's and Host names another host or port */
    bool https_target;  /* absolute-form with scheme https */
    struct http1_authority authority;
    enum http1_framing framing; /* NONE, LENGTH, CHUNKED or UNKNOWN */
    uint64_t length;
    bool close;      /* Connection: close, or HTTP/1.0 without keep-alive */
    bool upgrade;    /* has an Upgrade field, or is CONNECT: framing ends if the server agrees */
    size_t head_len; /* bytes up to and with the blank line, leading empty lines included */
};

/* Classifies and parses what a program wants to send. Tolerant as servers are: leading empty lines, lines
 * that end in LF, any token as method, several spaces or tabs between the parts of the request line and
 * behind it, any number of fields. *out is defined on REQUEST_HTTP1 only. What is said of a prefix other than
 * REQUEST_PARTIAL is said of all that begins with it. REQUEST_OTHER is said as soon as the bytes can no
 * longer become an HTTP/1 request (first byte not a token character, control bytes in the request line, a
 * request line without HTTP/1.d at its end). */
enum http1_request_kind http1_parse_request(const char *buf, size_t len, struct http1_request *out);
