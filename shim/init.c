/* SPDX-License-Identifier: MIT */
#include "shim/init.h"

#include "shim/config.h"
#include "shim/conn/memory.h"
#include "shim/conn/owner.h"
#include "shim/conn/pool.h"
#include "shim/conn/share.h"
#include "shim/engine.h"
#include "shim/hooks/environment.h"
#include "shim/hooks/hooks.h"
#include "shim/hooks/numbers.h"
#include "shim/hooks/signals.h"
#include "shim/names.h"
#include "shim/real.h"
#include "shim/relay/relay.h"
#include "shim/start.h"
#include "shim/table.h"
#include "shim/wait/wait.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void after_copy(void)
{
    pool_after_fork();
    names_after_fork();
    config_after_fork();
    engine_after_fork();
    memory_after_fork();
    wait_after_fork();
    relay_after_fork();
    signals_after_fork();
}

static void before_fork(void)
{
    relay_before_fork();
    share_before_fork();
    owner_before_fork();
}

static void in_parent(void)
{
    relay_forked();
    share_after_fork();
}

static void in_child(void)
{
    table_adopt();
    after_copy();
}

/* libc's needs no handlers. */
static bool allocator_is_libc(void)
{
#if __GLIBC_PREREQ(2, 35)
    void *(*allocate)(size_t) = malloc;
    char *(*of_libc)(const char *) = secure_getenv; /* nobody interposes it */
    void *at[2];
    struct dl_find_object found[2];
    memcpy(&at[0], &allocate, sizeof at[0]);
    memcpy(&at[1], &of_libc, sizeof at[1]);
    return _dl_find_object(at[0], &found[0]) == 0 && _dl_find_object(at[1], &found[1]) == 0 &&
           found[0].dlfo_link_map == found[1].dlfo_link_map;
#else
    return false;
#endif
}

/* An allocator registers handlers of its own when it is first used: those have to run after ours, for a
 * thread that we wait for may be about to allocate. */
static void use_allocator(void)
{
    if (allocator_is_libc())
        return;
    void *volatile first = malloc(1);
    free(first);
}

static void init(void)
{
    config_init();
    environment_init();
    hook_dlopen_target = real.dlopen;
    hook_dlmopen_target = real.dlmopen;
    hook_vfork_target = real.vfork;
    table_on_copy = after_copy;
    conn_on_shared = relay_share;
    table_adopt();
    wait_init();
    use_allocator();
    pthread_atfork(before_fork, in_parent, in_child);
}

/* A thread that a constructor before ours started may dial while we read the environment: without the policy
 * that stands there it would go past it. It waits; whoever comes back here from inside does not. */
void init_now(void)
{
    enum { NOT_YET, UNDER_WAY, DONE };
    static AT_START atomic_int stage;
    static AT_START _Atomic(pthread_t) by;
    int before = NOT_YET;
    if (atomic_load_explicit(&stage, memory_order_acquire) == DONE)
        return;
    real_resolve();
    if (atomic_compare_exchange_strong(&stage, &before, UNDER_WAY)) {
        atomic_store(&by, pthread_self());
        init();
        atomic_store(&stage, DONE);
        return;
    }
    while (atomic_load(&stage) != DONE && atomic_load(&by) != pthread_self())
        sched_yield();
}

/* exit() does not close what is open, and RFC 2818 section 2.2 wants close_notify before the end of the
 * connection. */
__attribute__((destructor)) static void leaving(void)
{
    numbers_end();
}

/* glibc gives constructors what main() gets. */
__attribute__((constructor)) static void born(int argc, char **argv)
{
    relay_init(argc, argv);
    init_now();
}
