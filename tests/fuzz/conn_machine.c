/* SPDX-License-Identifier: MIT */
/*
 * The whole machine against a program and a server that do what the input says, and what must hold whatever
 * they do: nothing of the program in the clear where the policy does not allow it, nothing in the clear but
 * one well-formed question per association, nothing delivered that did not come out of TLS, and a refusal is
 * for ever.
 *
 * The input: one letter that chooses the policy, then acts that are separated by '|'; the first character of
 * each says what happens.
 *   >TEXT the program sends   <TEXT the server sends   r k o p w the program receives, peeks, asks FIONREAD,
 *   polls for reading, for writing   c x the dial succeeds, fails   F R the server ends, resets
 *   S the program ends its direction   f the socket is full, or not any more   tN time passes   n dials anew
 *   u the next dials are refused at once
 */
#include "shim/conn/bytes.h"
#include "shim/conn/conn.h"
#include "shim/conn/life.h"
#include "shim/conn/machine.h"
#include "shim/conn/socket.h"
#include "shim/names.h"
#include "shim/real.h"
#include "shim/table.h"
#include "tests/fuzz/must.h"
#include "tests/fuzz/world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>

struct setting {
    const char *text;
    bool clear;   /* the clear is allowed to come of it */
    bool edits;   /* what goes inside need not be what the program said, nor what comes out what it reads */
    bool answers; /* what a proxy says in the clear may be for the program */
};

static const struct setting settings[] = {
    {"*:80 verify try=upgrade", false, false, false},
    {"*:80 encrypt try=upgrade", false, false, false},
    {"*:80 may", true, false, false},
    {"*:80 verify try=upgrade,implicit", false, false, false},
    {"*:80 verify try=implicit,upgrade implicit-port=443", false, false, false},
    {"*:80 verify mode=testing", true, false, false},
    {"*:80 verify try=upgrade redirects=rewrite desync=count premature-close=eof", false, true, false},
    {"a.test:80 secure\n*:80 encrypt", false, false, false},
    {"a.test:80 secure try=implicit when=connect\n*:80 reject", false, false, false},
    {"192.0.2.1:80 verify proxy=yes\n*:* verify", false, true, true},
    {"*:80 may proxy=yes", true, true, true},
    {"*:80 verify non-http=pass", true, false, false},
    {"*:80 fingerprint pin=sha256//n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=", false, false, false},
    {"a.test:80 may\nb.test:80 none\n*:80 verify", true, false, false},
};
#define SEPARATOR '|'
#define SETTINGS  (sizeof settings / sizeof *settings)

static const struct setting *setting;
static struct world_bytes said, heard;
static bool was_refused, eof;

/* ---- what must hold ---- */

static bool is_prefix(const struct world_bytes *a, const struct world_bytes *of)
{
    return a->len <= of->len && memcmp(a->at, of->at, a->len) == 0;
}

static bool contains(const struct world_bytes *b, const char *text)
{
    return memmem(b->at, b->len, text, strlen(text)) != NULL;
}

/* One whole head that asks for TLS, or a part of it while it is on its way: no line of it is the program's.
 */
static void check_asked(const struct conn *c)
{
    static const char upgrade[] = "OPTIONS * HTTP/1.1\r\nHost: ", tunnel[] = "CONNECT ";
    const struct world_bytes *asked = &world.asked;
    size_t lines = 0;
    if (!asked->len)
        return;
    bool connects = memcmp(asked->at, tunnel, sizeof tunnel - 1) == 0;
    MUST(connects || (asked->len > sizeof upgrade && memcmp(asked->at, upgrade, sizeof upgrade - 1) == 0));
    const char *end = memmem(asked->at, asked->len, "\r\n\r\n", 4);
    MUST(end && (setting->answers || end + 4 == asked->at + asked->len)); /* a proxy may be asked again */
    MUST(memcmp(asked->at + asked->len - 4, "\r\n\r\n", 4) == 0);
    for (size_t i = 0; i < asked->len; i++) {
        unsigned char byte = (unsigned char)asked->at[i];
        lines += byte == '\n';
        MUST(byte != '\n' || asked->at[i - 1] == '\r');
        MUST(byte != '\r' || asked->at[i + 1] == '\n');
        MUST((byte >= 0x20 && byte < 0x7f) || byte == '\r' || byte == '\n' || connects);
    }
    MUST(connects || lines == 5);
    MUST(!world.clear.len || c->state == CONN_PLAIN || c->state == CONN_OPEN || setting->answers);
}

static void check_clear(const struct conn *c)
{
    if (!world.clear.len)
        return;
    MUST(setting->clear);
    MUST(c->state == CONN_PLAIN || (c->state == CONN_OPEN && c->grant) || c->state == CONN_REFUSED);
    MUST(!world.sealed.len);
    MUST(!world.asked.len || setting->answers); /* on an association that nobody has spoken in */
    MUST(setting->edits || is_prefix(&world.clear, &said));
}

static void check_sealed(void)
{
    if (setting->edits || contains(&said, "pgrade") || contains(&said, "PGRADE") || contains(&said, "HTTP2"))
        return;
    MUST(is_prefix(&world.sealed, &said));
}

/* `taken` bytes at the end of `heard` are new. */
static void check_heard(const struct conn *c)
{
    if (setting->edits || !heard.len || c->state == CONN_PLAIN || setting->clear)
        return;
    MUST(memmem(world.opened.at, world.opened.len, heard.at, heard.len));
}

static void check(struct conn *c)
{
    MUST(c->state < CONN_STATES);
    check_asked(c);
    check_clear(c);
    check_sealed();
    check_heard(c);
    MUST(c->state != CONN_PLAIN || setting->clear);
    MUST(!was_refused || c->state == CONN_REFUSED);
    if (c->state == CONN_REFUSED && !was_refused) {
        was_refused = true;
        MUST(c->error != 0);
        MUST(c->result_type || c->closed);
        MUST(world.shut || !world.connected);
        for (const char *p = c->reason; *p; p++)
            MUST(*p >= 0x20 && *p < 0x7f);
    }
    MUST(!world.sealed.len || c->state == CONN_OPEN || c->state == CONN_REFUSED);
}

/* ---- what happens ---- */

static void send_text(struct conn *c, const char *text, size_t len)
{
    size_t taken = 0;
    enum conn_rc rc = conn_send(c, guarded(text, len), len, &taken);
    MUST(taken <= len && (rc != RC_AGAIN || taken < len || !len));
    MUST(!was_refused || (rc == RC_ERROR && c->error));
    world_bytes_add(&said, text, taken);
    if (rc == RC_PASS && c->state == CONN_PLAIN && world.connected && !world.full) {
        world_bytes_add(&said, text + taken, len - taken);
        conn_send_now(WORLD_FD, text + taken, len - taken);
    }
}

static void receive(struct conn *c, bool peek)
{
    char buf[700];
    size_t got = 0;
    enum conn_rc rc = conn_recv(c, buf, sizeof buf, peek ? 0 : CONN_TAKE, &got);
    MUST(got <= sizeof buf && (rc == RC_OK || peek || !got));
    MUST(!was_refused || (rc == RC_ERROR && c->error));
    MUST(!(eof && got)); /* an end is an end */
    if (got && !peek)
        world_bytes_add(&heard, buf, got);
    MUST(!got || setting->answers || c->state == CONN_OPEN);
    /* In TLS an end is authenticated, or an answer came (this one may be looked at), or nothing was asked, or
     * an error was told before. */
    MUST(rc != RC_EOF || c->state != CONN_OPEN || c->grant || world.notified || c->cut_told || c->read_shut ||
         setting->edits || heard.len || got || !world.sealed.len || eof);
    eof = eof || (rc == RC_EOF && !got && c->state == CONN_OPEN);
}

static void poll_for(struct conn *c, short events)
{
    struct pollfd p = {.fd = WORLD_FD, .events = conn_kernel_interest(c, events)};
    real.poll(&p, 1, 0);
    conn_advance(c);
    conn_ready(c, events, p.revents);
}

static void dial_ends(bool succeeds)
{
    if (!world.dialling)
        return;
    world.dialling = false;
    world.connected = succeeds;
    world.error = succeeds ? 0 : ECONNREFUSED;
}

static void pass_time(const char *text, size_t len)
{
    world.clock_ns += (len ? (uint64_t)(unsigned char)text[0] : 1) * 100000000U;
}

/* conn, or NULL: it is none of ours, or refused. */
static struct conn *dial(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(80)};
    struct sockaddr_storage at = {0};
    struct conn *c = NULL;
    int error = 0;
    world_socket();
    said.len = heard.len = 0;
    was_refused = eof = false;
    inet_pton(AF_INET, "192.0.2.1", &to.sin_addr);
    memcpy(&at, &to, sizeof to);
    enum gate gate = conn_gate(WORLD_FD, (struct sockaddr *)&to, sizeof to, &c, &error);
    MUST(gate != GATE_REFUSED || error);
    MUST(gate != GATE_PASS || setting->clear);
    if (gate != GATE_GOVERNED)
        return NULL;
    world.conn = c;
    if (conn_dial(c, WORLD_FD, &at) == DIAL_AS_IT_IS) {
        int result = real.connect(WORLD_FD, (struct sockaddr *)&at, sizeof to);
        conn_dialled(c, WORLD_FD, result, errno);
    }
    return c;
}

static void hang_up(struct conn *c)
{
    if (c) {
        conn_leave(WORLD_FD);
        conn_put(c);
    }
    table_set_bits(WORLD_FD, 0, SLOT_FRESH);
}

static void act(struct conn *c, const char *text, size_t len)
{
    char what = text[0];
    text++, len--;
    conn_lock(c, WORLD_FD);
    switch (what) {
    case '>': send_text(c, text, len); break;
    case '<':
        if (world.connected && !world.fin)
            world_bytes_add(&world.arrived, text, len);
        break;
    case 'r': receive(c, false); break;
    case 'k': receive(c, true); break;
    case 'o': conn_readable(c); break;
    case 'p': poll_for(c, POLLIN); break;
    case 'w': poll_for(c, POLLOUT); break;
    case 'c': dial_ends(true); break;
    case 'x': dial_ends(false); break;
    case 'F': world.fin = world.connected; break;
    case 'R': world.reset = world.connected; break;
    case 'S': conn_shutdown(c, SHUT_WR); break;
    case 'f': world.full = !world.full; break;
    case 'u': world.refuses = !world.refuses; break;
    case 't': pass_time(text, len); break;
    default: break;
    }
    check(c);
    conn_unlock(c);
}

static void choose(uint8_t letter)
{
    static struct policy *policies[SETTINGS];
    size_t i = (uint8_t)(letter - 'a') % SETTINGS;
    char text[400] = "defaults - audit=none messages=none\n";
    setting = &settings[i];
    if (!policies[i]) {
        struct policy_diagnostics diag = {0};
        memcpy(text + strlen(text), setting->text, strlen(setting->text) + 1);
        policies[i] = policy_parse(text, strlen(text), "fuzz", &diag);
        MUST(policies[i]);
    }
    world.policy = policies[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static bool begun;
    if (!begun)
        world_begin();
    begun = true;
    if (len < 2 || len > 16384)
        return 0;
    choose(data[0]);
    world.clock_ns += 3600000000000U; /* what was learnt of the destination is forgotten */
    struct conn *c = dial();
    const char *at = (const char *)data + 1, *end = (const char *)data + len;
    while (at < end) {
        const char *stop = memchr(at, SEPARATOR, (size_t)(end - at));
        size_t n = (size_t)((stop ? stop : end) - at);
        if (n && at[0] == 'n') {
            hang_up(c);
            c = dial();
        } else if (n && c) {
            act(c, at, n);
        }
        at += n + 1;
    }
    hang_up(c);
    return 0;
}
