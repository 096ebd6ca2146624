/* SPDX-License-Identifier: MIT */
#include "shim/cli/seen.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shim/cli/json_read.h"

#define FIELD(name)                                                                                          \
    {                                                                                                        \
#name, offsetof(struct seen, name), sizeof(((struct seen *)0)->name)                                 \
    }

static const struct field {
    const char *name;
    size_t offset, size;
} fields[] = {
    FIELD(time),          FIELD(event),       FIELD(destination),      FIELD(action), FIELD(would),
    FIELD(result_type),   FIELD(exe),         FIELD(reason),           FIELD(rule),   FIELD(level),
    FIELD(policy_digest), FIELD(mode),        FIELD(closed),           FIELD(lost),   FIELD(bytes_in),
    FIELD(bytes_out),     FIELD(tls_version), FIELD(peer_spki_sha256), FIELD(pid),
};

static const struct field *find(const char *name)
{
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

static void copy(char *to, size_t size, const char *from)
{
    size_t len = strnlen(from, size - 1);

    memcpy(to, from, len);
    to[len] = '\0';
}

/* The members of the record itself, and the first name of its list, which is the request's own. */
static bool read_members(struct json *j, struct seen *out)
{
    const struct field *field = NULL;
    bool is_names = false, is_name = false;

    for (;;) {
        enum json_token token = json_next(j);

        if (token == JSON_END)
            return true;
        if (token == JSON_BAD)
            return false;
        if (token == JSON_KEY && j->depth == 1) {
            field = find(j->text);
            is_names = strcmp(j->text, "names") == 0;
        } else if (token == JSON_KEY) {
            is_name = is_names && j->depth == 3 && strcmp(j->text, "name") == 0;
        } else if (token == JSON_STRING && is_name && !out->name[0]) {
            copy(out->name, sizeof(out->name), j->text);
        } else if (field && j->depth == 1 && (token == JSON_STRING || token == JSON_NUMBER)) {
            copy((char *)out + field->offset, field->size, j->text);
        }
    }
}

/* "2026-11-24T23:45:45.123456Z" */
static bool is_time(const char *time)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.ddddddZ";

    if (strlen(time) != sizeof(form) - 1)
        return false;
    for (size_t i = 0; form[i]; i++)
        if (form[i] == 'd' ? time[i] < '0' || time[i] > '9' : time[i] != form[i])
            return false;
    return true;
}

/* A call that was refused before it had a destination (io_uring_setup): whole, and none of our counts'. */
static bool is_of_no_destination(const struct seen *s)
{
    return is_time(s->time) && !s->destination[0] && s->action[0] && strcmp(s->event, "decision") == 0;
}

static bool is_whole(const struct seen *s)
{
    const char *colon = strrchr(s->destination, ':');

    return is_time(s->time) && colon && colon > s->destination && seen_number(colon + 1) &&
           seen_number(colon + 1) <= UINT16_MAX && s->action[0] &&
           (strcmp(s->event, "decision") == 0 || strcmp(s->event, "close") == 0);
}

static enum seen_kind read_record(const char *text, size_t len, char *room, struct seen *out)
{
    struct json j;

    memset(out, 0, sizeof(*out));
    json_begin(&j, text, len, room);
    if (!read_members(&j, out))
        return SEEN_DAMAGED;
    return is_whole(out) ? SEEN_RECORD : is_of_no_destination(out) ? SEEN_OTHER : SEEN_DAMAGED;
}

/* The MESSAGE of a journal's entry: `room` gets it. False: the line is no such entry. */
static bool read_message(const char *line, size_t len, char *room, char *message)
{
    struct json j;
    bool is_message = false, found = false;

    json_begin(&j, line, len, room);
    for (;;) {
        enum json_token token = json_next(&j);

        if (token == JSON_END || token == JSON_BAD)
            return found && token == JSON_END;
        if (token == JSON_KEY)
            is_message = j.depth == 1 && strcmp(j.text, "MESSAGE") == 0;
        else if (token == JSON_STRING && is_message && j.depth == 1) {
            memcpy(message, j.text, strlen(j.text) + 1);
            found = true;
        }
    }
}

enum seen_kind seen_read(const char *line, size_t len, char *room, struct seen *out)
{
    static const char start[] = "{\"time\":\"", quoted_start[] = "{\\\"time\\\":\\\"";
    const char *at = memmem(line, len, start, sizeof(start) - 1);
    char *message = room + len + 1;

    while (len && strchr("\r\n", line[len - 1]) && line[len - 1])
        len--;
    if (at)
        return read_record(at, len - (size_t)(at - line), room, out);
    if (!memmem(line, len, quoted_start, sizeof(quoted_start) - 1))
        return memmem(line, len, "\"event\":\"decision\"", 18) ? SEEN_DAMAGED : SEEN_OTHER;
    if (!read_message(line, len, room, message))
        return SEEN_DAMAGED;
    if (strncmp(message, start, sizeof(start) - 1) != 0)
        return SEEN_OTHER;
    return read_record(message, strlen(message), room, out);
}

int64_t seen_seconds(const char *time)
{
    struct tm tm = {0};

    return strptime(time, "%Y-%m-%dT%H:%M:%S", &tm) ? (int64_t)timegm(&tm) : 0;
}

uint64_t seen_number(const char *decimal)
{
    uint64_t value = 0;

    for (; *decimal >= '0' && *decimal <= '9'; decimal++) {
        if (value > (UINT64_MAX - 9) / 10)
            return UINT64_MAX;
        value = 10 * value + (uint64_t)(*decimal - '0');
    }
    return *decimal ? 0 : value;
}
