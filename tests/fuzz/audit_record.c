/* SPDX-License-Identifier: MIT */
/*
 * Records, messages and text for terminals, made of any bytes: one line of printable ASCII, one JSON object,
 * never too long, and nothing of a field outside of it. Fields are separated by '\0'; the first byte says how
 * much room there is.
 */
#include "shim/audit/journal.h"
#include "shim/audit/record.h"
#include "tests/fuzz/must.h"
#include "tests/unit/audit_json.h"

#define FIELDS 24U

static void check_line(const char *out, size_t n, size_t cap)
{
    MUST(n < cap && strlen(out) == n && n <= AUDIT_LINE_MAX - 2);
    for (size_t i = 0; i < n; i++)
        MUST(out[i] >= 0x20 && out[i] < 0x7f);
    MUST(!n || is_json_object(out));
}

/* An entry of the journal: "FIELD=value" a line, one MESSAGE, and no field that is not ours. */
static void check_entry(const char *out, size_t n)
{
    unsigned messages = 0;
    MUST(n <= JOURNAL_ENTRY_MAX);
    for (const char *at = out, *end; at < out + n; at = end + 1) {
        end = memchr(at, '\n', (size_t)(out + n - at));
        MUST(end && memchr(at, '=', (size_t)(end - at)));
        for (const char *c = at; c < end; c++)
            MUST(*c >= 0x20 && *c < 0x7f);
        bool is_message = strncmp(at, "MESSAGE=", 8) == 0;
        messages += is_message;
        MUST(is_message || strncmp(at, "TLSUP_", 6) == 0 || strncmp(at, "PRIORITY=", 9) == 0 ||
             strncmp(at, "SYSLOG_", 7) == 0);
        MUST(!is_message || end - at < 4096);
    }
    MUST(messages == (n > 0));
}

static void check_printable(const char *text, size_t len)
{
    char out[300];
    for (size_t cap = 1; cap <= sizeof out; cap = cap * 3 + 1) {
        size_t n = audit_printable(text, len, out, cap);
        MUST(n < cap && out[n] == 0);
        for (size_t i = 0; i < n; i++)
            MUST(out[i] >= 0x20 && out[i] < 0x7f);
    }
}

static struct audit_event event_of(char *const field[FIELDS], const uint8_t spki[32])
{
    struct audit_event e = {
        .destination = field[0],
        .policy = field[1],
        .policy_digest = field[2],
        .level = field[3],
        .mode = field[4],
        .strategy = field[5],
        .fallback_from = field[6],
        .action = field[7],
        .would = field[8],
        .result_type = field[9],
        .reason = field[10],
        .tls_version = field[11],
        .cipher = field[12],
        .group = field[13],
        .closed = field[14],
        .peer_spki = spki,
        .rule_line = 12,
        .has_rule = true,
        .error = field[15] ? (int)strlen(field[15]) : 0,
        .connect_us = field[15] ? (uint64_t)-1 : 0,
        .bytes_in = (uint64_t)-1,
    };
    for (e.n_names = 0; e.n_names < AUDIT_NAMES_MAX && 16 + e.n_names < FIELDS && field[16 + e.n_names];
         e.n_names++)
        e.names[e.n_names] = (struct audit_name){field[16 + e.n_names], "host"};
    if (!e.destination)
        e.destination = "";
    if (!e.action)
        e.action = "blocked";
    if (!e.result_type)
        e.result_type = "success";
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t spki[32] = {0xff};
    static char out[JOURNAL_ENTRY_MAX];
    char *field[FIELDS] = {NULL};
    if (len < 1 || len > 32768)
        return 0;
    check_printable(guarded(data, len), len);
    char *text = malloc(len + 1), *at = text;
    MUST(text);
    memcpy(text, data, len);
    text[len] = 0;
    for (size_t i = 0; i < FIELDS && at < text + len; i++) {
        field[i] = at;
        at += strlen(at) + 1;
    }
    struct audit_event e = event_of(field, data[0] & 1 ? spki : NULL);
    struct record_origin origin = {.seconds = 1700000000, .pid = 7, .exe = field[FIELDS - 1]};
    size_t caps[] = {AUDIT_LINE_MAX + 100, AUDIT_LINE_MAX, 1U + 16U * data[0]};
    for (size_t i = 0; i < sizeof caps / sizeof *caps; i++) {
        check_line(out, record_format("decision", &e, &origin, data[0], out, caps[i]), caps[i]);
        check_line(out, record_format("close", &e, &origin, data[0], out, caps[i]), caps[i]);
    }
    check_entry(out, journal_format("decision", &e, &origin, data[0], out));
    free(text);
    return 0;
}
