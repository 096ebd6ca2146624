/* SPDX-License-Identifier: MIT */
#include "shim/names.h"

#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/real.h"

#define MEMORY 256U

struct memory {
    char name[POLICY_NAME_MAX + 1];
    struct policy_address address;
    int thread;
    unsigned long turn; /* when; 0: empty */
};

static struct memory memories[MEMORY];
static unsigned long turns;
static pthread_mutex_t names_lock = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;

static int this_thread(void)
{
    static __thread int cached, cached_in;
    int pid = (int)getpid();
    if (cached_in != pid) {
        cached = (int)real.syscall(SYS_gettid);
        cached_in = pid;
    }
    return cached;
}

static bool same_address(const struct policy_address *a, const struct policy_address *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* The entry of this thread, name and address, else the oldest one. */
static struct memory *place_for(int thread, const char *name, const struct policy_address *address)
{
    struct memory *oldest = &memories[0];
    for (size_t i = 0; i < MEMORY; i++) {
        struct memory *m = &memories[i];
        if (m->turn && m->thread == thread && same_address(&m->address, address) &&
            strcmp(m->name, name) == 0)
            return m;
        if (m->turn < oldest->turn)
            oldest = m;
    }
    return oldest;
}

static void remember(int thread, const char *name, const struct policy_address *address)
{
    char normal[POLICY_NAME_MAX + 1];
    struct policy_address literal;
    if (policy_parse_address(name, &literal) || !policy_normalise_name(name, strlen(name), normal))
        return;
    if (pthread_mutex_lock(&names_lock) != 0)
        return;
    struct memory *m = place_for(thread, normal, address);
    memcpy(m->name, normal, sizeof normal);
    m->address = *address;
    m->thread = thread;
    m->turn = ++turns;
    pthread_mutex_unlock(&names_lock);
}

void names_remember(const char *name, const struct policy_address *address)
{
    remember(this_thread(), name, address);
}

void names_restore(const char *name, const struct policy_address *address)
{
    remember(0, name, address); /* no thread has that number */
}

struct writer {
    char *text;
    size_t cap, len;
    const char **names;
    size_t n, max;
};

static void add(struct writer *w, const char *name)
{
    size_t size = strlen(name) + 1;
    for (size_t i = 0; i < w->n; i++)
        if (strcmp(w->names[i], name) == 0)
            return;
    if (w->n == w->max || size > w->cap - w->len)
        return;
    w->names[w->n++] = memcpy(w->text + w->len, name, size);
    w->len += size;
}

size_t names_lookup(const struct policy_address *address, char *text, size_t cap, const char **names,
                    size_t max)
{
    struct writer w = {.text = text, .cap = cap, .names = names, .max = max};
    const struct memory *latest = NULL;
    int thread = this_thread();
    if (pthread_mutex_lock(&names_lock) != 0)
        return 0;
    for (size_t i = 0; i < MEMORY; i++) {
        const struct memory *m = &memories[i];
        if (m->turn && m->thread == thread && same_address(&m->address, address) &&
            (!latest || m->turn > latest->turn))
            latest = m;
    }
    if (latest)
        add(&w, latest->name);
    for (size_t i = 0; i < MEMORY && !latest; i++)
        if (memories[i].turn && same_address(&memories[i].address, address))
            add(&w, memories[i].name);
    pthread_mutex_unlock(&names_lock);
    return w.n;
}

void names_after_fork(void)
{
    static const pthread_mutex_t fresh = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
    names_lock = fresh;
}
