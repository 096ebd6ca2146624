/* SPDX-License-Identifier: MIT */
/* What `tlsup report` makes of a log that somebody else has written: each line by itself, and all of them
 * told. */
#include "shim/cli/json_read.h"
#include "shim/cli/tally.h"
#include "tests/fuzz/must.h"

static void check_tokens(const char *line, size_t len, char *room)
{
    struct json j;
    enum json_token token;
    size_t n = 0;
    json_begin(&j, line, len, room);
    do {
        token = json_next(&j);
        MUST(j.depth <= JSON_DEPTH_MAX && ++n <= len + 2);
        MUST((token != JSON_KEY && token != JSON_STRING && token != JSON_NUMBER) ||
             strnlen(room, len + 1) <= len);
    } while (token != JSON_BAD && token != JSON_END);
    MUST(json_next(&j) == token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct tally tally = {0};
    if (len > 65536)
        return 0;
    const char *at = guarded(data, len), *end = at + len;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((stop ? stop : end) - at);
        struct seen seen = {0};
        char *room = malloc(2 * (n + 1));
        MUST(room);
        check_tokens(at, n, room);
        if (seen_read(at, n, room, &seen) == SEEN_RECORD)
            tally_add(&tally, &seen);
        free(room);
        at += n + 1;
    }
    tally_end(&tally);
    MUST(!tally.no_memory);
    for (size_t i = 0; i < tally.n; i++)
        MUST(tally.list[i]->n <= tally.records || tally.list[i]->closes);
    tally_free(&tally);
    return 0;
}
