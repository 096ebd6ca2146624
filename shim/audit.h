/* SPDX-License-Identifier: MIT */
/*
 * Records of what was decided, and the one line for the person at the terminal.
 *
 * Two events carry one id: `decision`, before the first byte of the program leaves or its error is returned,
 * and `close`. A record is one JSON object on one line, written with one write(O_APPEND) of at most
 * AUDIT_LINE_MAX bytes or sent as one syslog datagram. No stdio. Network text is escaped to printable ASCII,
 * so that a name can never forge a field, a line or a terminal sequence. A sink that is lost never changes a
 * result; losses are counted in the next record that gets through.
 *
 * May they block? As a write to a local file or terminal does; a datagram or a pipe is never waited for. May
 * they allocate? No (a record has pages of its own, mapped for the call). Before init, in a signal handler,
 * in a forked child: yes; nothing is locked. errno, signals and cancellation of the program are left alone.
 *
 * Fields and their order: shim/audit/record.h. Texts for both are built with shim/audit/fmt.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define AUDIT_LINE_MAX  4096U
#define AUDIT_NAMES_MAX 8U

/* The variable that names a file, by its absolute path, which gets every record besides: `tlsup run
 * --explain` reads it while the command runs. Not in a set-uid program. */
#define AUDIT_LISTENER "TLSUP_EXPLAIN"

struct audit_name {
    const char *name;
    const char *source; /* "host", "target", "resolver" */
};

struct audit_event {
    uint64_t id;             /* the same in both events of a connection; unique together with pid and time */
    const char *destination; /* "192.0.2.1:80", "[2001:db8::1]:80": what was given to connect(2) */
    struct audit_name names[AUDIT_NAMES_MAX];
    size_t n_names;

    const char *policy;        /* path, or "built-in" */
    const char *policy_digest; /* hexadecimal SHA-256 */
    unsigned rule_line;        /* 0: none, or built in */
    bool has_rule;
    const char *level, *mode, *strategy; /* strategy NULL: none was tried */
    const char *fallback_from;           /* NULL: nothing */

    const char *action;      /* "upgraded", "allowed-plain", "blocked", "bypass" */
    const char *would;       /* testing: what enforce would have done, "block"; NULL */
    const char *result_type; /* RFC 8460 section 4.3 words or tlsup-*; "success" */
    const char *reason;      /* for people; NULL */
    int error;               /* the errno given to the program; 0 */

    const char *tls_version, *cipher, *group; /* NULL: no TLS */
    const uint8_t *peer_spki;                 /* 32 bytes or NULL */
    bool resumed;

    /* Durations in microseconds, 0: not reached: connect() to the first byte of ours, to the peer's word that
     * it speaks TLS, to the first byte of the program. */
    uint64_t connect_us, negotiate_us, handshake_us;

    /* close only */
    uint64_t bytes_in, bytes_out; /* plaintext bytes */
    uint64_t open_us;
    const char *closed; /* "close-notify", "complete-without-close-notify", "truncated", "local", "error" */
};

/* `sink` is "syslog" (systemd's journal with fields if its socket is there and root's, else /dev/log;
 * daemon.warning if blocked, else daemon.info), "none" or an absolute path
 * (made 0600 if absent; only a regular file with one name, owned by root or the effective user, and not a
 * symbolic link). Anything else counts as a loss, and so does a sink that cannot be opened above
 * descriptor 2. */
void audit_decision(const char *sink, const struct audit_event *event);
void audit_close(const char *sink, const struct audit_event *event);

/* From now on records are those of another process, which a relay works for: its pid, and its executable
 * (NULL: the same as before). While no other thread records. */
void audit_speak_for(pid_t pid, const char *exe);
/* The executable as records name it; "" if it is not known. */
void audit_exe(char *out, size_t cap);

/* Builds the record as this process would send it now into out (NUL-terminated, no newline). Returns its
 * length; never more than AUDIT_LINE_MAX - 2: long fields are cut, the JSON stays whole. 0: not even the
 * shortest form fits. */
size_t audit_format(const char *kind, const struct audit_event *event, uint64_t lost, char *out, size_t cap);

/* The line on stderr: at most one a second for the same text, and sixteen in all. `text` comes without
 * "tlsup: ", raw or with parts that went through fmt_printable(): what is not printable is escaped here, a
 * backslash is left alone. Silent if fd 2 is closed, a socket, a pipe that is full or broken, or
 * (`is_ours(2)`; NULL: never) a descriptor of ours; of sockets only the journal's stream is written
 * (JOURNAL_STREAM holds its device and inode, systemd.exec(5)). */
void audit_message(const char *text, bool (*is_ours)(int fd));

/* Escapes `text` to printable ASCII for a terminal: other bytes, and backslash, become \xNN. Returns the
 * length that was written, at most cap - 1, always NUL-terminated. Pure. */
size_t audit_printable(const char *text, size_t len, char *out, size_t cap);
