/* SPDX-License-Identifier: MIT */
#include "shim/audit/message.h"

#include "shim/audit.h"
#include "shim/audit/fmt.h"
#include "shim/audit/sink.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_MAX    768U
#define JOURNAL_ID_MAX 48U /* "dev:ino", two numbers of 20 digits */

/* ---- how often ---- */

/* FNV-1a, folded to 32 bits; never 0, which is an empty slot. */
static uint32_t hash_text(const char *text, size_t len)
{
    uint64_t h = 0xcbf29ce484222325U;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)text[i]) * 0x100000001b3U;
    uint32_t folded = (uint32_t)(h ^ h >> 32);
    return folded ? folded : 1;
}

/* A slot is the hash in the upper half and the time of the last line in the lower. */
static bool is_reusable(uint64_t slot, uint32_t now_ms)
{
    return slot == 0 || now_ms - (uint32_t)slot >= MESSAGE_PERIOD_MS;
}

bool message_is_due(const char *text, size_t len, uint32_t now_ms)
{
    static _Atomic uint64_t slots[MESSAGE_TEXTS];
    uint32_t hash = hash_text(text, len);
    uint64_t mine = (uint64_t)hash << 32 | now_ms;
    /* A lost race is looked at again; who loses as often as there are slots has company enough to stay
     * silent. */
    for (unsigned attempt = 0; attempt < MESSAGE_TEXTS; attempt++) {
        _Atomic uint64_t *place = NULL;
        uint64_t found = 0;
        for (unsigned i = 0; i < MESSAGE_TEXTS; i++) {
            uint64_t slot = atomic_load(&slots[i]);
            bool is_same = slot >> 32 == hash;
            if (is_same && !is_reusable(slot, now_ms))
                return false;
            if (is_same || (!place && is_reusable(slot, now_ms))) {
                place = &slots[i];
                found = slot;
            }
        }
        if (!place)
            return false;
        if (atomic_compare_exchange_strong(place, &found, mine))
            return true;
    }
    return false;
}

/* ---- where to ---- */

/* systemd.exec(5): JOURNAL_STREAM is "device:inode" of the stream, in decimal. */
static bool is_journal(const struct stat *st, const char *journal_stream)
{
    char id[JOURNAL_ID_MAX];
    struct fmt f;
    if (!journal_stream)
        return false;
    fmt_init(&f, id, sizeof id);
    fmt_u64(&f, st->st_dev);
    fmt_char(&f, ':');
    fmt_u64(&f, st->st_ino);
    return strcmp(id, journal_stream) == 0;
}

static bool is_unix_stream(int fd)
{
    int domain = 0, type = 0;
    socklen_t len = sizeof domain;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) != 0 || domain != AF_UNIX)
        return false;
    len = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

bool message_fd_is_for_people(int fd, const char *journal_stream)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return false;
    if (S_ISSOCK(st.st_mode) && !(is_unix_stream(fd) && is_journal(&st, journal_stream)))
        return false;
    /* A pipe that nobody empties or reads any more must not hold or end the program. */
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && p.revents == POLLOUT;
}

static uint32_t now_in_ms(void)
{
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
}

void audit_message(const char *text, bool (*is_ours)(int fd))
{
    int saved = errno;
    if (!(is_ours && is_ours(STDERR_FILENO)) &&
        message_fd_is_for_people(STDERR_FILENO, secure_getenv("JOURNAL_STREAM")) &&
        message_is_due(text, strlen(text), now_in_ms())) {
        char line[MESSAGE_MAX];
        struct fmt f;
        fmt_init(&f, line, sizeof line - 1); /* room for the newline */
        fmt_str(&f, "tlsup: ");
        fmt_escaped(&f, text);
        line[f.len] = '\n';
        (void)sink_write(STDERR_FILENO, line, f.len + 1);
    }
    errno = saved;
}

size_t audit_printable(const char *text, size_t len, char *out, size_t cap)
{
    struct fmt f;
    fmt_init(&f, out, cap);
    fmt_printable(&f, text, len);
    return f.len;
}
