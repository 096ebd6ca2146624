/* SPDX-License-Identifier: MIT */
/* Data over an open connection: what read, poll, pending, write and flush say. */
#include "tests/unit/tls_talk.h"

#define BULK (1024U * 1024U)

static void conversation(int max)
{
    struct pair p;
    char buf[64];
    connected(&p, max);
    /* in TLS 1.3 two session tickets are there: they are not data */
    CHECK_INT(p.link->down.len > 0, max == TLS1_3_VERSION);
    CHECK_INT(p_poll(&p), TLS_WANT_READ);
    CHECK(!p.e->pending(p.tls));
    expect_read(&p, TLS_WANT_READ, "");
    expect_write(&p, TLS_DONE, "GET / HTTP/1.1\r\n\r\n", 18);
    CHECK_INT(p.e->queued(p.tls), 0);
    CHECK_INT(server_read(&p, buf, sizeof buf), 18);
    server_write(&p, "hello", 5);
    CHECK(!p.e->pending(p.tls)); /* it is still in the kernel */
    CHECK_INT(p_poll(&p), TLS_DONE);
    CHECK(p.e->pending(p.tls));
    CHECK_INT(p.e->readable(p.tls), 5);
    CHECK_INT(p_poll(&p), TLS_DONE);
    size_t n = 0;
    CHECK_INT(p_read(&p, buf, 0, &n), TLS_DONE);
    CHECK_INT(p_read(&p, buf, 2, &n), TLS_DONE);
    CHECK_INT(n, 2);
    CHECK(p.e->pending(p.tls));
    CHECK_INT(p.e->readable(p.tls), 3);
    expect_read(&p, TLS_DONE, "llo");
    CHECK(!p.e->pending(p.tls));
    CHECK_INT(p.e->readable(p.tls), 0);
    expect_read(&p, TLS_WANT_READ, "");
    expect_write(&p, TLS_DONE, "", 0);
    pair_free(&p);
}

/* One read goes over many records, and one recv brings them. */
static void coalesced(int max)
{
    struct pair p;
    char buf[256];
    size_t n;
    connected(&p, max);
    CHECK_INT(p_poll(&p), TLS_WANT_READ);
    for (int i = 0; i < 100; i++)
        server_write(&p, "x", 1); /* H119 */
    p.link->recvs = 0;
    CHECK_INT(p_read(&p, buf, sizeof buf, &n), TLS_DONE);
    CHECK_INT(n, 100);
    CHECK_INT(p.link->recvs, 1);
    for (int i = 0; i < 100; i++)
        server_write(&p, "x", 1);
    CHECK_INT(p_read(&p, buf, 60, &n), TLS_DONE);
    CHECK_INT(n, 60);
    CHECK(p.e->pending(p.tls));
    CHECK_INT(p_read(&p, buf, sizeof buf, &n), TLS_DONE);
    CHECK_INT(n, 40);
    CHECK_INT(p.link->recvs,
              3); /* what came since the first would show no other edge: the kernel is asked again */
    pair_free(&p);
}

/* One recv reads ahead, and brings a record and a half: only a whole one is pending. */
static void halves(int max)
{
    struct pair p;
    char buf[64];
    size_t n;
    connected(&p, max);
    CHECK_INT(p_poll(&p), TLS_WANT_READ);
    server_write(&p, "first", 5);
    server_write(&p, "second", 6);
    size_t first = p.link->down.len / 2 + 10; /* the halves are a byte apart */
    p.link->recv_max = first;
    CHECK_INT(p_read(&p, buf, 5, &n), TLS_DONE);
    CHECK_INT(n, 5);
    CHECK(!p.e->pending(p.tls));
    CHECK_INT(p_poll(&p), TLS_DONE); /* the rest is in the kernel */
    CHECK(p.e->pending(p.tls));
    expect_read(&p, TLS_DONE, "second");
    CHECK(!p.e->pending(p.tls));
    p.link->recv_max = 0;
    server_write(&p, "third", 5);
    server_write(&p, "fourth", 6);
    CHECK_INT(p_read(&p, buf, 5, &n), TLS_DONE);
    CHECK(p.e->pending(p.tls));
    CHECK_INT(p.e->readable(p.tls), 0); /* it is not decrypted yet */
    expect_read(&p, TLS_DONE, "fourth");
    CHECK(!p.e->pending(p.tls));
    expect_read(&p, TLS_WANT_READ, "");
    pair_free(&p);
}

/* Records with data are no flood, however many of them one recv brings. */
static void many(int max)
{
    struct pair p;
    char buf[1024];
    size_t n;
    connected(&p, max);
    CHECK_INT(p_poll(&p), TLS_WANT_READ);
    for (int i = 0; i < 600; i++)
        server_write(&p, "x", 1);
    for (size_t got = 0; got < 600; got += n) {
        CHECK_INT(p_read(&p, buf, 7, &n), TLS_DONE);
        if (!n)
            break;
    }
    CHECK(!p.e->pending(p.tls));
    pair_free(&p);
}

static void fill(unsigned char *bytes, size_t len)
{
    uint64_t x = 1;
    for (size_t i = 0; i < len; i++) {
        x = x * 6364136223846793005U + 1442695040888963407U;
        bytes[i] = (unsigned char)(x >> 56);
    }
}

static void shape(struct pair *p, size_t in, size_t out, unsigned stutter)
{
    p->link->recv_max = in;
    p->link->send_max = out;
    p->link->stutter = stutter;
}

static void upload(int max, size_t out, unsigned stutter, const unsigned char *data, unsigned char *copy,
                   size_t len)
{
    struct pair p;
    connected(&p, max);
    shape(&p, 0, out, stutter);
    size_t sent = 0, arrived = 0, n;
    for (unsigned spin = 0; arrived < len && spin < 4000000; spin++) {
        if (sent < len) {
            enum tls_result r = p_write(&p, data + sent, len - sent, &n);
            CHECK(r == TLS_DONE || (r == TLS_WANT_WRITE && n == 0 && p.e->queued(p.tls) > 0));
            sent += n;
        } else {
            p.e->flush(p.tls);
        }
        int got;
        while (arrived < len && (got = server_read(&p, copy + arrived, (int)(len - arrived))) > 0)
            arrived += (size_t)got;
    }
    CHECK_INT(arrived, len);
    CHECK(memcmp(data, copy, len) == 0);
    CHECK_INT(p.e->queued(p.tls), 0);
    pair_free(&p);
}

static void download(int max, size_t in, unsigned stutter, size_t cap, const unsigned char *data,
                     unsigned char *copy, size_t len)
{
    struct pair p;
    connected(&p, max);
    shape(&p, in, 0, stutter);
    size_t arrived = 0, n, sent = 0;
    for (unsigned spin = 0; arrived < len && spin < 4000000; spin++) {
        if (p.link->down.len < 1000 && sent < len) {
            size_t step = len - sent < 20000 ? len - sent : 20000;
            server_write(&p, data + sent, step);
            sent += step;
        }
        enum tls_result r = p_read(&p, copy + arrived, len - arrived < cap ? len - arrived : cap, &n);
        CHECK((r == TLS_DONE && n > 0) || (r == TLS_WANT_READ && n == 0));
        arrived += n;
    }
    CHECK_INT(arrived, len);
    CHECK(memcmp(data, copy, len) == 0);
    pair_free(&p);
}

static void bulk(int max)
{
    unsigned char *data = malloc(BULK), *copy = malloc(BULK);
    fill(data, BULK);
    upload(max, 0, 0, data, copy, BULK);
    upload(max, 997, 0, data, copy, BULK);
    upload(max, 7, 3, data, copy, 40000);
    upload(max, 16000, 5, data, copy, BULK);
    download(max, 0, 0, 65536, data, copy, BULK);
    download(max, 0, 0, 100, data, copy, BULK);
    download(max, 991, 3, 65536, data, copy, BULK);
    download(max, 1, 0, 16, data, copy, 40000);
    download(max, 5000, 5, 17000, data, copy, BULK);
    free(data);
    free(copy);
}

/* While ciphertext waits nothing more is taken, and what was taken is never asked for again. */
static void back_pressure(int max)
{
    struct pair p;
    static char big[50000], back[50000];
    memset(big, 'b', sizeof big);
    connected(&p, max);
    p.link->room = 20000;
    size_t n, total = 0;
    CHECK_INT(p_write(&p, big, sizeof big, &n), TLS_DONE);
    CHECK_INT(n, 32768);
    CHECK(p.e->queued(p.tls) > 0);
    total += n;
    expect_write(&p, TLS_WANT_WRITE, "z", 0);
    CHECK_INT(p.e->flush(p.tls), TLS_WANT_WRITE);
    expect_read(&p, TLS_WANT_READ, "");
    p.link->room = 0;
    unsigned sends = p.link->sends;
    CHECK_INT(p_write(&p, big, sizeof big - total, &n), TLS_DONE);
    CHECK_INT(p.link->sends, sends + 1 + 2); /* what waited, then two records */
    total += n;
    CHECK_INT(total, sizeof big);
    CHECK_INT(p.e->flush(p.tls), TLS_DONE);
    size_t at = 0;
    int got;
    while ((got = server_read(&p, back + at, (int)(sizeof back - at))) > 0)
        at += (size_t)got;
    CHECK_INT(at, sizeof back);
    CHECK(memcmp(big, back, sizeof big) == 0);
    pair_free(&p);
}

int main(void)
{
    talk_start();
    for (int i = 0; i < 2; i++) {
        foreign = i;
        for (int max = TLS1_2_VERSION; max <= TLS1_3_VERSION; max++) {
            conversation(max);
            coalesced(max);
            halves(max);
            many(max);
            bulk(max);
            back_pressure(max);
        }
    }
    return talk_done("tls_stream");
}
