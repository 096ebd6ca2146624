/* SPDX-License-Identifier: MIT */
/* The 101: rows H030-H052 of the hostile servers, by id. */
#include "shim/http1/head.h"

#include "tests/unit/http1_heads.h"
#include "tests/unit/unit.h"

#define LINE "HTTP/1.1 101 Switching Protocols\r\n"

/* What the negotiation does: strict parse, then the switch. */
static bool switches(const char *head, size_t len)
{
    struct http1_response r;
    const char *error = NULL;
    char *copy = unit_guarded(head, len);
    if (!http1_parse_response(copy, len, &r) || r.status != 101)
        return false;
    bool is = http1_switches_to_tls(copy, len, &error);
    CHECK(is == (error == NULL));
    return is;
}

static void test_golden(void)
{
    for (size_t i = 0; i < COUNT(heads_101); i++)
        CHECK(switches(heads_101[i].head, strlen(heads_101[i].head)));
    for (size_t i = 0; i < COUNT(heads_options); i++) {
        const char *error;
        CHECK(!http1_switches_to_tls(heads_options[i].head, strlen(heads_options[i].head), &error));
        CHECK(error != NULL);
    }
}

struct row {
    const char *id, *head;
    bool up;
};

static const struct row rows[] = {
    {"H030", LINE "Upgrade: TLS/1.2\r\nConnection: Upgrade\r\n\r\n", true},
    {"H031", LINE "Upgrade: TLS/1.0, HTTP/1.1\r\nConnection: Upgrade\r\n\r\n", true},
    {"H032", LINE "Upgrade: TLS/1.2,TLS/1.1,TLS/1.0\r\n\r\n", true},
    {"H033", LINE "Content-Length: 0\r\nServer: x\r\nContent-Type: a/b\r\nUpgrade: TLS/1.2\r\n\r\n", true},
    {"H034 (bytes behind it decide)", LINE "Upgrade: TLS/1.2\r\nContent-Length: 5\r\n\r\n", true},
    {"H035 (bytes behind it decide)", LINE "Upgrade: TLS/1.2\r\nTransfer-Encoding: chunked\r\n\r\n", true},
    {"H036", LINE "Connection: Upgrade\r\n\r\n", false},
    {"H036 empty", LINE "Upgrade:\r\nConnection: Upgrade\r\n\r\n", false},
    {"H037", LINE "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n", false},
    {"H038", LINE "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n", false},
    {"H039", LINE "Upgrade: HTTP/1.1, TLS/1.2\r\nConnection: Upgrade\r\n\r\n", false},
    {"H040 XTLS", LINE "Upgrade: XTLS/1.2\r\n\r\n", false},
    {"H040 TLS", LINE "Upgrade: TLS\r\n\r\n", false},
    {"H040 TLS/", LINE "Upgrade: TLS/\r\n\r\n", false},
    {"H040 TLS/1", LINE "Upgrade: TLS/1\r\n\r\n", false},
    {"H040 TLS/1.", LINE "Upgrade: TLS/1.\r\n\r\n", false},
    {"H040 TLS/1.22", LINE "Upgrade: TLS/1.22\r\n\r\n", false},
    {"H040 TLS/1x2", LINE "Upgrade: TLS/1x2\r\n\r\n", false},
    {"H040 TLS/a.b", LINE "Upgrade: TLS/a.b\r\n\r\n", false},
    {"H041", LINE "Upgrade: TLS/1.2\r\nUpgrade: h2c\r\n\r\n", false},
    {"H041 in a list", LINE "Upgrade: TLS/1.2, h2c\r\n\r\n", false},
    {"H041 two that fit", LINE "Upgrade: TLS/1.2\r\nUpgrade: HTTP/1.1\r\n\r\n", true},
    {"H041 HTTP/2.0", LINE "Upgrade: TLS/1.2, HTTP/2.0\r\n\r\n", false},
    {"H042", LINE "Connection: Keep-Alive\r\nUpgrade: TLS/1.2\r\n\r\n", true},
    {"H042 none", LINE "Upgrade: TLS/1.2\r\n\r\n", true},
    {"H043", LINE "Connection: close, Upgrade\r\nUpgrade: TLS/1.2\r\n\r\n", false},
    {"H043 behind", LINE "Upgrade: TLS/1.2\r\nConnection: Upgrade\r\nConnection: Close\r\n\r\n", false},
    {"H044", LINE "connection: keep-alive, uPgRaDe\r\nupgrade: tls/1.2\r\n\r\n", true},
    {"H045", "HTTP/1.0 101 Switching Protocols\r\nUpgrade: TLS/1.2\r\nConnection: Upgrade\r\n\r\n", false},
    {"H046 empty", "HTTP/1.1 101 \r\nUpgrade: TLS/1.2\r\n\r\n", true},
    {"H046 none", "HTTP/1.1 101\r\nUpgrade: TLS/1.2\r\n\r\n", true},
    {"H046 utf-8", "HTTP/1.1 101 \xc3\xa4\xf0\x9f\x94\x92\r\nUpgrade: TLS/1.2\r\n\r\n", true},
    {"H047 1010", "HTTP/1.1 1010 x\r\nUpgrade: TLS/1.2\r\n\r\n", false},
    {"H047 101x", "HTTP/1.1 101x\r\nUpgrade: TLS/1.2\r\n\r\n", false},
    {"H047 HTTP/2", "HTTP/2 101\r\nUpgrade: TLS/1.2\r\n\r\n", false},
    {"H047 ICY", "ICY 101\r\nUpgrade: TLS/1.2\r\n\r\n", false},
    {"H048", "\r\n" LINE "Upgrade: TLS/1.2\r\n\r\n", true},
    {"H048 two", "\r\n\r\n" LINE "Upgrade: TLS/1.2\r\n\r\n", false},
    {"H049", "HTTP/1.1 101 x\nUpgrade: TLS/1.2\n\n", false},
    {"H049 one", LINE "Upgrade: TLS/1.2\n\r\n", false},
    {"H050", LINE "Upgrade: TLS/1.2,\r\n HTTP/1.1\r\n\r\n", false},
    {"H050 connection", LINE "Upgrade: TLS/1.2\r\nConnection:\r\n\tUpgrade\r\n\r\n", false},
    {"H051 cr", LINE "Upgrade: TLS/1.2\r\nX: a\rb\r\n\r\n", false},
    {"H051 name", LINE "Upgrade: TLS/1.2\r\nX\xff: b\r\n\r\n", false},
    {"H052", LINE "Upgrade : TLS/1.2\r\n\r\n", false},
    {"H058 (the head alone)", LINE "Upgrade: TLS/1.2\r\n\r\n" LINE, false},
    {"not a 101", "HTTP/1.1 200 OK\r\nUpgrade: TLS/1.2\r\nConnection: Upgrade\r\n\r\n", false},
};

static void test_rows(void)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned before = unit_failures;
        CHECK_INT(switches(rows[i].head, strlen(rows[i].head)), rows[i].up);
        if (unit_failures != before)
            fprintf(stderr, "  in row %s\n", rows[i].id);
    }
    static const char nul[] = LINE "Upgrade: TLS/1.2\r\nX: \0\r\n\r\n";
    CHECK(!switches(nul, sizeof nul - 1));
}

/* Any bytes at all are safe, complete or not, parsed before or not. */
static void test_prefixes(void)
{
    const char *error;
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t n = 0; n < strlen(rows[i].head); n++)
            http1_switches_to_tls(unit_guarded(rows[i].head, n), n, &error);
    CHECK(1);
}

int main(void)
{
    test_golden();
    test_rows();
    test_prefixes();
    return unit_done("http1_switch");
}
