/* SPDX-License-Identifier: MIT */
#include "tests/unit/unit.h"

#include "tests/unit/audit_json.h"

#include <errno.h>

static const struct record_origin origin = {
    .seconds = 1795230564, .microseconds = 5, .pid = 4711, .uid = 33, .exe = "/usr/bin/curl"};

static char out[AUDIT_LINE_MAX + 8];

static size_t record(const char *kind, const struct audit_event *e, uint64_t lost)
{
    size_t len = record_format(kind, e, &origin, lost, out, sizeof out);
    CHECK_INT(len, strlen(out));
    CHECK(len <= AUDIT_LINE_MAX - 2);
    CHECK(is_json_object(out));
    return len;
}

static void golden_decision(void)
{
    struct audit_event e = sample_event();
    record("decision", &e, 0);
    CHECK_STR(
        out, "{\"time\":\"2026-11-21T03:09:24.000005Z\",\"event\":\"decision\",\"id\":\"000000000000001f\","
             "\"pid\":4711,\"uid\":33,\"exe\":\"/usr/bin/curl\",\"destination\":\"192.0.2.1:80\","
             "\"names\":[{\"name\":\"api.example\",\"source\":\"host\"},"
             "{\"name\":\"www.example\",\"source\":\"resolver\"}],"
             "\"policy\":\"/etc/tlsup/policy.conf\",\"rule\":\"/etc/tlsup/policy.conf:12\","
             "\"policy_digest\":\"00ff\",\"level\":\"verify\",\"mode\":\"enforce\",\"strategy\":\"implicit\","
             "\"fallback_from\":\"upgrade\",\"action\":\"upgraded\",\"result_type\":\"success\","
             "\"tls_version\":\"TLSv1.3\",\"cipher\":\"TLS_AES_256_GCM_SHA384\",\"group\":\"x25519\","
             "\"peer_spki_sha256\":\"deadbeef00000000000000000000000000000000000000000000000000000001\","
             "\"resumed\":false,\"connect_ms\":0.123,\"negotiate_ms\":4.005,\"handshake_ms\":1000.000}");
}

static void golden_refusal(void)
{
    struct audit_event e = {
        .id = UINT64_MAX,
        .destination = "[2001:db8::1]:80",
        .policy = "built-in",
        .has_rule = true,
        .level = "verify",
        .mode = "testing",
        .action = "allowed-plain",
        .would = "block",
        .result_type = "starttls-not-supported",
        .reason = "said \"no\"\r\n{\"event\":\"decision\"}\x1b[31m\xff\\",
        .error = EKEYREJECTED,
    };
    record("decision", &e, 3);
    CHECK_STR(
        out,
        "{\"time\":\"2026-11-21T03:09:24.000005Z\",\"event\":\"decision\",\"id\":\"ffffffffffffffff\","
        "\"pid\":4711,\"uid\":33,\"exe\":\"/usr/bin/curl\",\"destination\":\"[2001:db8::1]:80\","
        "\"policy\":\"built-in\",\"rule\":\"built-in\",\"level\":\"verify\",\"mode\":\"testing\","
        "\"action\":\"allowed-plain\",\"would\":\"block\",\"result_type\":\"starttls-not-supported\","
        "\"reason\":\"said \\\"no\\\"\\u000d\\u000a{\\\"event\\\":\\\"decision\\\"}\\u001b[31m\\u00ff\\\\\","
        "\"errno\":\"EKEYREJECTED\",\"lost\":3}");
}

static void golden_close(void)
{
    struct audit_event e = sample_event();
    e.bytes_in = 10;
    e.open_us = 2500;
    e.closed = "truncated";
    e.error = ECONNRESET;
    e.result_type = "tlsup-truncated";
    record("close", &e, 0);
    CHECK_STR(out,
              "{\"time\":\"2026-11-21T03:09:24.000005Z\",\"event\":\"close\",\"id\":\"000000000000001f\","
              "\"pid\":4711,\"uid\":33,\"exe\":\"/usr/bin/curl\",\"destination\":\"192.0.2.1:80\","
              "\"names\":[{\"name\":\"api.example\",\"source\":\"host\"},"
              "{\"name\":\"www.example\",\"source\":\"resolver\"}],\"action\":\"upgraded\","
              "\"result_type\":\"tlsup-truncated\",\"errno\":\"ECONNRESET\",\"bytes_in\":10,\"bytes_out\":0,"
              "\"open_ms\":2.500,\"closed\":\"truncated\"}");
}

static void errno_names(void)
{
    static const struct {
        int error;
        const char *want;
    } cases[] = {
        {EACCES, "\"errno\":\"EACCES\""},
        {EKEYEXPIRED, "\"errno\":\"EKEYEXPIRED\""},
        {EPROTO, "\"errno\":\"EPROTO\""},
        {ETIMEDOUT, "\"errno\":\"ETIMEDOUT\""},
        {ELIBACC, "\"errno\":\"ELIBACC\""},
        {ENOBUFS, "\"errno\":\"ENOBUFS\""},
        {ECONNREFUSED, "\"errno\":\"ECONNREFUSED\""},
        {9999, "\"errno\":9999"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct audit_event e = {.error = cases[i].error};
        record("decision", &e, 0);
        CHECK(strstr(out, cases[i].want) != NULL);
    }
    struct audit_event none = {0};
    record("decision", &none, 0);
    CHECK(!strstr(out, "errno"));
}

/* Everything as long and as hostile as it can get. */
static struct audit_event monstrous_event(void)
{
    static char name[254], path[5000], reason[9000];
    memset(name, '\n', sizeof name - 1);
    memset(path, '"', sizeof path - 1);
    memset(reason, 0xff, sizeof reason - 1);
    struct audit_event e = sample_event();
    for (size_t i = 0; i < AUDIT_NAMES_MAX; i++)
        e.names[i] = (struct audit_name){name, "resolver"};
    e.n_names = AUDIT_NAMES_MAX + 5; /* a caller's mistake reads nothing behind the array */
    e.policy = e.destination = path;
    e.reason = reason;
    e.error = EKEYREJECTED;
    return e;
}

static void hostile_texts(void)
{
    struct audit_event e = monstrous_event();
    CHECK(record("decision", &e, 1) > 1000);
    CHECK(strstr(out, "...:12\",\"policy_digest\"") != NULL); /* the path gives way, the line stays */
    CHECK(strstr(out, "...\"") != NULL);
    CHECK(record("close", &e, 1) > 500);
}

static void names_at_full_length(void)
{
    static char name[254];
    memset(name, 'n', sizeof name - 1);
    struct audit_event e = sample_event();
    for (size_t i = 0; i < AUDIT_NAMES_MAX; i++)
        e.names[i] = (struct audit_name){name, "resolver"};
    e.n_names = AUDIT_NAMES_MAX;
    record("decision", &e, 0);
    CHECK(strstr(out, name) != NULL); /* honest names are never shortened */
}

static void every_cap(const struct audit_event *e, const char *kind)
{
    size_t full = record(kind, e, 7), shortest = 0;
    for (size_t cap = 0; cap <= full + 2; cap++) {
        char *end = unit_guarded(out, cap); /* writing behind cap faults */
        if (cap)
            end[0] = 'Z';
        size_t len = record_format(kind, e, &origin, 7, end, cap);
        CHECK(cap == 0 || len == strlen(end));
        CHECK(len == 0 || is_json_object(end));
        if (len && !shortest)
            shortest = cap;
        CHECK(len != 0 || shortest == 0); /* what fits once fits with more room, too */
    }
    CHECK(shortest > 0);
}

static void caps(void)
{
    struct audit_event plain = sample_event(), hostile = monstrous_event();
    every_cap(&plain, "decision");
    every_cap(&plain, "close");
    every_cap(&hostile, "decision");
}

static void of_this_process(void)
{
    struct audit_event e = sample_event();
    char want[64];
    errno = EXDEV;
    CHECK(audit_format("decision", &e, 0, out, sizeof out) > 0);
    CHECK_INT(errno, EXDEV);
    CHECK(is_json_object(out));
    (void)snprintf(want, sizeof want, "\"pid\":%d,\"uid\":%u,\"exe\":\"/", (int)getpid(), (unsigned)getuid());
    CHECK(strstr(out, want) != NULL);
}

int main(void)
{
    golden_decision();
    golden_refusal();
    golden_close();
    errno_names();
    hostile_texts();
    names_at_full_length();
    caps();
    of_this_process();
    return unit_done("audit_record");
}
