/* SPDX-License-Identifier: MIT */
/* Entries of the journal, read by a decoder that was written from the protocol's page, and which of the two
 * sockets gets a record: audit.c is built once more under other names, with paths of this test. */
#define audit_decision     decision_here
#define audit_close        close_here
#define audit_format       format_here
#define audit_speak_for    speak_for_here
#define audit_exe          exe_here
#define AUDIT_SYSLOG_PATH  syslog_path
#define AUDIT_JOURNAL_PATH journal_path
static char syslog_path[64], journal_path[64];

/* NOLINTNEXTLINE(bugprone-suspicious-include): the point of this file */
#include "shim/audit/audit.c"

#include "tests/unit/audit_json.h"
#include "tests/unit/unit.h"

#include <ctype.h>
#include <sys/socket.h>
#include <sys/un.h>

/* ---- the decoder ---- */

static char entry[2 * JOURNAL_ENTRY_MAX];
static size_t entry_len;

/* https://systemd.io/JOURNAL_NATIVE_PROTOCOL/: "FIELD=value\n"; names of capitals, digits and '_', which do
 * not begin with '_' or a digit, of 64 bytes at most. */
static bool is_field_name(const char *at, size_t len)
{
    if (!len || len > 64 || !isupper((unsigned char)at[0]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isupper((unsigned char)at[i]) && !isdigit((unsigned char)at[i]) && at[i] != '_')
            return false;
    return true;
}

static bool is_entry(void)
{
    const char *at = entry, *end = entry + entry_len;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        const char *equals = memchr(at, '=', (size_t)(end - at));
        if (!line_end || !equals || equals > line_end || !is_field_name(at, (size_t)(equals - at)))
            return false;
        for (const char *c = equals + 1; c < line_end; c++)
            if (*c < 0x20 || *c > 0x7e)
                return false;
        at = line_end + 1;
    }
    return entry_len > 0;
}

/* The value of the nth field of that name, or NULL. */
static const char *value_of(const char *name, unsigned nth)
{
    static char value[2 * JOURNAL_ENTRY_MAX];
    size_t len = strlen(name);
    for (const char *at = entry; at < entry + entry_len; at = strchr(at, '\n') + 1) {
        if (strncmp(at, name, len) != 0 || at[len] != '=' || nth--)
            continue;
        size_t value_len = strcspn(at + len + 1, "\n");
        memcpy(value, at + len + 1, value_len);
        value[value_len] = '\0';
        return value;
    }
    return NULL;
}

/* ---- entries ---- */

static const struct record_origin origin = {.seconds = 1, .pid = 42, .uid = 7, .exe = "/usr/bin/curl"};

static void format(const char *kind, const struct audit_event *e)
{
    memset(entry, 0, sizeof entry);
    entry_len = journal_format(kind, e, &origin, 0, entry);
    CHECK(entry_len <= JOURNAL_ENTRY_MAX);
    CHECK(is_entry());
    CHECK(is_json_object(value_of("MESSAGE", 0)));
    CHECK(strlen(value_of("MESSAGE", 0)) + sizeof "MESSAGE=" <= 4096);
}

static void has_the_fields(void)
{
    struct audit_event e = sample_event();
    format("decision", &e);
    CHECK_STR(value_of("PRIORITY", 0), "6");
    CHECK_STR(value_of("SYSLOG_FACILITY", 0), "3");
    CHECK_STR(value_of("SYSLOG_IDENTIFIER", 0), "tlsup");
    CHECK_STR(value_of("TLSUP_EVENT", 0), "decision");
    CHECK_STR(value_of("TLSUP_ID", 0), "000000000000001f");
    CHECK_STR(value_of("TLSUP_PID", 0), "42");
    CHECK_STR(value_of("TLSUP_EXE", 0), "/usr/bin/curl");
    CHECK_STR(value_of("TLSUP_DESTINATION", 0), "192.0.2.1:80");
    CHECK_STR(value_of("TLSUP_NAME", 0), "api.example");
    CHECK_STR(value_of("TLSUP_NAME", 1), "www.example");
    CHECK(value_of("TLSUP_NAME", 2) == NULL);
    CHECK_STR(value_of("TLSUP_POLICY", 0), "/etc/tlsup/policy.conf");
    CHECK_STR(value_of("TLSUP_RULE_LINE", 0), "12");
    CHECK_STR(value_of("TLSUP_LEVEL", 0), "verify");
    CHECK_STR(value_of("TLSUP_MODE", 0), "enforce");
    CHECK_STR(value_of("TLSUP_STRATEGY", 0), "implicit");
    CHECK_STR(value_of("TLSUP_ACTION", 0), "upgraded");
    CHECK_STR(value_of("TLSUP_RESULT_TYPE", 0), "success");
    CHECK_STR(value_of("TLSUP_TLS_VERSION", 0), "TLSv1.3");
    CHECK(!value_of("TLSUP_WOULD", 0) && !value_of("TLSUP_REASON", 0) && !value_of("TLSUP_ERRNO", 0));

    e.action = "blocked";
    e.would = "block";
    e.reason = "because";
    e.error = EKEYREJECTED;
    format("decision", &e);
    CHECK_STR(value_of("PRIORITY", 0), "4");
    CHECK_STR(value_of("TLSUP_ACTION", 0), "blocked");
    CHECK_STR(value_of("TLSUP_WOULD", 0), "block");
    CHECK_STR(value_of("TLSUP_REASON", 0), "because");
    CHECK_STR(value_of("TLSUP_ERRNO", 0), "EKEYREJECTED");
}

/* Whoever answers must not write an entry, or a field, of his own. */
static void a_value_makes_no_field(void)
{
    static char endless[9000];
    struct audit_event e = sample_event();
    e.reason = "no\nTLSUP_ACTION=upgraded\nMESSAGE=all is well\x1b[2J";
    e.names[0].name = "a\n\n_PID=1\nPRIORITY=7";
    e.action = "blocked";
    format("decision", &e);
    CHECK_STR(value_of("TLSUP_ACTION", 0), "blocked");
    CHECK(value_of("TLSUP_ACTION", 1) == NULL);
    CHECK(value_of("PRIORITY", 1) == NULL);
    CHECK(value_of("MESSAGE", 1) == NULL);

    memset(endless, '\n', sizeof endless - 1);
    e.reason = endless;
    for (size_t i = 0; i < AUDIT_NAMES_MAX; i++)
        e.names[i] = (struct audit_name){endless, "host"};
    e.n_names = AUDIT_NAMES_MAX;
    format("decision", &e);
    CHECK_STR(value_of("TLSUP_ACTION", 0), "blocked");
}

/* ---- sockets ---- */

static int listen_at(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    memcpy(a.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof a) != 0)
        abort();
    return fd;
}

static bool got(int fd)
{
    memset(entry, 0, sizeof entry);
    ssize_t n = recv(fd, entry, sizeof entry - 1, 0);
    entry_len = n > 0 ? (size_t)n : 0;
    return n > 0;
}

static void which_socket(void)
{
    struct audit_event e = sample_event();
    int syslog = listen_at(syslog_path);
    decision_here("syslog", &e);
    CHECK(got(syslog) && entry[0] == '<');

    int journal = listen_at(journal_path);
    decision_here("syslog", &e);
    if (geteuid() == 0) {
        CHECK(got(journal) && is_entry());
        CHECK_STR(value_of("TLSUP_EVENT", 0), "decision");
        CHECK(!got(syslog));
        CHECK_INT(chown(journal_path, 1, 1), 0);
        decision_here("syslog", &e);
    }
    CHECK(!got(journal)); /* somebody else's */
    CHECK(got(syslog) && entry[0] == '<');

    CHECK(geteuid() != 0 || chown(journal_path, 0, 0) == 0);
    close(journal);
    decision_here("syslog", &e); /* nobody listens there */
    CHECK(got(syslog) && entry[0] == '<' && !strstr(entry, "\"lost\""));
    unlink(journal_path);
    CHECK_INT(symlink(syslog_path, journal_path), 0);
    decision_here("syslog", &e);
    CHECK(got(syslog) && entry[0] == '<');
    close(syslog);
    unlink(journal_path);
    unlink(syslog_path);
}

int main(void)
{
    char dir[] = "/tmp/tlsup-audit-XXXXXX";
    has_the_fields();
    a_value_makes_no_field();
    if (!mkdtemp(dir))
        return 1;
    (void)snprintf(syslog_path, sizeof syslog_path, "%s/log", dir);
    (void)snprintf(journal_path, sizeof journal_path, "%s/journal", dir);
    errno = EXDEV;
    which_socket();
    rmdir(dir);
    return unit_done("audit_journal");
}
