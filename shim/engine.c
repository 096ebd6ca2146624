/* SPDX-License-Identifier: MIT */
#include "shim/engine.h"

#include "shim/audit/fmt.h"
#include "shim/real.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 512U
#define CONTEXTS   64U

static pthread_mutex_t engine_lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static const struct tls_engine *engine;

struct cached {
    struct policy *policy; /* a reference, so that a rule's address is not used again for another */
    const struct policy_rule *rule;
    bool check_chain, client_certificate, http2;
    struct tls_context *context;
};
static struct cached contexts[CONTEXTS];
static size_t n_contexts;
static bool root_changed; /* what lies beside us now is not ours */

bool engine_beside(const char *file, char *out, size_t cap)
{
    Dl_info self;
    if (!dladdr((void *)engine_beside, &self) || !self.dli_fname)
        return false;
    const char *slash = strrchr(self.dli_fname, '/');
    if (self.dli_fname[0] != '/' || !slash) /* never from the current directory */
        return false;
    struct fmt f;
    fmt_init(&f, out, cap);
    fmt_strn(&f, self.dli_fname, (size_t)(slash - self.dli_fname));
    fmt_char(&f, '/');
    fmt_str(&f, file);
    fmt_text(&f);
    return !f.cut;
}

/*
 * A program that exports OpenSSL's symbols itself (node does) would capture our references; RTLD_DEEPBIND
 * keeps them. Only there: it breaks under AddressSanitizer, and mixes allocators under a preloaded malloc.
 */
static int open_flags(void)
{
    int flags = RTLD_NOW | RTLD_LOCAL;
    void *symbol = dlsym(RTLD_DEFAULT, "SSL_CTX_new");
    Dl_info where;
    if (!symbol || !dladdr(symbol, &where) || !where.dli_fname)
        return flags;
    const char *slash = strrchr(where.dli_fname, '/');
    const char *file = slash ? slash + 1 : where.dli_fname;
    bool is_libssl = strncmp(file, "libssl.so", 9) == 0;
    bool sanitized = dlsym(RTLD_DEFAULT, "__asan_init") != NULL;
    return is_libssl || sanitized ? flags : flags | RTLD_DEEPBIND;
}

static void say(char *why, size_t cap, const char *what, const char *detail)
{
    struct fmt f;
    fmt_init(&f, why, cap);
    fmt_str(&f, what);
    fmt_printable(&f, detail, strlen(detail));
    fmt_text(&f);
}

static const struct tls_engine *load(char *why, size_t cap)
{
    char path[PATH_BYTES];
    if (root_changed) {
        say(why, cap, "the engine was not loaded before the root directory changed", "");
        return NULL;
    }
    if (!engine_beside("libtlsup-tls.so", path, sizeof path)) {
        say(why, cap, "libtlsup-tls.so cannot be found: libtlsup.so was not preloaded by an absolute path",
            "");
        return NULL;
    }
    void *handle = real.dlopen(path, open_flags());
    if (!handle) {
        const char *error = dlerror();
        say(why, cap, "the engine cannot be loaded: ", error ? error : path);
        return NULL;
    }
    const struct tls_engine *(*table)(void) = NULL;
    void *symbol = dlsym(handle, TLS_ENGINE_SYMBOL);
    memcpy(&table, &symbol, sizeof table);
    const struct tls_engine *found = table ? table() : NULL;
    if (!found || found->abi != TLS_ENGINE_ABI) {
        say(why, cap, "the engine is of another version or cannot start OpenSSL: ", path);
        return NULL;
    }
    return found;
}

const struct tls_engine *engine_get(char *why, size_t cap)
{
    pthread_mutex_lock(&engine_lock);
    if (!engine)
        engine = load(why, cap);
    const struct tls_engine *found = engine;
    pthread_mutex_unlock(&engine_lock);
    return found;
}

void engine_keep(const struct policy *policy)
{
    char why[1];
    const struct policy_rule *rule;
    pthread_mutex_lock(&engine_lock);
    for (size_t i = 0; (rule = policy_rule_at(policy, i)); i++)
        if (rule->level > LEVEL_NONE && rule->level < LEVEL_REJECT && (engine || engine_get(why, sizeof why)))
            engine->keep(&(struct tls_params){.ca = rule->ca,
                                              .crl = rule->crl,
                                              .cert = rule->cert,
                                              .key = rule->key,
                                              .check_chain = rule->level >= LEVEL_FINGERPRINT});
    pthread_mutex_unlock(&engine_lock);
}

static struct tls_context *make(const struct engine_wish *wish, struct tls_error *error)
{
    const struct policy_rule *rule = wish->verdict->rule;
    struct tls_params params = {
        .ca = rule->ca,
        .crl = rule->crl,
        .ciphers = rule->ciphers,
        .ciphersuites = rule->ciphersuites,
        .alpn = wish->http2 ? "h2" : rule->alpn, /* RFC 9113 section 3.2 */
        .min_version = rule->min_tls,
        .check_chain = wish->verdict->check_chain,
        .strict = rule->level == LEVEL_SECURE,
        .observe = rule->mode == MODE_TESTING,
        .resume = rule->resume,
    };
    if (wish->client_certificate) {
        params.cert = rule->cert;
        params.key = rule->key;
    }
    return engine->context_new(&params, error);
}

static void forget(struct cached *place)
{
    if (place->context)
        engine->context_free(place->context); /* counted by OpenSSL: connections that use it keep it */
    if (place->policy)
        policy_unref(place->policy);
    *place = (struct cached){0};
}

/* A context that was made before would look for authorities in the new root. */
void engine_root_changed(bool changed)
{
    pthread_mutex_lock(&engine_lock);
    if (engine) {
        engine->root_changed(changed);
        for (size_t i = 0; changed && i < n_contexts; i++)
            forget(&contexts[i]);
    }
    root_changed |= changed;
    pthread_mutex_unlock(&engine_lock);
}

static bool serves(const struct cached *at, const struct policy *policy, const struct engine_wish *wish)
{
    return at->policy == policy && at->rule == wish->verdict->rule &&
           at->check_chain == wish->verdict->check_chain &&
           at->client_certificate == wish->client_certificate && at->http2 == wish->http2;
}

/* The entry of this kind, or one to fill: unused, else that of another policy, else the one whose turn it is.
 */
static struct cached *place_of(const struct policy *policy, const struct engine_wish *wish)
{
    static size_t turn;
    struct cached *stale = NULL;
    for (size_t i = 0; i < n_contexts; i++) {
        struct cached *at = &contexts[i];
        if (serves(at, policy, wish))
            return at;
        if (at->policy != policy)
            stale = at;
    }
    if (n_contexts < CONTEXTS)
        return &contexts[n_contexts++];
    if (!stale)
        stale = &contexts[turn++ % CONTEXTS];
    forget(stale);
    return stale;
}

/* Under engine_lock: an entry that another thread evicts must not be in use. */
static struct tls_context *context_for(struct policy *policy, const struct engine_wish *wish,
                                       struct tls_error *error)
{
    struct cached *place = place_of(policy, wish);
    if (!place->context) {
        struct tls_context *made = make(wish, error);
        if (made)
            *place =
                (struct cached){policy_ref(policy),       wish->verdict->rule, wish->verdict->check_chain,
                                wish->client_certificate, wish->http2,         made};
    }
    return place->context;
}

bool engine_prepare(struct policy *policy, const struct engine_wish *wish, struct tls_error *error)
{
    pthread_mutex_lock(&engine_lock);
    bool ready = context_for(policy, wish, error) != NULL;
    pthread_mutex_unlock(&engine_lock);
    return ready;
}

bool engine_is_prepared(struct policy *policy, const struct engine_wish *wish)
{
    bool found = false;
    pthread_mutex_lock(&engine_lock);
    for (size_t i = 0; i < n_contexts && !found; i++)
        found = contexts[i].context && serves(&contexts[i], policy, wish);
    pthread_mutex_unlock(&engine_lock);
    return found;
}

struct tls *engine_open(struct policy *policy, const struct engine_wish *wish, int fd,
                        const struct tls_io *io, const struct tls_peer *peer, struct tls_error *error)
{
    pthread_mutex_lock(&engine_lock);
    struct tls_context *context = context_for(policy, wish, error);
    struct tls *tls = context ? engine->open(context, fd, io, peer, error) : NULL;
    pthread_mutex_unlock(&engine_lock);
    return tls;
}

void engine_hold(void)
{
    pthread_mutex_lock(&engine_lock);
}

void engine_let_go(void)
{
    pthread_mutex_unlock(&engine_lock);
}

void engine_after_fork(void)
{
    engine_lock = (pthread_mutex_t)PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
}
