/* SPDX-License-Identifier: MIT */
/* Follows the framing of TLS records (RFC 8446 §5.1) without looking inside. Pure. */
#pragma once

#include "tests/origin/stream.h"

/* false as soon as, and from then on, the bytes cannot be TLS records. */
bool scan_feed(struct scan *s, const unsigned char *data, size_t len);

/* How many of the bytes belong to the record that is under way; len if it does not end in them. */
size_t scan_record_end(const struct scan *s, const unsigned char *data, size_t len);
