/* SPDX-License-Identifier: MIT */
/* Damaged policies: cut at every byte, and changed at random (always the same random). Whatever comes out is
 * either a policy that can be asked or a diagnostic inside the text. */
#include <time.h>

#include "policy/rule.h"
#include "tests/unit/unit.h"

#define BUDGET_NS 1000000000L

static const char seed[] =
    "# comment\n"
    "defaults - timeout=2.5 audit=/var/log/x user-policy=yes\n"
    "localhost:* none\n"
    "cups.corp.example:631,80 verify try=upgrade ca=/etc/ssl/ca.pem tokens=TLS/1.2,TLS/1.0\n"
    "printer-*.corp.example:631 fingerprint\n"
    "\tpin=sha256//n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=\n"
    ".legacy.example may connect-timeout=3 # weak\r\n"
    "cdn.example secure match=x.example ciphers=HIGH:@SECLEVEL=2 min-tls=1.3\n"
    "[2001:db8::/32]:* reject mode=testing\n"
    "10.0.0.0/8 reject\n"
    "*:80,8080 verify cert=/c key=/k cert-on-upgrade=yes alpn=none\n";

static const char *const pieces[] = {
    " ",          "\n", ":",    ",",    "*",      "=",        "#",  "\0",
    "[",          "]",  "/",    "none", "verify", "secure",   "80", "pin=sha256//",
    "::1",        "@",  "\xff", "\r",   "\t",     "defaults", "-",  "match=",
    "10.0.0.0/8", "*.", "?",    "."};

static uint32_t state = 2463534242U;

static uint32_t next_random(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % below;
}

static struct policy_diagnostics diag;

static void ask(const struct policy *p)
{
    static const char *const names[] = {"a", "cups.corp.example", "printer-1.corp.example", "10.1.2.3"};
    struct policy_target t = {.names = names, .n_names = 4, .request_name = "x.legacy.example", .port = 80};
    struct policy_verdict v;
    char buf[256];

    for (unsigned port = 0; port < 700; port += 630 / 9) {
        t.port = (uint16_t)port;
        policy_decide(p, &t, &v);
        policy_none_is_final(p, &t);
        for (size_t i = 0; v.rule && i < OPTION_COUNT; i++) {
            struct text text = text_on(buf, sizeof(buf));

            option_show(&option_table[i], v.rule, &text);
        }
    }
}

static void try(const char *text, size_t len)
{
    struct policy *p = policy_parse(text, len, "test", &diag);
    unsigned lines = 1;

    CHECK((p != NULL) == (diag.n_errors == 0));
    if (p)
        ask(p);
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    for (size_t i = 0; i < diag.n_errors && i < POLICY_MAX_DIAGNOSTICS; i++) {
        const struct policy_diagnostic *d = &diag.errors[i];

        CHECK(d->line >= 1 && d->line <= lines && d->column >= 1 && d->column <= len + 1 && d->text[0]);
    }
    policy_unref(p);
}

static size_t mutate(char *text, size_t len, size_t cap)
{
    size_t at = next_random((uint32_t)len + 1), n;
    const char *piece = pieces[next_random(sizeof(pieces) / sizeof(pieces[0]))];

    switch (next_random(4)) {
    case 0: /* change a byte */
        if (at < len)
            text[at] = (char)next_random(256);
        return len;
    case 1: /* take a stretch out */
        n = next_random(20);
        if (n > len - at)
            n = len - at;
        memmove(text + at, text + at + n, len - at - n);
        return len - n;
    case 2: /* say a stretch twice */
        n = next_random(60);
        if (n > len - at)
            n = len - at;
        if (len + n > cap)
            return len;
        memmove(text + at + n, text + at, len - at);
        return len + n;
    default: /* put a piece in */
        n = *piece ? strlen(piece) : 1;
        if (len + n > cap)
            return len;
        memmove(text + at + n, text + at, len - at);
        memcpy(text + at, piece, n);
        return len + n;
    }
}

static int64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int main(void)
{
    int64_t end = now() + BUDGET_NS;
    char text[2048];

    for (size_t len = 0; len < sizeof(seed); len++) {
        char *cut = unit_guarded(seed, len);

        try(cut, len);
    }
    for (int round = 0; round < 100000 && now() < end; round++) {
        size_t len = sizeof(seed) - 1;

        memcpy(text, seed, len);
        for (uint32_t n = next_random(6) + 1; n; n--)
            len = mutate(text, len, sizeof(text));
        try(text, len);
    }
    return unit_done("policy_mutate");
}
