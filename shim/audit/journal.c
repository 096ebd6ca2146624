/* SPDX-License-Identifier: MIT */
#include "shim/audit/journal.h"

#include <stddef.h>
#include <string.h>
#include <syslog.h>

#define VALUE_MAX 400U /* bytes of one value of foreign length, before it is escaped */

static const struct {
    const char *field;
    size_t at; /* of a string in the event */
} texts[] = {
    {"TLSUP_DESTINATION", offsetof(struct audit_event, destination)},
    {"TLSUP_POLICY", offsetof(struct audit_event, policy)},
    {"TLSUP_LEVEL", offsetof(struct audit_event, level)},
    {"TLSUP_MODE", offsetof(struct audit_event, mode)},
    {"TLSUP_STRATEGY", offsetof(struct audit_event, strategy)},
    {"TLSUP_ACTION", offsetof(struct audit_event, action)},
    {"TLSUP_WOULD", offsetof(struct audit_event, would)},
    {"TLSUP_RESULT_TYPE", offsetof(struct audit_event, result_type)},
    {"TLSUP_REASON", offsetof(struct audit_event, reason)},
    {"TLSUP_TLS_VERSION", offsetof(struct audit_event, tls_version)},
};

static void begin(struct fmt *f, const char *name)
{
    fmt_str(f, name);
    fmt_char(f, '=');
}

static void text(struct fmt *f, const char *name, const char *value)
{
    if (!value || !value[0])
        return;
    begin(f, name);
    fmt_printable(f, value, strnlen(value, VALUE_MAX));
    fmt_char(f, '\n');
}

static void number(struct fmt *f, const char *name, uint64_t value)
{
    begin(f, name);
    fmt_u64(f, value);
    fmt_char(f, '\n');
}

static void head(struct fmt *f, const char *kind, const struct audit_event *e,
                 const struct record_origin *origin)
{
    bool is_blocked = e->action && strcmp(e->action, "blocked") == 0;
    number(f, "PRIORITY", is_blocked ? LOG_WARNING : LOG_INFO);
    number(f, "SYSLOG_FACILITY", LOG_DAEMON >> 3);
    text(f, "SYSLOG_IDENTIFIER", "tlsup");
    text(f, "TLSUP_EVENT", kind);
    begin(f, "TLSUP_ID");
    fmt_hex_u64(f, e->id);
    fmt_char(f, '\n');
    number(f, "TLSUP_PID", (uint64_t)origin->pid);
    text(f, "TLSUP_EXE", origin->exe);
}

static void fields(struct fmt *f, const struct audit_event *e)
{
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *value;
        memcpy(&value, (const char *)e + texts[i].at, sizeof value);
        text(f, texts[i].field, value);
    }
    for (size_t i = 0; i < e->n_names && i < AUDIT_NAMES_MAX; i++)
        text(f, "TLSUP_NAME", e->names[i].name);
    if (e->rule_line)
        number(f, "TLSUP_RULE_LINE", e->rule_line);
    if (e->error)
        text(f, "TLSUP_ERRNO", strerrorname_np(e->error));
}

/* Names from the network, as long as they like, must not cost the message its place. */
#define FIELDS_MAX (JOURNAL_ENTRY_MAX - JOURNAL_MESSAGE_MAX - sizeof "MESSAGE=" - sizeof "\n")

static size_t end_of_last_line(const char *at, size_t len)
{
    const char *last = memrchr(at, '\n', len);
    return last ? (size_t)(last - at) + 1 : 0;
}

size_t journal_format(const char *kind, const struct audit_event *e, const struct record_origin *origin,
                      uint64_t lost, char *out)
{
    static const char message[] = "MESSAGE=";
    struct fmt f;
    fmt_init(&f, out, FIELDS_MAX);
    head(&f, kind, e, origin);
    fields(&f, e);
    size_t at = end_of_last_line(out, f.len);
    memcpy(out + at, message, sizeof message - 1);
    at += sizeof message - 1;
    size_t len = record_format(kind, e, origin, lost, out + at, JOURNAL_MESSAGE_MAX);
    if (!len)
        return 0;
    out[at + len] = '\n';
    return at + len + 1;
}
