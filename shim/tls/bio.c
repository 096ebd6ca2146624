/* SPDX-License-Identifier: MIT */
#include "shim/tls/bio.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* More than any handshake flight; only answers to a flood of KeyUpdate get here. */
#define WIRE_OUT_MAX      (256U * 1024U)
/* Records in a row that carry no data: a peer that needs more has something else in mind. */
#define WIRE_IDLE_RECORDS 100U
/* RFC 5246 section 6.2.3: 2^14 + 2048 */
#define WIRE_RECORD_MAX   (16384U + 2048U)

static BIO_METHOD *method;

static void note_code(struct wire *w, int code)
{
    if (w->code == 0)
        w->code = code;
}

/* ---- record headers ---- */

static void sample_more(struct wire *w, const uint8_t *bytes, size_t len)
{
    if (len > sizeof w->sample - w->sample_len)
        len = sizeof w->sample - w->sample_len;
    memcpy(w->sample + w->sample_len, bytes, len);
    w->sample_len += len;
}

static void note_strange(struct wire *w, const uint8_t *rest, size_t len)
{
    w->strange = true;
    memcpy(w->sample, w->header, w->header_have);
    w->sample_len = w->header_have;
    sample_more(w, rest, len);
}

/* Judged byte by byte: a server that says "no" in three bytes and waits must not cost us the deadline. */
static bool header_plausible(const struct wire *w)
{
    const uint8_t *h = w->header;
    if (h[0] < 20 || h[0] > 24)
        return false;
    if (w->header_have > 1 && h[1] != 3)
        return false;
    if (w->header_have < WIRE_HEADER || w->any_record)
        return true;
    return ((size_t)h[3] << 8 | h[4]) <= WIRE_RECORD_MAX;
}

/* How many of the bytes are records, or parts of such. */
static size_t follow_records(struct wire *w, const uint8_t *p, size_t len)
{
    size_t at = 0;
    while (at < len) {
        if (w->body_left) {
            size_t step = len - at < w->body_left ? len - at : w->body_left;
            w->body_left -= step;
            at += step;
            w->complete += w->body_left == 0;
            continue;
        }
        w->header[w->header_have++] = p[at++];
        if (!header_plausible(w)) {
            note_strange(w, p + at, len - at);
            return at > w->header_have ? at - w->header_have : 0;
        }
        if (w->header_have < WIRE_HEADER)
            continue;
        w->body_left = (size_t)w->header[3] << 8 | w->header[4];
        w->complete += w->body_left == 0;
        w->header_have = 0;
        w->any_record = true;
    }
    return len;
}

void wire_record_taken(struct wire *w)
{
    w->taken++;
    if (w->open && ++w->idle_records > WIRE_IDLE_RECORDS)
        w->flooded = true;
}

/* ---- in ---- */

/* recv that knows what it means: > 0 bytes, 0 nothing now or never again (see blocked, ended). */
static size_t receive(struct wire *w, uint8_t *buf, size_t len, int flags)
{
    ssize_t n;
    do
        n = w->io.recv(w->fd, buf, len, MSG_DONTWAIT | flags);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        return (size_t)n;
    w->blocked = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOMEM || errno == ENOBUFS);
    w->ended = !w->blocked;
    if (w->ended && n < 0)
        note_code(w, errno);
    return 0;
}

static size_t take(struct wire *w, uint8_t *buf, size_t len)
{
    size_t n = receive(w, buf, len, 0);
    w->drained = n < len;
    return n;
}

bool wire_is_silent(struct wire *w)
{
    uint8_t byte;
    return !w->ended && receive(w, &byte, 1, MSG_PEEK) == 0 && w->blocked;
}

static int bio_read(BIO *bio, char *buf, int len)
{
    struct wire *w = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    w->blocked = false;
    w->not_tls = w->strange;
    if (len <= 0 || w->not_tls || w->flooded || w->ended)
        return -1;
    if (!w->open)
        wire_flush(w); /* a whole flight in one send, before we look for the answer */
    uint8_t *to = (uint8_t *)buf;
    size_t n = follow_records(w, to, take(w, to, (size_t)len));
    w->not_tls = w->strange && n == 0;
    if (w->blocked)
        BIO_set_retry_read(bio);
    return n ? (int)n : -1;
}

/* ---- out ---- */

/* One send. What it took; 0 if the socket is full or broken. */
static size_t give(struct wire *w, const uint8_t *buf, size_t len)
{
    ssize_t n;
    do
        n = w->io.send(w->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL | w->more);
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        return (size_t)n;
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOMEM && errno != ENOBUFS) {
        w->broken = true;
        note_code(w, errno);
    }
    return 0;
}

static bool queue(struct wire *w, const uint8_t *buf, size_t len)
{
    if (len > WIRE_OUT_MAX - wire_queued(w)) {
        w->flooded = true;
        return false;
    }
    if (w->out_at) {
        memmove(w->out, w->out + w->out_at, w->out_end - w->out_at);
        w->out_end -= w->out_at;
        w->out_at = 0;
    }
    if (len > w->out_size - w->out_end) {
        size_t size = w->out_end + len + 512;
        uint8_t *bigger = realloc(w->out, size);
        if (!bigger) {
            w->memory = true;
            return false;
        }
        w->out = bigger;
        w->out_size = size;
    }
    memcpy(w->out + w->out_end, buf, len);
    w->out_end += len;
    return true;
}

/* Takes everything, always. Once the transport broke it goes nowhere: reading what still came goes on. */
static int bio_write(BIO *bio, const char *buf, int len)
{
    struct wire *w = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (len <= 0)
        return 0;
    const uint8_t *from = (const uint8_t *)buf;
    size_t left = (size_t)len;
    if (w->open && wire_queued(w) == 0 && !w->broken) {
        size_t n = give(w, from, left);
        from += n;
        left -= n;
    }
    if (left && !w->broken && !queue(w, from, left))
        return -1;
    return len;
}

enum tls_result wire_flush(struct wire *w)
{
    if (wire_queued(w) && !w->broken)
        w->out_at += give(w, w->out + w->out_at, wire_queued(w));
    if (w->broken)
        w->out_at = w->out_end;
    if (wire_queued(w))
        return TLS_WANT_WRITE;
    free(w->out);
    w->out = NULL;
    w->out_at = w->out_end = w->out_size = 0;
    return w->broken ? TLS_TRUNCATED : TLS_DONE;
}

/* ---- the rest ---- */

size_t wire_queued(const struct wire *w)
{
    return w->out_end - w->out_at;
}

bool wire_holds_input(const struct wire *w)
{
    return w->strange || (w->complete != w->taken && w->complete + 1 != w->taken);
}

void wire_clear(struct wire *w)
{
    free(w->out);
    w->out = NULL;
    w->out_at = w->out_end = w->out_size = 0;
}

/* EOF is not told: OpenSSL would answer a FIN with a decode_error alert. The owner of the wire sees `ended`.
 */
static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    (void)bio;
    (void)num;
    (void)ptr;
    return cmd == BIO_CTRL_FLUSH || cmd == BIO_CTRL_DUP;
}

bool wire_init(void)
{
    int type = BIO_get_new_index();
    method = type < 0 ? NULL : BIO_meth_new(type | BIO_TYPE_SOURCE_SINK, "tlsup");
    return method && BIO_meth_set_read(method, bio_read) && BIO_meth_set_write(method, bio_write) &&
           BIO_meth_set_ctrl(method, bio_ctrl);
}

BIO *wire_bio(struct wire *wire)
{
    BIO *bio = BIO_new(method);
    if (!bio)
        return NULL;
    BIO_set_data(bio, wire);
    BIO_set_init(bio, 1);
    return bio;
}
