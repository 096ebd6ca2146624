/* SPDX-License-Identifier: MIT */
#include "shim/cli/unit.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN_DROP_IN "tlsup.conf"

/* In the order in which systemd looks. */
static const char *const places[] = {"/etc/systemd/system", "/run/systemd/system",
                                     "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
                                     "/lib/systemd/system"};

static const char *place(size_t i)
{
    const char *own = getenv("SYSTEMD_UNIT_PATH"); /* as systemd-analyze(1) takes it; one directory */

    if (own && *own)
        return i ? NULL : own;
    return i < sizeof(places) / sizeof(places[0]) ? places[i] : NULL;
}

/* a@b.service is made from a@.service: that name, or false. */
static bool template_of(const char *unit, char out[NAME_MAX + 1])
{
    const char *at = strchr(unit, '@'), *dot = strrchr(unit, '.');

    return at && dot > at + 1 && snprintf(out, NAME_MAX + 1, "%.*s%s", (int)(at + 1 - unit), unit, dot) > 0;
}

/* ---- one file ---- */

struct reader {
    void (*take)(const char *name, char *value, void *arg);
    void *arg;
    bool in_service;
};

static char *trim(char *text)
{
    size_t len;

    text += strspn(text, " \t");
    for (len = strlen(text); len && strchr(" \t\r\n", text[len - 1]); len--)
        continue;
    text[len] = '\0';
    return text;
}

static void take_line(struct reader *r, char *line)
{
    char *equals = strchr(line, '=');

    line = trim(line);
    if (*line == '[')
        r->in_service = strcmp(line, "[Service]") == 0;
    else if (r->in_service && equals) {
        *equals = '\0';
        r->take(trim(line), trim(equals + 1), r->arg);
    }
}

static bool is_comment(const char *line)
{
    line += strspn(line, " \t");
    return *line == '#' || *line == ';';
}

/* A backslash at the end of a line becomes a space and joins the next one, comments between them left out. */
static void read_file(FILE *f, struct reader *r)
{
    char *line = NULL, *whole = NULL;
    size_t room = 0, len = 0;
    ssize_t n;

    r->in_service = false;
    while ((n = getline(&line, &room, f)) >= 0) {
        char *grown = is_comment(line) ? NULL : realloc(whole, len + (size_t)n + 2);

        if (!grown)
            continue;
        whole = grown;
        while (n && strchr("\r\n", line[n - 1]))
            n--;
        memcpy(whole + len, line, (size_t)n);
        len += (size_t)n;
        whole[len] = '\0';
        if (n && line[n - 1] == '\\') {
            whole[len - 1] = ' ';
            continue;
        }
        take_line(r, whole);
        len = 0;
    }
    if (len)
        take_line(r, whole);
    free(whole);
    free(line);
}

static bool read_path(const char *path, struct reader *r)
{
    FILE *f = fopen(path, "re");

    if (!f)
        return false;
    read_file(f, r);
    fclose(f);
    return true;
}

/* The first place that has it decides. */
static bool read_main(const char *unit, struct reader *r)
{
    char path[PATH_MAX];

    for (size_t i = 0; place(i); i++)
        if (snprintf(path, sizeof(path), "%s/%s", place(i), unit) < PATH_MAX && read_path(path, r))
            return true;
    return false;
}

/* ---- drop-ins ---- */

struct drop_in {
    char *name, *path;
};

struct drop_ins {
    struct drop_in *list;
    size_t n;
};

static bool is_drop_in(const char *name)
{
    size_t len = strlen(name);

    return *name != '.' && len > 5 && strcmp(name + len - 5, ".conf") == 0 && strcmp(name, OWN_DROP_IN) != 0;
}

/* Of two files of one name the one that was found first stands. */
static void add(struct drop_ins *d, const char *directory, const char *name)
{
    struct drop_in *grown;
    char path[PATH_MAX];

    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->list[i].name, name) == 0)
            return;
    grown = realloc(d->list, (d->n + 1) * sizeof(*grown));
    if (!grown)
        return;
    d->list = grown;
    if (snprintf(path, sizeof(path), "%s/%s", directory, name) < PATH_MAX)
        d->list[d->n++] = (struct drop_in){strdup(name), strdup(path)};
}

static void look_into(struct drop_ins *d, const char *of, const char *where)
{
    char directory[PATH_MAX];
    struct dirent *entry;
    DIR *open = NULL;

    if (snprintf(directory, sizeof(directory), "%s/%s.d", where, of) < PATH_MAX)
        open = opendir(directory);
    while (open && (entry = readdir(open)))
        if (is_drop_in(entry->d_name))
            add(d, directory, entry->d_name);
    if (open)
        closedir(open);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct drop_in *)a)->name, ((const struct drop_in *)b)->name);
}

static void read_drop_ins(const char *const names[], size_t n, struct reader *r)
{
    struct drop_ins d = {NULL, 0};

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; place(k); k++)
            look_into(&d, names[i], place(k));
    if (d.n)
        qsort(d.list, d.n, sizeof(*d.list), by_name);
    for (size_t i = 0; i < d.n; i++) {
        if (d.list[i].path)
            read_path(d.list[i].path, r);
        free(d.list[i].name);
        free(d.list[i].path);
    }
    free(d.list);
}

bool unit_read(const char *unit, void (*take)(const char *name, char *value, void *arg), void *arg)
{
    struct reader r = {.take = take, .arg = arg};
    char template[NAME_MAX + 1];
    bool has_template = template_of(unit, template);
    const char *const names[] = {unit, "service", template};

    if (!read_main(unit, &r) && !(has_template && read_main(template, &r)))
        return false;
    read_drop_ins(names, has_template ? 3 : 2, &r);
    return true;
}
