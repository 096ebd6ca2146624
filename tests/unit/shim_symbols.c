/* SPDX-License-Identifier: MIT */
/* Our own look at the objects behind us says what the loader says. */
#include "shim/symbols.h"
#include "tests/unit/unit.h"

#include <dlfcn.h>

/* Hooks, what libc chooses when it starts (STT_GNU_IFUNC), several versions of one name, data, and nothing.
 */
static const char *const names[] = {
#define HOOK(family, ret, name, params, args, fail) #name,
#define LIBC(ret, name, params, args, fail)         #name,
#define VARIADIC(family, ret, name, params)         #name,
#define ALIAS(name, hook)                           #name,
#include "shim/syms.def"
    "memcpy",
    "strlen",
    "time",
    "gettimeofday",
    "pthread_cond_wait",
    "pthread_cond_init",
    "realpath",
    "environ",
    "stdout",
    "fclose",
    "errno",
    "posix_spawn",
    "dlopen",
    "dlsym",
    "",
    "no_such_function_here",
};

int main(void)
{
    struct symbols s;
    unsigned found = 0;
    CHECK(symbols_begin(&s));
    CHECK(s.n >= 1);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        void *ours = symbols_find(&s, names[i]), *theirs = dlsym(RTLD_NEXT, names[i]);
        found += ours != NULL;
        CHECK(!ours || ours == theirs);
        if (ours && ours != theirs)
            fprintf(stderr, "%s: %p, not %p\n", names[i], ours, theirs);
    }
    CHECK(found > 80); /* nearly all, or it would be of no use */
    CHECK(!symbols_find(&s, "environ") && !symbols_find(&s, ""));
    CHECK(!symbols_end_at(&s, "no_such_function_here") && s.n >= 1);
    CHECK(symbols_end_at(&s, "gnu_get_libc_version") && s.n >= 1 && symbols_find(&s, "close"));
    return unit_done("shim_symbols");
}
