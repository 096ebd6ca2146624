/* SPDX-License-Identifier: MIT */
#include "policy/load.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/open.h"
#include "policy/refused.h"
#include "policy/text.h"

/* ---- one file ---- */

static void starve(struct policy_source *out)
{
    out->starved = out->all_ports_refused = true;
}

/* All of the file, NULL with the reason in out->error; the caller frees it. */
static char *read_all(const struct open_file *file, const char *path, struct policy_source *out)
{
    struct text why_not = text_on(out->error, sizeof(out->error));
    char *text = malloc(file->size + 1);

    if (!text) {
        text_add(&why_not, path);
        text_add(&why_not, ": out of memory");
        starve(out);
    } else if (!open_contents(file, path, text, out->error, sizeof(out->error))) {
        free(text);
        text = NULL;
    }
    return text;
}

static void note_parse_error(struct policy_source *out, const char *path,
                             const struct policy_diagnostics *diag)
{
    struct text t = text_on(out->error, sizeof(out->error));

    text_add(&t, path);
    text_add(&t, ":");
    text_add_uint(&t, diag->errors[0].line);
    text_add(&t, ":");
    text_add_uint(&t, diag->errors[0].column);
    text_add(&t, ": ");
    text_add(&t, diag->errors[0].text);
}

static void parse_text(const char *path, const char *text, size_t len, struct policy_source *out,
                       struct policy_diagnostics *diag)
{
    out->policy = policy_parse(text, len, path, diag);
    if (out->policy)
        return;
    note_parse_error(out, path, diag);
    refused_scan(out, text, len);
    if (diag->no_memory)
        starve(out);
}

static enum open_result load_file(const char *path, struct policy_source *out,
                                  struct policy_diagnostics *diag)
{
    struct policy_diagnostics *own = NULL;
    struct text why_not;
    enum open_result result;
    struct open_file file;
    char *text = NULL;

    memset(out, 0, sizeof(*out));
    out->path = path;
    if (diag)
        diag->n_errors = diag->n_warnings = 0;
    result = open_trusted(path, OPEN_POLICY, out->error, sizeof(out->error), &file);
    if (result == OPEN_STARVED)
        starve(out);
    if (file.fd >= 0) {
        text = read_all(&file, path, out);
        close(file.fd);
    }
    if (text && !diag)
        diag = own = calloc(1, sizeof(*own));
    if (text && diag) {
        parse_text(path, text, file.size, out, diag);
    } else if (text) {
        why_not = text_on(out->error, sizeof(out->error));
        text_add(&why_not, path);
        text_add(&why_not, ": out of memory");
        starve(out);
    }
    if (!out->policy && !out->n_refused_ports)
        refused_usual(out);
    free(own);
    free(text);
    return result;
}

void policy_load_file(const char *path, struct policy_source *out, struct policy_diagnostics *diag)
{
    load_file(path, out, diag);
}

/* ---- which file ---- */

static void load_builtin(struct policy_source *out)
{
    struct text t;

    memset(out, 0, sizeof(*out));
    out->policy = policy_builtin();
    if (out->policy)
        return;
    t = text_on(out->error, sizeof(out->error));
    text_add(&t, "built-in policy: out of memory");
    starve(out);
    refused_usual(out);
}

void policy_load_diagnosed(const char *system_path, const char *environment_path, struct policy_source *out,
                           struct policy_diagnostics *diag)
{
    enum open_result result = load_file(system_path, out, diag);

    if (result != OPEN_ABSENT && !(out->policy && environment_path && policy_allows_user_policy(out->policy)))
        return;
    policy_unref(out->policy);
    if (environment_path)
        load_file(environment_path, out, diag);
    else
        load_builtin(out);
}

void policy_load(const char *system_path, const char *environment_path, struct policy_source *out)
{
    policy_load_diagnosed(system_path, environment_path, out, NULL);
}

/* ---- did it change ---- */

static void stamp(const char *path, struct policy_stamp *out)
{
    struct stat st;

    memset(out, 0, sizeof(*out));
    if (!path || lstat(path, &st) != 0)
        return;
    out->present = true;
    out->dev = st.st_dev;
    out->ino = st.st_ino;
    out->size = (uint64_t)st.st_size;
    out->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    out->ctime_ns = (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec;
}

void policy_stamp_get(const char *system_path, const char *environment_path, struct policy_stamp out[2])
{
    stamp(system_path, &out[0]);
    stamp(environment_path, &out[1]);
}

static bool same(const struct policy_stamp *a, const struct policy_stamp *b)
{
    return a->present == b->present && a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

bool policy_stamp_equal(const struct policy_stamp a[2], const struct policy_stamp b[2])
{
    return same(&a[0], &b[0]) && same(&a[1], &b[1]);
}
