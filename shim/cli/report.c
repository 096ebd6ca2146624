/* SPDX-License-Identifier: MIT */
#include "shim/cli/report.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BLOCK      (256U * 1024)
#define LINE_BYTES (1024U * 1024) /* longer is no line of ours */
#define TELL_NS    500000000L

/* ---- progress ---- */

static struct {
    bool on, shown;
    long long told_ns;
    uint64_t bytes, size; /* of all files; 0: not known */
} progress;

static long long now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void tell_progress(const struct tally *t)
{
    if (!progress.on || now() - progress.told_ns < TELL_NS)
        return;
    progress.told_ns = now();
    progress.shown = true;
    fprintf(stderr, "\r%llu MB", (unsigned long long)(progress.bytes >> 20));
    if (progress.size)
        fprintf(stderr, " of %llu MB (%llu %%)", (unsigned long long)(progress.size >> 20),
                (unsigned long long)(100 * progress.bytes / progress.size));
    fprintf(stderr, ", %llu records ", (unsigned long long)t->records);
}

static void end_progress(void)
{
    if (progress.shown)
        fprintf(stderr, "\r%60s\r", "");
}

static void begin_progress(char *const files[])
{
    progress.on = isatty(STDERR_FILENO);
    progress.told_ns = now();
    for (; *files; files++) {
        struct stat st;

        if (strcmp(*files, "-") != 0 && stat(*files, &st) == 0 && S_ISREG(st.st_mode))
            progress.size += (uint64_t)st.st_size;
    }
}

/* ---- reading ---- */

struct reader {
    struct tally *tally;
    char *line; /* what is there of the line that is read */
    size_t len;
    bool too_long; /* the rest of it is skipped */
    char *room;    /* seen_read's */
};

static void end_line(struct reader *r)
{
    struct seen s;

    if (r->too_long) {
        r->tally->damaged++;
    } else if (r->len) {
        switch (seen_read(r->line, r->len, r->room, &s)) {
        case SEEN_RECORD: tally_add(r->tally, &s); break;
        case SEEN_OTHER: r->tally->others++; break;
        case SEEN_DAMAGED: r->tally->damaged++; break;
        }
    }
    r->len = 0;
    r->too_long = false;
}

static void add_bytes(struct reader *r, const char *at, size_t n)
{
    while (n) {
        const char *newline = memchr(at, '\n', n);
        size_t part = newline ? (size_t)(newline - at) : n;

        if (part > LINE_BYTES - r->len)
            r->too_long = true;
        if (!r->too_long) {
            memcpy(r->line + r->len, at, part);
            r->len += part;
        }
        part += newline != NULL;
        at += part;
        n -= part;
        if (newline)
            end_line(r);
    }
}

static bool read_file(struct reader *r, int fd, const char *name, char block[BLOCK])
{
    for (;;) {
        ssize_t n = read(fd, block, BLOCK);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            fprintf(stderr, "tlsup report: %s: %s\n", name, strerror(errno));
        if (n <= 0) {
            end_line(r);
            return n == 0;
        }
        progress.bytes += (uint64_t)n;
        add_bytes(r, block, (size_t)n);
        tell_progress(r->tally);
    }
}

static bool read_named(struct reader *r, const char *name, char block[BLOCK])
{
    bool read;
    int fd;

    if (strcmp(name, "-") == 0)
        return read_file(r, STDIN_FILENO, "standard input", block);
    fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fprintf(stderr, "tlsup report: %s: %s\n", name, strerror(errno));
        return false;
    }
    read = read_file(r, fd, name, block);
    close(fd);
    return read;
}

static bool read_all(struct tally *t, char *const files[])
{
    struct reader r = {.tally = t, .line = malloc(LINE_BYTES), .room = malloc(2 * LINE_BYTES + 2)};
    char *block = malloc(BLOCK);
    bool all = r.line && r.room && block;

    if (!all)
        fprintf(stderr, "tlsup report: out of memory\n");
    else
        for (; *files; files++)
            all &= read_named(&r, *files, block);
    free(block);
    free(r.room);
    free(r.line);
    return all;
}

/* ---- the verb ---- */

static int tell(char form, const struct tally *t, const char *policy)
{
    static struct cli_source s;
    int status = CLI_OK;

    switch (form) {
    case 'j': report_json(t); break;
    case 'm': report_prometheus(t); break;
    case 's':
        if (*policy)
            policy_load_file(policy, &s.source, &s.diag);
        else
            cli_load(&s);
        status = report_suggest(t, s.source.policy);
        policy_unref(s.source.policy);
        break;
    default: report_text(t); break;
    }
    return status;
}

static int report(char form, char *const files[], const char *policy)
{
    struct tally t = {0};
    bool all;
    int status;

    begin_progress(files);
    all = read_all(&t, files);
    end_progress();
    tally_end(&t);
    t.bytes = progress.bytes;
    status = tell(form, &t, policy);
    if (t.no_memory)
        fprintf(stderr, "tlsup report: out of memory: not everything was counted\n");
    all &= !t.no_memory;
    tally_free(&t);
    return all ? status : CLI_BAD;
}

int cli_report(const struct cli_verb *self, int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},         {"json", no_argument, NULL, 'j'},
        {"prometheus", no_argument, NULL, 'm'},   {"suggest", no_argument, NULL, 's'},
        {"policy", required_argument, NULL, 'p'}, {NULL, 0, NULL, 0},
    };
    static char *const standard_input[] = {"-", NULL};
    char policy[PATH_MAX] = "", form = 0;
    int c;

    while ((c = getopt_long(argc, argv, ":hp:", options, NULL)) != -1) {
        if (c == 'h')
            return cli_help(self);
        if (c == '?' || c == ':')
            return cli_bad_option(self, argv);
        if (c == 'p') {
            if (!cli_absolute(optarg, policy))
                return cli_usage(self, "%s: this path is too long", optarg);
        } else if (form && form != c) {
            return cli_usage(self, "one of --json, --prometheus and --suggest");
        } else {
            form = (char)c;
        }
    }
    if (optind == argc && isatty(STDIN_FILENO))
        return cli_usage(self, "name a log, or give it on standard input");
    return report(form, optind < argc ? argv + optind : standard_input, policy);
}
