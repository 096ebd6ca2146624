/* SPDX-License-Identifier: MIT */
/* A bounded, repeatable share of what the fuzzers do: real heads and conversations, damaged. */
#include "tests/fuzz/http1_checks.h"
#include "tests/unit/http1_heads.h"
#include "tests/unit/unit.h"

#define ROUNDS    20000U /* about a second with AddressSanitizer */
#define INPUT_MAX 2048U

struct seed {
    const char *text;
    size_t len;
};

#define SEED(text)                                                                                           \
    {                                                                                                        \
        text, sizeof(text) - 1                                                                               \
    }

/* '\0' changes the direction. */
static const struct seed seeds[] = {
    SEED("GET / HTTP/1.1\r\nHost: a.example:80\r\n\r\n\0HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello\0"
         "HEAD http://b/ HTTP/1.1\nHost: b\n\n\0HTTP/1.1 204 x\n\n"),
    SEED("POST /x HTTP/1.1\r\nHost: [::1]:8080\r\nTransfer-Encoding: chunked\r\n\r\n"
         "5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\n\0HTTP/1.1 100 Continue\r\n\r\n"
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n"),
    SEED("CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n\0HTTP/1.1 200 Established\r\n\r\n\0"
         "\x16\x03\x01\0\x16\x03\x03"),
    SEED("GET / HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\n\r\n\r\n\0"
         "\r\nHTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3, 3\r\n\r\nabc\r\n"),
    SEED("HTTP/1.1 101 Switching Protocols\r\nUpgrade: TLS/1.0, HTTP/1.1\r\nConnection: Upgrade\r\n\r\n"),
    SEED("GET http://a.example:8080/x?y HTTP/1.1\r\nHost: a.example:8080\r\nProxy-Connection: keep-alive\r\n"
         "Proxy-Authorization: Basic eDp5\r\nConnection: Upgrade, HTTP2-Settings\r\n"
         "Upgrade: h2c, websocket\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"),
    SEED("OPTIONS http://a HTTP/1.1\r\nUpgrade: h2c\r\nconnection: close,upgrade\r\n\r\n"),
    SEED("printer-1.example.:631"),
};

static uint64_t state = 0x9e3779b97f4a7c15;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static size_t below(size_t n)
{
    return (size_t)(next_random() % n);
}

static size_t pick_seed(char *out)
{
    size_t i = below(COUNT(seeds) + COUNT(heads_101));
    struct seed seed = {NULL, 0};
    if (i < COUNT(seeds))
        seed = seeds[i];
    else
        seed.text = heads_101[i - COUNT(seeds)].head;
    size_t len = seed.len ? seed.len : strlen(seed.text);
    memcpy(out, seed.text, len);
    return len;
}

static size_t mutate(char *text, size_t len)
{
    static const char bytes[] = "\r\n\0 \t:,;/[]@.0159afHT\x7f\xff";
    size_t at = below(len), n = 1 + below(8);
    switch (below(5)) {
    case 0: text[at] = bytes[below(sizeof bytes - 1)]; break;
    case 1: text[at] = (char)(text[at] ^ (1 << below(8))); break;
    case 2: /* cut out */
        n = n < len - at ? n : len - at - 1;
        memmove(text + at, text + at + n, len - at - n);
        len -= n;
        break;
    case 3: /* repeat */
        n = n < len - at ? n : len - at;
        if (len + n <= INPUT_MAX) {
            memmove(text + at + n, text + at, len - at);
            len += n;
        }
        break;
    default: /* insert */
        if (len < INPUT_MAX) {
            memmove(text + at + 1, text + at, len - at);
            text[at] = bytes[below(sizeof bytes - 1)];
            len++;
        }
    }
    return len;
}

int main(void)
{
    static char text[INPUT_MAX + 1];
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t len = pick_seed(text);
        for (size_t n = below(6); n && len; n--)
            len = mutate(text, len);
        check_heads((const uint8_t *)text, len);
        check_flow((const uint8_t *)text, len);
        CHECK(1);
    }
    return unit_done("http1_mutate");
}
