/* SPDX-License-Identifier: MIT */
#include "shim/cli/tally.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- words ---- */

static void set(char **to, const char *text)
{
    if (*to && strcmp(*to, text) == 0)
        return;
    free(*to);
    *to = strdup(text);
}

static bool count(struct tally_words *w, const char *word, const char *note)
{
    struct tally_word *grown;

    if (!word[0])
        return true;
    for (size_t i = 0; i < w->n; i++)
        if (strcmp(w->list[i].word, word) == 0) {
            w->list[i].n++;
            if (note && *note)
                set(&w->list[i].note, note);
            return true;
        }
    if (w->n == TALLY_WORDS_MAX) {
        w->others++;
        return true;
    }
    grown = realloc(w->list, (w->n + 1) * sizeof(*grown));
    if (!grown)
        return false;
    w->list = grown;
    grown[w->n] = (struct tally_word){.word = strdup(word), .n = 1};
    if (!grown[w->n].word)
        return false;
    if (note && *note)
        grown[w->n].note = strdup(note);
    w->n++;
    return true;
}

static int by_count(const void *a, const void *b)
{
    const struct tally_word *x = a, *y = b;

    if (x->n != y->n)
        return x->n < y->n ? 1 : -1;
    return strcmp(x->word, y->word);
}

static void sort_words(struct tally_words *w)
{
    if (w->n)
        qsort(w->list, w->n, sizeof(*w->list), by_count);
}

static void free_words(struct tally_words *w)
{
    for (size_t i = 0; i < w->n; i++) {
        free(w->list[i].word);
        free(w->list[i].note);
    }
    free(w->list);
}

/* ---- destinations ---- */

static size_t hash(const char *host, unsigned port)
{
    uint64_t h = 14695981039346656037U ^ port;

    for (; *host; host++)
        h = (h ^ (unsigned char)*host) * 1099511628211U;
    return (size_t)(h ^ h >> 32);
}

static bool grow(struct tally *t)
{
    size_t n_slots = t->n_slots ? 2 * t->n_slots : 256;
    size_t *slots = calloc(n_slots, sizeof(*slots));
    struct tally_destination **list = realloc(t->list, n_slots / 2 * sizeof(struct tally_destination *));

    if (list)
        t->list = list;
    if (!slots || !list) {
        free(slots);
        return false;
    }
    for (size_t i = 0; i < t->n; i++) {
        size_t at = hash(list[i]->host, list[i]->port) & (n_slots - 1);

        while (slots[at])
            at = (at + 1) & (n_slots - 1);
        slots[at] = i + 1;
    }
    free(t->slots);
    t->slots = slots;
    t->n_slots = n_slots;
    t->room = n_slots / 2;
    return true;
}

static struct tally_destination *destination(struct tally *t, const char *host, unsigned port)
{
    struct tally_destination *d;
    size_t at;

    if (t->n == t->room && !grow(t))
        return NULL;
    for (at = hash(host, port) & (t->n_slots - 1); t->slots[at]; at = (at + 1) & (t->n_slots - 1)) {
        d = t->list[t->slots[at] - 1];
        if (d->port == port && strcmp(d->host, host) == 0)
            return d;
    }
    d = calloc(1, sizeof(*d));
    if (!d || !(d->host = strdup(host))) {
        free(d);
        return NULL;
    }
    d->port = port;
    t->list[t->n++] = d;
    t->slots[at] = t->n;
    return d;
}

/* ---- records ---- */

static bool is(const char *field, const char *word)
{
    return strcmp(field, word) == 0;
}

/* Protection that was in force, not only tried. */
static void add_upgrade(struct tally_destination *d, const struct seen *s)
{
    d->upgraded++;
    if (is(s->would, "block") || !is(s->result_type, "success"))
        return;
    d->proven += is(s->level, "verify") || is(s->level, "secure");
    d->proven_rule += is(s->level, "secure");
    d->pinned += is(s->level, "fingerprint");
}

static bool is_tampering(const struct seen *s)
{
    return is(s->result_type, "tlsup-response-injection") || is(s->result_type, "tlsup-desync") ||
           is(s->result_type, "tlsup-bad-101") || is(s->result_type, "tlsup-head-too-large");
}

static void add_action(struct tally_destination *d, const struct seen *s)
{
    d->n++;
    if (is(s->action, "upgraded"))
        add_upgrade(d, s);
    else if (is(s->action, "blocked"))
        d->blocked++;
    else {
        d->plain += is(s->action, "allowed-plain");
        d->bypass += !is(s->action, "allowed-plain");
        d->unlisted += is(s->result_type, "tlsup-unlisted-port");
        d->tampered += is_tampering(s);
    }
    d->would += is(s->would, "block") || (is(s->action, "bypass") && is(s->result_type, "tlsup-rejected"));
}

static void add_time(struct tally_destination *d, const char *time)
{
    if (!d->first[0] || strcmp(time, d->first) < 0)
        memcpy(d->first, time, sizeof(d->first));
    if (strcmp(time, d->last) > 0)
        memcpy(d->last, time, sizeof(d->last));
}

static bool add_decision(struct tally_destination *d, const struct seen *s, const char *address)
{
    if (strcmp(s->time, d->last) >= 0) {
        memcpy(d->level, s->level, sizeof(d->level));
        memcpy(d->mode, s->mode, sizeof(d->mode));
        memcpy(d->rule, s->rule, sizeof(d->rule));
        memcpy(d->digest, s->policy_digest, sizeof(d->digest));
    }
    add_action(d, s);
    add_time(d, s->time);
    return count(&d->results, s->result_type[0] ? s->result_type : "success", s->reason) &&
           count(&d->programs, s->exe, NULL) && count(&d->keys, s->peer_spki_sha256, NULL) &&
           count(&d->versions, s->tls_version, NULL) && count(&d->addresses, address, NULL);
}

static void add_close(struct tally_destination *d, const struct seen *s)
{
    d->closes++;
    d->truncated += is(s->closed, "truncated") || is(s->closed, "error");
    d->bytes_in += seen_number(s->bytes_in);
    d->bytes_out += seen_number(s->bytes_out);
}

void tally_add(struct tally *t, const struct seen *s)
{
    char address[64];
    const char *colon = strrchr(s->destination, ':');
    size_t len = (size_t)(colon - s->destination), bracket = s->destination[0] == '[' && len > 2;
    struct tally_destination *d;

    memcpy(address, s->destination + bracket, len - 2 * bracket);
    address[len - 2 * bracket] = '\0';
    t->records++;
    t->lost += seen_number(s->lost);
    d = destination(t, s->name[0] ? s->name : address, (unsigned)seen_number(colon + 1));
    if (!d)
        t->no_memory = true;
    else if (is(s->event, "close"))
        add_close(d, s);
    else if (!add_decision(d, s, address))
        t->no_memory = true;
}

static int by_host(const void *a, const void *b)
{
    const struct tally_destination *const *x = a, *const *y = b;
    int order = strcmp((*x)->host, (*y)->host);

    if (order)
        return order;
    return (*x)->port < (*y)->port ? -1 : (*x)->port > (*y)->port;
}

void tally_end(struct tally *t)
{
    for (size_t i = 0; i < t->n; i++) {
        struct tally_destination *d = t->list[i];

        sort_words(&d->results);
        sort_words(&d->programs);
        sort_words(&d->keys);
        sort_words(&d->versions);
        sort_words(&d->addresses);
    }
    if (t->n)
        qsort(t->list, t->n, sizeof(struct tally_destination *), by_host);
}

void tally_free(struct tally *t)
{
    for (size_t i = 0; i < t->n; i++) {
        struct tally_destination *d = t->list[i];

        free_words(&d->results);
        free_words(&d->programs);
        free_words(&d->keys);
        free_words(&d->versions);
        free_words(&d->addresses);
        free(d->host);
        free(d);
    }
    free(t->list);
    free(t->slots);
}
