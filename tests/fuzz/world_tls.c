/* SPDX-License-Identifier: MIT */
/* The engine of the world: TLS without cryptography. */
#include "shim/engine.h"
#include "tests/fuzz/must.h"
#include "tests/fuzz/world.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#define CLOSE_NOTIFY '\xfe'

struct tls {
    const struct tls_io *io;
    int fd;
    bool checks, observes, up;
    enum tls_result ended;
    struct tls_error error, finding;
};

static void stand_in_free(struct tls *t)
{
    free(t);
}

static enum tls_result fail(struct tls *t, enum tls_failure failure)
{
    t->error = (struct tls_error){.failure = failure, .text = "as the input said"};
    return t->ended = TLS_FAILED;
}

static enum tls_result judged(struct tls *t, enum tls_failure failure)
{
    if (t->checks && !t->observes)
        return fail(t, failure);
    if (t->checks)
        t->finding = (struct tls_error){.failure = failure, .text = "as the input said"};
    t->up = true;
    return TLS_DONE;
}

static enum tls_result stand_in_handshake(struct tls *t)
{
    static const enum tls_failure certificate[] = {TLS_FAIL_NONE, TLS_FAIL_UNTRUSTED, TLS_FAIL_NAME,
                                                   TLS_FAIL_EXPIRED};
    char byte;
    if (t->ended == TLS_FAILED)
        return t->ended;
    ssize_t n = t->io->recv(t->fd, &byte, 1, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return TLS_WANT_READ;
    if (n <= 0)
        return fail(t, TLS_FAIL_CLOSED);
    switch (byte) {
    case 0x16: t->up = true; return TLS_DONE;
    case 0x15: return fail(t, TLS_FAIL_ALERT);
    case 0x01:
    case 0x02:
    case 0x03: return judged(t, certificate[(int)byte]);
    case 0x04: return fail(t, TLS_FAIL_PROTOCOL);
    default: return fail(t, TLS_FAIL_NOT_TLS);
    }
}

/* Looks at what is next: DONE, WANT_READ, CLOSED, TRUNCATED. */
static enum tls_result stand_in_poll(struct tls *t)
{
    char byte;
    MUST(t->up);
    if (t->ended)
        return t->ended;
    ssize_t n = t->io->recv(t->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    if (n < 0 && errno == EAGAIN)
        return TLS_WANT_READ;
    if (n <= 0)
        return t->ended = TLS_TRUNCATED;
    if (byte == CLOSE_NOTIFY) {
        world.notified = true;
        return t->ended = TLS_CLOSED;
    }
    return TLS_DONE;
}

static enum tls_result stand_in_read(struct tls *t, void *buf, size_t cap, size_t *got)
{
    enum tls_result rc = TLS_DONE;
    char *to = buf;
    *got = 0;
    MUST(cap > 0);
    while (*got < cap && (rc = stand_in_poll(t)) == TLS_DONE) {
        MUST(t->io->recv(t->fd, to + *got, 1, MSG_DONTWAIT) == 1);
        world_bytes_add(&world.opened, to + *got, 1);
        ++*got;
    }
    return *got ? TLS_DONE : rc;
}

static bool stand_in_pending(const struct tls *t)
{
    (void)t;
    return false;
}

static size_t stand_in_readable(const struct tls *t)
{
    (void)t;
    const char *end = memchr(world.arrived.at, (unsigned char)CLOSE_NOTIFY, world.arrived.len);
    return end ? (size_t)(end - world.arrived.at) : world.arrived.len;
}

static enum tls_result stand_in_write(struct tls *t, const void *buf, size_t len, size_t *taken)
{
    MUST(t->up);
    *taken = 0;
    if (world.shut || !world.connected)
        return TLS_TRUNCATED;
    if (world.full)
        return TLS_WANT_WRITE;
    world_bytes_add(&world.sealed, buf, len);
    *taken = len;
    return TLS_DONE;
}

static enum tls_result stand_in_flush(struct tls *t)
{
    (void)t;
    return TLS_DONE;
}

static size_t stand_in_queued(const struct tls *t)
{
    (void)t;
    return 0;
}

static void stand_in_info(const struct tls *t, struct tls_info *out)
{
    *out = (struct tls_info){.version = "TLSv1.3", .finding = t->finding};
}

static const struct tls_error *stand_in_error(const struct tls *t)
{
    return &t->error;
}

static const struct tls_engine engine = {.abi = TLS_ENGINE_ABI,
                                         .version = "a stand-in",
                                         .free = stand_in_free,
                                         .handshake = stand_in_handshake,
                                         .read = stand_in_read,
                                         .poll = stand_in_poll,
                                         .pending = stand_in_pending,
                                         .readable = stand_in_readable,
                                         .write = stand_in_write,
                                         .flush = stand_in_flush,
                                         .queued = stand_in_queued,
                                         .close_notify = (void (*)(struct tls *))stand_in_flush,
                                         .info = stand_in_info,
                                         .error = stand_in_error};

/* ---- in place of shim/engine.c ---- */

const struct tls_engine *engine_get(char *why, size_t cap)
{
    (void)why, (void)cap;
    return &engine;
}

bool engine_prepare(struct policy *policy, const struct engine_wish *wish, struct tls_error *error)
{
    (void)error;
    MUST(policy && wish->verdict->rule && wish->verdict->level >= LEVEL_MAY);
    return true;
}

bool engine_is_prepared(struct policy *policy, const struct engine_wish *wish)
{
    MUST(policy && wish->verdict->rule);
    return false; /* there is always something to do ahead */
}

struct tls *engine_open(struct policy *policy, const struct engine_wish *wish, int fd,
                        const struct tls_io *io, const struct tls_peer *peer, struct tls_error *error)
{
    (void)policy, (void)error;
    struct tls *t = calloc(1, sizeof *t);
    MUST(t);
    t->io = io;
    t->fd = fd;
    t->checks = wish->verdict->check_chain || wish->verdict->check_pins;
    t->observes = wish->verdict->rule->mode == MODE_TESTING;
    MUST(!wish->verdict->check_chain || peer->identity); /* a chain without a name proves nothing */
    MUST(!wish->verdict->check_pins || peer->n_pin_sets > 0);
    return t;
}
