/* SPDX-License-Identifier: MIT */
/*
 * A preload whose constructor runs before that of an object that stands before it. EARLY=call PORT CANARY: it
 * fetches; EARLY=thread …: a thread that it starts does, while the other constructors run; secure_getenv() is
 * slow then, so that the thread dials while libtlsup.so reads its environment. fetch_there() is for
 * dlmopen().
 */
#include "tests/preloads/fetch.h"

#include <pthread.h>
#include <time.h>

static int port;
static char how[16], canary[64];
static pthread_t thread;

bool fetch_there(int to, const char *word);
void early_wait(void); /* for the thread */
bool fetch_there(int to, const char *word)
{
    return fetch(to, word);
}

char *secure_getenv(const char *name)
{
    if (strcmp(name, "TLSUP_POLICY") == 0 && strcmp(how, "thread") == 0)
        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    return getenv(name);
}

static void *fetch_beside(void *unused)
{
    (void)unused;
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    fetch(port, canary);
    return NULL;
}

__attribute__((constructor)) static void early(void)
{
    const char *order = getenv("EARLY");
    if (!order || sscanf(order, "%15s %d %63s", how, &port, canary) != 3)
        return;
    unsetenv("EARLY");
    if (strcmp(how, "call") == 0)
        fetch(port, canary);
    else if (pthread_create(&thread, NULL, fetch_beside, NULL) != 0)
        abort();
}

void early_wait(void)
{
    if (thread)
        pthread_join(thread, NULL);
}
