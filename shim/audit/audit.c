/* SPDX-License-Identifier: MIT */
/*
 * From an event to its sink. Every record has pages of its own for the call: there is no lock that a fork
 * could leave held or a signal handler could wait for, and no order between threads but the kernel's for
 * O_APPEND.
 */
#include "shim/audit.h"

#include "shim/audit/civil.h"
#include "shim/audit/journal.h"
#include "shim/audit/record.h"
#include "shim/audit/sink.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define EXE_MAX         512U
#define SYSLOG_HEAD_MAX 64U /* "<30>Nov 21 03:09:24 tlsup[4194304]: " and room */

/* ---- losses: pid in the upper half, count in the lower, so that a forked child starts at none ---- */

static _Atomic uint64_t losses;

static uint32_t losses_of(uint64_t word, pid_t pid)
{
    return (uint32_t)(word >> 32) == (uint32_t)pid ? (uint32_t)word : 0;
}

/* Adds `more`, and takes away `reported`. */
static void losses_change(pid_t pid, uint32_t more, uint32_t reported)
{
    uint64_t word = atomic_load(&losses), next;
    do {
        uint32_t count = losses_of(word, pid);
        count = count > reported ? count - reported : 0;
        if (count <= UINT32_MAX - more)
            count += more;
        next = (uint64_t)(uint32_t)pid << 32 | count;
    } while (!atomic_compare_exchange_weak(&losses, &word, next));
}

/* ---- who and when ---- */

static pid_t spoken_for; /* 0: ourselves */

static pid_t speaker(void)
{
    return spoken_for ? spoken_for : getpid();
}

/* Read once, because a program may lose /proc later (chroot); a fork keeps it, and an exec starts with a
 * new cache. Who comes while another thread fills the cache uses what it read itself: nobody waits. */
static _Atomic int exe_state; /* 0 empty, 1 being filled, 2 filled */
static char exe_cached[EXE_MAX];

static void cache_exe(const char *path, size_t len)
{
    int empty = 0;
    if (len >= EXE_MAX || !atomic_compare_exchange_strong(&exe_state, &empty, 1))
        return;
    memcpy(exe_cached, path, len);
    exe_cached[len] = '\0';
    atomic_store(&exe_state, 2);
}

static const char *exe_path(char own[EXE_MAX])
{
    if (atomic_load(&exe_state) == 2)
        return exe_cached;
    ssize_t n = readlink("/proc/self/exe", own, EXE_MAX - 1);
    if (n <= 0)
        return NULL;
    own[n] = '\0';
    cache_exe(own, (size_t)n);
    return own;
}

void audit_speak_for(pid_t pid, const char *exe)
{
    spoken_for = pid;
    if (!exe || !exe[0])
        return;
    atomic_store(&exe_state, 0);
    cache_exe(exe, strlen(exe));
}

void audit_exe(char *out, size_t cap)
{
    char own[EXE_MAX];
    const char *path = exe_path(own);
    struct fmt f;
    fmt_init(&f, out, cap);
    fmt_str(&f, path ? path : "");
    fmt_text(&f);
}

static struct record_origin origin_now(pid_t pid, char exe[EXE_MAX])
{
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_REALTIME, &now);
    return (struct record_origin){
        .seconds = now.tv_sec > 0 ? (uint64_t)now.tv_sec : 0,
        .microseconds = (uint32_t)(now.tv_nsec / 1000),
        .pid = pid,
        .uid = getuid(),
        .exe = exe_path(exe),
    };
}

/* ---- sinks ---- */

/* The header of RFC 3164 section 4.1. Its time is UTC: what listens on /dev/log puts its own in place
 * (rsyslog, journald), and the record has the exact one. */
static size_t syslog_head(const struct audit_event *e, const struct record_origin *origin, char *out)
{
    bool is_blocked = e->action && strcmp(e->action, "blocked") == 0;
    struct fmt f;
    fmt_init(&f, out, SYSLOG_HEAD_MAX);
    fmt_char(&f, '<');
    fmt_u64(&f, LOG_DAEMON | (is_blocked ? LOG_WARNING : LOG_INFO));
    fmt_char(&f, '>');
    civil_rfc3164(&f, origin->seconds);
    fmt_str(&f, " tlsup[");
    fmt_u64(&f, (uint64_t)origin->pid);
    fmt_str(&f, "]: ");
    return f.len;
}

/* systemd's journal takes fields; where there is none, or it does not listen, whoever is behind syslog(3)
 * gets the line alone. */
static bool deliver_log(const char *kind, const struct audit_event *e, const struct record_origin *origin,
                        uint32_t lost, char entry[JOURNAL_ENTRY_MAX])
{
    size_t head, len;
    if (sink_is_roots(AUDIT_JOURNAL_PATH)) {
        len = journal_format(kind, e, origin, lost, entry);
        if (len && sink_datagram(AUDIT_JOURNAL_PATH, entry, len))
            return true;
    }
    head = syslog_head(e, origin, entry);
    len = record_format(kind, e, origin, lost, entry + head, AUDIT_LINE_MAX - head);
    return len && sink_datagram(AUDIT_SYSLOG_PATH, entry, head + len);
}

static bool deliver(const char *sink, const char *kind, const struct audit_event *e,
                    const struct record_origin *origin, uint32_t lost, char line[JOURNAL_ENTRY_MAX])
{
    if (strcmp(sink, "syslog") == 0)
        return deliver_log(kind, e, origin, lost, line);
    if (sink[0] == '/') {
        size_t len = record_format(kind, e, origin, lost, line, AUDIT_LINE_MAX - 1);
        if (!len)
            return false;
        line[len] = '\n';
        return sink_file(sink, line, len + 1);
    }
    return false;
}

/* The pages of the last record, for the next one. Who comes while they are in use maps others; a child of
 * fork() that finds them in use by a thread that it does not have does so, too. */
static _Atomic(char *) spare;

static char *take_pages(void)
{
    char *pages = atomic_exchange(&spare, NULL);
    if (pages)
        return pages;
    pages = mmap(NULL, JOURNAL_ENTRY_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages != MAP_FAILED ? pages : NULL;
}

static void give_pages(char *pages)
{
    char *none = NULL;
    if (!atomic_compare_exchange_strong(&spare, &none, pages))
        munmap(pages, JOURNAL_ENTRY_MAX);
}

static bool send_to(const char *sink, const char *kind, const struct audit_event *e, pid_t pid, uint32_t lost)
{
    bool delivered = false;
    char *line = take_pages();
    if (line) {
        char exe[EXE_MAX];
        struct record_origin origin = origin_now(pid, exe);
        delivered = deliver(sink, kind, e, &origin, lost, line);
        give_pages(line);
    }
    return delivered;
}

static void emit(const char *sink, const char *kind, const struct audit_event *e)
{
    int saved = errno;
    pid_t pid = speaker();
    const char *listener = secure_getenv(AUDIT_LISTENER);
    if (listener && listener[0] == '/')
        send_to(listener, kind, e, pid, 0); /* what it misses is no loss */
    if (sink && strcmp(sink, "none") != 0) {
        uint32_t lost = losses_of(atomic_load(&losses), pid);
        bool delivered = send_to(sink, kind, e, pid, lost);
        losses_change(pid, delivered ? 0 : 1, delivered ? lost : 0);
    }
    errno = saved;
}

void audit_decision(const char *sink, const struct audit_event *event)
{
    emit(sink, "decision", event);
}

void audit_close(const char *sink, const struct audit_event *event)
{
    emit(sink, "close", event);
}

size_t audit_format(const char *kind, const struct audit_event *event, uint64_t lost, char *out, size_t cap)
{
    int saved = errno;
    char exe[EXE_MAX];
    struct record_origin origin = origin_now(speaker(), exe);
    errno = saved;
    return record_format(kind, event, &origin, lost, out, cap);
}
