/* SPDX-License-Identifier: MIT */
#include "shim/hooks/environment.h"

#include "shim/audit.h"
#include "shim/audit/fmt.h"
#include "shim/config.h"
#include "shim/engine.h"
#include "shim/init.h"
#include "shim/real.h"
#include "shim/start.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define OBJECT   "libtlsup.so"
#define PRELOAD  "LD_PRELOAD="
#define POLICY   "TLSUP_POLICY="
#define LISTENER AUDIT_LISTENER "=" /* of `tlsup run --explain` */
#define NET      "TLSUP_NET="

#define PRELOAD_MAX (2 * PATH_MAX)
#define SETTING_MAX (PATH_MAX + sizeof LISTENER)

/* Texts one behind the other, each with its NUL: those that are short are where the start writes anyway. */
static AT_START char near[320];
static AT_START size_t near_len;
static char kept[PRELOAD_MAX + ENVIRONMENT_SETTINGS * SETTING_MAX];
static AT_START size_t kept_len;
static AT_START const char *own_preload = ""; /* "LD_PRELOAD=…": "" if it was not that which loaded us */
static AT_START const char *own_settings[] = {[0 ... ENVIRONMENT_SETTINGS - 1] =
                                                  ""}; /* "NAME=VALUE", "": was not there */
static AT_START size_t own_len;                        /* of our entry alone, the last of own_preload */

/* For a text that has at most `need` bytes with its NUL, and room for at most `max`. */
static void begin(struct fmt *f, size_t need, size_t max)
{
    if (need <= sizeof near - near_len)
        fmt_init(f, near + near_len, need);
    else
        fmt_init(f, kept + kept_len, max);
}

static const char *keep(const struct fmt *f)
{
    const char *text = fmt_text(f);
    *(text == near + near_len ? &near_len : &kept_len) += f->len + 1;
    return text;
}

/* ---- at the start ---- */

static bool separates(char c)
{
    return c == ' ' || c == ':'; /* ld.so(8) */
}

/* The entry of a list that begins at or behind *at, and its length, 0 at the end. Not by strspn(): at the
 * start of a process those are pages of libc that nobody else has touched. */
static size_t next_entry(const char **at)
{
    size_t len = 0;
    while (separates(**at))
        ++*at;
    while ((*at)[len] && !separates((*at)[len]))
        len++;
    return len;
}

/* Our entry in a list; its length, 0 if there is none. */
static size_t find_ours(const char *list, const char **at)
{
    for (;;) {
        size_t len = next_entry(&list), tail = sizeof OBJECT - 1;
        *at = list;
        if (len >= tail && memcmp(list + len - tail, OBJECT, tail) == 0 &&
            (len == tail || list[len - tail - 1] == '/'))
            return len;
        if (!len)
            return 0;
        list += len;
    }
}

/* What stands before ours was put there for a reason: the runtime of a sanitizer has to come first. A name
 * that only this directory, or this LD_LIBRARY_PATH, leads to us by is made a path. */
static void keep_preload(const char *list)
{
    const char *at;
    size_t len = list ? find_ours(list, &at) : 0;
    char path[1000];
    struct fmt f;
    if (!len)
        return;
    size_t before = (size_t)(at - list);
    if (*at != '/' && *at != '$' && engine_beside(OBJECT, path, sizeof path)) {
        at = path;
        len = strlen(path);
    }
    begin(&f, sizeof PRELOAD + before + len, PRELOAD_MAX);
    fmt_str(&f, PRELOAD);
    fmt_strn(&f, list, before);
    fmt_strn(&f, at, len);
    if (f.cut) {
        begin(&f, sizeof PRELOAD + len, PRELOAD_MAX);
        fmt_str(&f, PRELOAD);
        fmt_strn(&f, at, len);
    }
    own_preload = keep(&f);
    own_len = len;
}

static const char *keep_setting(const char *name, const char *value)
{
    struct fmt f;
    if (!value)
        return "";
    begin(&f, strlen(name) + strlen(value) + 1, SETTING_MAX);
    fmt_str(&f, name);
    fmt_str(&f, value);
    return keep(&f);
}

void environment_init(void)
{
    keep_preload(secure_getenv("LD_PRELOAD"));
    own_settings[0] = keep_setting(POLICY, config_environment_policy());
    own_settings[1] = keep_setting(LISTENER, secure_getenv(AUDIT_LISTENER));
    own_settings[2] = keep_setting(NET, real_net());
}

/* ---- what is missing ---- */

struct look {
    size_t n;         /* entries */
    ptrdiff_t at;     /* of LD_PRELOAD, the last: ld.so takes that one. -1: none */
    const char *list; /* its value, if ours is not in it */
    bool preload, settings[ENVIRONMENT_SETTINGS], any; /* are missing */
};

static bool names_ours(const char *list)
{
    const char *ours = own_preload + strlen(own_preload) - own_len;
    for (;;) {
        size_t len = next_entry(&list);
        if (!len)
            return false;
        if (len == own_len && memcmp(list, ours, len) == 0)
            return true;
        list += len;
    }
}

/* Is `entry` another value of the same variable? */
static bool is_same(const char *entry, const char *own)
{
    size_t len = strcspn(own, "=") + 1;
    return strncmp(entry, own, len) == 0;
}

static struct look look_at(char *const given[])
{
    struct look l = {.at = -1};
    for (size_t k = 0; k < ENVIRONMENT_SETTINGS; k++)
        l.settings[k] = own_settings[k][0];
    for (; given && given[l.n]; l.n++) {
        if (strncmp(given[l.n], PRELOAD, sizeof PRELOAD - 1) == 0)
            l.at = (ptrdiff_t)l.n;
        for (size_t k = 0; k < ENVIRONMENT_SETTINGS; k++)
            if (l.settings[k] && is_same(given[l.n], own_settings[k]))
                l.settings[k] = false;
    }
    l.list = l.at < 0 ? "" : given[l.at] + sizeof PRELOAD - 1;
    l.preload = own_preload[0] && !names_ours(l.list);
    l.any = l.preload;
    for (size_t k = 0; k < ENVIRONMENT_SETTINGS; k++)
        l.any |= l.settings[k];
    return l;
}

/* ---- room ---- */

/* A thread's. The thread of a child of vfork() is its parent's, which sleeps until the child has no more use
 * for it; `user` tells a handler, which may come in between, from that. */
static __thread struct {
    void *at;
    size_t bytes;
    pid_t user;
} spare;

static void *map(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

static void *take_spare(size_t bytes)
{
    if (spare.at && spare.bytes < bytes) {
        munmap(spare.at, spare.bytes);
        spare.at = NULL;
    }
    if (!spare.at) {
        spare.at = map(bytes);
        spare.bytes = bytes;
    }
    if (spare.at)
        spare.user = getpid();
    return spare.at;
}

static void *take_room(struct environment *e, size_t bytes)
{
    if (bytes <= sizeof e->room)
        return e->room;
    if (spare.user != getpid()) {
        void *at = take_spare(bytes);
        e->kept = at != NULL;
        return at;
    }
    e->map = map(bytes);
    e->bytes = bytes;
    return e->map;
}

void environment_drop(struct environment *e)
{
    int saved = errno;
    if (e->kept)
        spare.user = 0;
    if (e->map)
        munmap(e->map, e->bytes);
    e->kept = false;
    e->map = NULL;
    errno = saved;
}

/* ---- the copy ---- */

static void put_preload(struct environment *e, const struct look *l, char *text, size_t cap)
{
    struct fmt f;
    e->preload = own_preload;
    const char *first = l->list;
    if (!next_entry(&first))
        return;
    fmt_init(&f, text, cap);
    fmt_str(&f, own_preload);
    fmt_char(&f, ':');
    fmt_str(&f, l->list);
    e->preload = fmt_text(&f);
}

static void fill(struct environment *e, const struct look *l, char *const given[], char **envp)
{
    size_t n = 0;
    if (l->preload && l->at < 0)
        envp[n++] = (char *)e->preload;
    for (size_t k = 0; k < ENVIRONMENT_SETTINGS; k++)
        if (l->settings[k])
            envp[n++] = (char *)(e->settings[k] = own_settings[k]);
    for (size_t i = 0; i < l->n; i++)
        envp[n++] = l->preload && (ptrdiff_t)i == l->at ? (char *)e->preload : given[i];
    envp[n] = NULL;
    e->envp = envp;
}

int environment_make(struct environment *e, char *const given[])
{
    init_now();
    struct look l = look_at(given);
    e->envp = given;
    e->preload = NULL;
    for (size_t k = 0; k < ENVIRONMENT_SETTINGS; k++)
        e->settings[k] = NULL;
    e->map = NULL;
    e->kept = false;
    e->changed = l.any;
    if (!l.any)
        return 0;
    int saved = errno;
    size_t pointers = (l.n + 2 + ENVIRONMENT_SETTINGS) * sizeof(char *);
    size_t text = l.preload ? strlen(own_preload) + strlen(l.list) + 2 : 0;
    char **envp = take_room(e, pointers + text);
    errno = saved;
    if (!envp)
        return ENOMEM;
    if (l.preload)
        put_preload(e, &l, (char *)envp + pointers, text);
    fill(e, &l, given, envp);
    return 0;
}
