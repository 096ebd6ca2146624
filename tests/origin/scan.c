/* SPDX-License-Identifier: MIT */
#include "tests/origin/scan.h"

#define RECORD_MAX (16384u + 2048u)

static bool header_ok(const unsigned char *h, size_t have)
{
    size_t body = have < 5 ? 0 : (size_t)h[3] << 8 | h[4];

    if (h[0] < 20 || h[0] > 24)
        return false;
    if (have > 1 && h[1] != 3)
        return false;
    if (have > 2 && h[2] > 4)
        return false;
    return body <= RECORD_MAX;
}

bool scan_feed(struct scan *s, const unsigned char *data, size_t len)
{
    for (size_t i = 0; i < len && !s->broken;) {
        if (s->have < sizeof(s->header)) {
            s->header[s->have++] = data[i++];
            s->broken = !header_ok(s->header, s->have);
            s->body = (size_t)s->header[3] << 8 | s->header[4];
        } else {
            size_t step = len - i < s->body ? len - i : s->body;
            s->body -= step;
            i += step;
        }
        if (s->have == sizeof(s->header) && s->body == 0) {
            s->have = 0;
            s->records++;
        }
    }
    return !s->broken;
}

size_t scan_record_end(const struct scan *s, const unsigned char *data, size_t len)
{
    struct scan probe = *s;

    for (size_t i = 0; i < len; i++) {
        scan_feed(&probe, data + i, 1);
        if (probe.records > s->records)
            return i + 1;
    }
    return len;
}
