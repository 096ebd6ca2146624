/* SPDX-License-Identifier: MIT */
#include "shim/config.h"

#include "shim/audit.h"
#include "shim/audit/fmt.h"
#include "shim/conn/socket.h"
#include "shim/start.h"
#include "shim/table.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_POLICY "/etc/tlsup/policy.conf"
#define LOOK_AGAIN_NS 1000000000ULL

static pthread_mutex_t config_lock = PTHREAD_MUTEX_INITIALIZER;
static struct policy_source source;
static struct policy_stamp stamps[2];
static uint64_t looked_ns; /* 0: never */
static struct place {
    dev_t dev;
    ino_t ino;
    uid_t euid;
} place;                  /* where the policy was first read */
static bool root_changed; /* by a call that we saw */

/* Where the environment of the start says that a policy is: in one of the two, short ones where the start
 * writes anyway. */
static AT_START char near_path[160];
static char far_path[PATH_MAX];
static AT_START const char *environment_path; /* NULL: nowhere */

/* secure_getenv: a set-uid program does not take its policy from whoever started it. A path that does not fit
 * is kept cut: it names no file, so no policy is usable. */
void config_init(void)
{
    const char *path = secure_getenv("TLSUP_POLICY");
    size_t len = path ? strnlen(path, sizeof far_path - 1) : 0;
    if (!len)
        return;
    environment_path = memcpy(len < sizeof near_path ? near_path : far_path, path, len);
}

const char *config_environment_policy(void)
{
    return environment_path;
}

static void take_up(const struct policy_source *fresh)
{
    if (fresh->policy || !source.policy) {
        if (source.policy)
            policy_unref(source.policy);
        source = *fresh;
        return;
    }
    char text[600];
    struct fmt f;
    fmt_init(&f, text, sizeof text);
    fmt_str(&f, "the changed policy is not usable, the one before stays in force: ");
    fmt_printable(&f, fresh->error, strlen(fresh->error));
    audit_message(fmt_text(&f), table_has);
}

static bool is_other_root(void)
{
    struct stat root;
    if (root_changed || stat("/", &root) != 0)
        return true;
    if (!looked_ns)
        place = (struct place){root.st_dev, root.st_ino, geteuid()};
    return root.st_dev != place.dev || root.st_ino != place.ino;
}

/* In another root directory, or with other rights, the same path may be somebody else's to write. */
static bool is_elsewhere(void)
{
    return is_other_root() || geteuid() != place.euid;
}

static void look(void)
{
    uint64_t now = now_ns();
    if (looked_ns && now - looked_ns < LOOK_AGAIN_NS)
        return;
    bool elsewhere = is_elsewhere(); /* the first time it notes where we are */
    if (root_changed || (elsewhere && looked_ns)) {
        looked_ns = now;
        return;
    }
    struct policy_stamp seen[2];
    const char *environment = config_environment_policy();
    policy_stamp_get(SYSTEM_POLICY, environment, seen);
    if (!looked_ns || !policy_stamp_equal(seen, stamps)) {
        struct policy_source fresh;
        memset(&fresh, 0, sizeof fresh);
        policy_load(SYSTEM_POLICY, environment, &fresh);
        take_up(&fresh);
        if (fresh.starved) { /* nothing was learnt of it: whoever comes next tries again */
            looked_ns = source.policy ? now : 0;
            return;
        }
        memcpy(stamps, seen, sizeof stamps);
    }
    looked_ns = now;
}

static bool is_refused(uint16_t port)
{
    if (source.all_ports_refused || port == 80)
        return true;
    for (size_t i = 0; i < source.n_refused_ports; i++)
        if (source.refused_ports[i] == port)
            return true;
    return false;
}

struct policy *config_policy(uint16_t port, bool *refused, char *why, size_t cap)
{
    pthread_mutex_lock(&config_lock);
    look();
    struct policy *p = source.policy ? policy_ref(source.policy) : NULL;
    *refused = !p && is_refused(port);
    if (*refused) {
        struct fmt f;
        fmt_init(&f, why, cap);
        fmt_str(&f, "no usable policy: ");
        fmt_printable(&f, source.error, strlen(source.error));
    }
    pthread_mutex_unlock(&config_lock);
    return p;
}

bool config_demands(void)
{
    pthread_mutex_lock(&config_lock);
    look();
    bool demands = !source.policy || policy_demands(source.policy);
    pthread_mutex_unlock(&config_lock);
    return demands;
}

struct policy *config_before_root_changes(void)
{
    pthread_mutex_lock(&config_lock);
    look();
    struct policy *p = source.policy ? policy_ref(source.policy) : NULL;
    pthread_mutex_unlock(&config_lock);
    return p;
}

void config_root_changed(void)
{
    pthread_mutex_lock(&config_lock);
    root_changed = true;
    pthread_mutex_unlock(&config_lock);
}

bool config_in_other_root(void)
{
    pthread_mutex_lock(&config_lock);
    bool other = looked_ns && is_other_root();
    pthread_mutex_unlock(&config_lock);
    return other;
}

void config_after_fork(void)
{
    pthread_mutex_init(&config_lock, NULL);
}
