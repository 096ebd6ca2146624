/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <string.h>

#include "shim/cli/cli.h"
#include "shim/tls.h"

const struct tls_engine *cli_engine(char path[PATH_MAX], char why[CLI_ENGINE_WHY])
{
    const struct tls_engine *(*start)(void);
    const struct tls_engine *engine = NULL;
    void *object, *symbol;

    if (!cli_object("libtlsup-tls.so", path)) {
        snprintf(why, CLI_ENGINE_WHY, "%s cannot be opened", path);
        return NULL;
    }
    object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    symbol = object ? dlsym(object, TLS_ENGINE_SYMBOL) : NULL;
    if (symbol) {
        memcpy(&start, &symbol, sizeof(start));
        engine = start();
    }
    if (engine && engine->abi == TLS_ENGINE_ABI)
        return engine;
    snprintf(why, CLI_ENGINE_WHY, "not usable: %s",
             !symbol  ? dlerror()
             : engine ? "built for another version"
                      : "it does not start");
    return NULL;
}
