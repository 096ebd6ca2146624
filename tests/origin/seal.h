/* SPDX-License-Identifier: MIT */
/* Makes TLS 1.3 records by hand with the keys of a connection (RFC 8446 §5.2, §7.3), for records that OpenSSL
 * would never write: alerts in mid-stream, empty application data, handshake messages nobody asked for. From
 * the first such record on all writes of the connection go through here, because the sequence numbers are
 * ours. AES-GCM cipher suites only (the origin prefers them), and not after a key-update step. */
#pragma once

#include "tests/origin/stream.h"

struct sealer;

/* Once per SSL_CTX: learns the traffic secrets of its connections and counts their records. */
void seal_watch(SSL_CTX *ctx);

/* True once a record was made by hand. */
bool seal_active(const struct conn *c);

/* Writes one record of that inner content type; false, with a line in the events, if it cannot. */
bool seal_write(struct conn *c, unsigned char type, const void *data, size_t len);

void seal_free(struct sealer *s);
