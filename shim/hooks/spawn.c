/* SPDX-License-Identifier: MIT */
/*
 * Programs that are started beside this one. What posix_spawn() gives them as environment is ours to
 * complete. system() and popen() take the process' own inside libc: where that has lost us, the command is
 * wrapped into one that says it, and the program's environment is not touched.
 */
#include "shim/hooks/environment.h"
#include "shim/hooks/hooks.h"
#include "shim/real.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    struct environment e;
    int error = environment_make(&e, envp);
    if (error)
        return error; /* as posix_spawn's functions do */
    error = real.posix_spawn(pid, path, actions, attributes, argv, e.envp);
    environment_drop(&e);
    return error;
}

EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    struct environment e;
    int error = environment_make(&e, envp);
    if (error)
        return error;
    error = real.posix_spawnp(pid, file, actions, attributes, argv, e.envp);
    environment_drop(&e);
    return error;
}

/* ---- commands of a shell ---- */

/* The command itself, or one in a mapping that sets what is missing and has the shell take its own place:
 * the same process, the same $0. */
struct command {
    const char *text;
    char *map;
    size_t bytes;
};

static char *put(char *to, const char *text)
{
    return stpcpy(to, text);
}

static char *put_quoted(char *to, const char *text)
{
    to = put(to, "'");
    for (; *text; text++) {
        if (*text == '\'')
            to = put(to, "'\\'");
        *to++ = *text;
    }
    return put(to, "'");
}

/* "NAME=VALUE" as NAME='VALUE'. */
static char *put_setting(char *to, const char *entry)
{
    size_t name = strcspn(entry, "=") + 1;
    memcpy(to, entry, name);
    return put(put_quoted(to + name, entry + name), " ");
}

static void wrap(struct command *c, const struct environment *e, const char *text)
{
    char *to = put(c->map, "export ");
    if (e->preload)
        to = put_setting(to, e->preload);
    for (size_t k = 0; k < ENVIRONMENT_SETTINGS; k++)
        if (e->settings[k])
            to = put_setting(to, e->settings[k]);
    to = put(to, "; exec /bin/sh -c ");
    put(put_quoted(to, text), " sh");
    c->text = c->map;
}

static size_t quoted_len(const char *text)
{
    return text ? 4 * strlen(text) : 0; /* each byte may be a quote */
}

static int command_make(struct command *c, const char *text)
{
    struct environment e;
    int error = environment_make(&e, environ);
    *c = (struct command){.text = text};
    if (!error && text && e.changed) {
        c->bytes = 64 + quoted_len(e.preload) + quoted_len(text);
        for (size_t k = 0; k < ENVIRONMENT_SETTINGS; k++)
            c->bytes += 8 + quoted_len(e.settings[k]);
        c->map = mmap(NULL, c->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (c->map == MAP_FAILED)
            error = ENOMEM;
        else
            wrap(c, &e, text);
    }
    environment_drop(&e);
    return error;
}

static void command_drop(const struct command *c)
{
    int saved = errno;
    if (c->map)
        munmap(c->map, c->bytes);
    errno = saved;
}

EXPORT int system(const char *text)
{
    struct command c;
    int error = command_make(&c, text);
    if (error)
        return (int)failed(error);
    int status = real.system(c.text);
    command_drop(&c);
    return status;
}

EXPORT FILE *popen(const char *text, const char *mode)
{
    struct command c;
    int error = command_make(&c, text);
    if (error) {
        errno = error;
        return NULL;
    }
    FILE *f = real.popen(c.text, mode);
    command_drop(&c);
    return f;
}
ALIAS_OF(popen) FILE *_IO_popen(const char *command, const char *mode);
