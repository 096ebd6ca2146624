/* SPDX-License-Identifier: MIT */
#include "tests/bench/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 4096, PIECE = 65536 };

struct session {
    struct link *link;
    struct served *served;
    serve_told *told;
    char head[HEAD + 1];
    size_t have, head_size; /* bytes in head; of them, the head itself */
    bool end;               /* nothing may follow the answer */
};

static const char zeros[PIECE];

/* reads until a head is complete */
static bool next_head(struct session *s)
{
    for (;;) {
        s->head[s->have] = '\0';
        const char *end = strstr(s->head, "\r\n\r\n");
        if (end) {
            s->head_size = (size_t)(end + 4 - s->head);
            return true;
        }
        if (s->have == HEAD)
            return false;
        ssize_t n = link_recv(s->link, s->head + s->have, HEAD - s->have);
        if (n <= 0)
            return false;
        s->have += (size_t)n;
    }
}

/* what came behind the head is the beginning of the next one */
static void drop(struct session *s, size_t size)
{
    memmove(s->head, s->head + size, s->have - size);
    s->have -= size;
}

/* the value of a field of the head, or NULL; it ends at \r */
static const char *field(const struct session *s, const char *name)
{
    const char *at = strcasestr(s->head, name);

    return at && at < s->head + s->head_size ? at + strlen(name) : NULL;
}

static bool text(struct session *s, const char *words)
{
    return link_send(s->link, words, strlen(words));
}

static bool answer(struct session *s, size_t size)
{
    char words[128];
    int n = snprintf(words, sizeof(words), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n%s\r\n", size,
                     s->end ? "Connection: close\r\n" : "");

    if (size <= 1024) { /* in one piece, as servers do it */
        char all[sizeof(words) + 1024] = {0};
        memcpy(all, words, (size_t)n);
        s->served->out += size;
        return link_send(s->link, all, (size_t)n + size);
    }
    if (!link_send(s->link, words, (size_t)n))
        return false;
    while (size > 0) {
        size_t piece = size < sizeof(zeros) ? size : sizeof(zeros);
        if (!link_send(s->link, zeros, piece))
            return false;
        s->served->out += piece;
        size -= piece;
    }
    return true;
}

static void tell(struct session *s)
{
    s->told(s->link, s->served);
    *s->served = (struct served){.way = s->served->way};
}

/* PUT: takes the body and throws it away */
static bool take(struct session *s)
{
    char body[PIECE];
    const char *length = field(s, "\nContent-Length:");
    unsigned long long left = length ? strtoull(length, NULL, 10) : 0;

    if (field(s, "\nExpect:") && !text(s, "HTTP/1.1 100 Continue\r\n\r\n"))
        return false;
    drop(s, s->head_size);
    unsigned long long early = s->have < left ? s->have : left;
    drop(s, (size_t)early);
    left -= early;
    s->served->in += early;
    while (left > 0) {
        ssize_t n = link_recv(s->link, body, left < sizeof(body) ? (size_t)left : sizeof(body));
        if (n <= 0)
            return false;
        left -= (unsigned long long)n;
        s->served->in += (unsigned long long)n;
    }
    tell(s);
    return answer(s, 0);
}

/* gives back what comes, until the end */
static bool give_back(struct session *s)
{
    char bytes[PIECE];

    if (!text(s, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n"))
        return false;
    for (;;) {
        ssize_t n = link_recv(s->link, bytes, sizeof(bytes));
        if (n <= 0 || !link_send(s->link, bytes, (size_t)n))
            return false;
        s->served->in += (unsigned long long)n;
        s->served->out += (unsigned long long)n;
    }
}

/* RFC 2817 section 3.3: TLS, then the answer inside. Nothing may come between. */
static bool upgrade(struct session *s)
{
    drop(s, s->head_size);
    if (s->have > 0 ||
        !text(s, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: TLS/1.2, HTTP/1.1\r\nConnection: "
                 "Upgrade\r\n\r\n") ||
        !link_accept(s->link))
        return false;
    s->served->way = "upgrade";
    return answer(s, 0);
}

static bool one(struct session *s)
{
    const char *way = field(s, "\nUpgrade:");

    if (!s->link->tls && strncmp(s->head, "OPTIONS ", 8) == 0 && way && strncmp(way, " TLS/", 5) == 0)
        return upgrade(s);
    s->served->requests++;
    s->end = field(s, " HTTP/1.0\r\n") || field(s, "\nConnection: close");
    if (strncmp(s->head, "PUT ", 4) == 0)
        return take(s);
    if (strncmp(s->head, "GET /echo ", 10) == 0)
        return give_back(s);
    size_t size = 1024; /* /1k, and /bytes/N */
    if (strncmp(s->head, "GET /bytes/", 11) == 0)
        size = strtoull(s->head + 11, NULL, 10);
    drop(s, s->head_size);
    return answer(s, size);
}

void serve(struct link *link, struct served *served, serve_told *told)
{
    struct session *s = calloc(1, sizeof(*s));

    if (!s)
        return;
    s->link = link;
    s->served = served;
    s->told = told;
    while (!s->end && next_head(s) && one(s))
        ;
    tell(s);
    free(s);
}
