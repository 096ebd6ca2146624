/* SPDX-License-Identifier: MIT */
#include "tests/origin/cert.h"
#include "tests/origin/help.h"
#include "tests/origin/pattern.h"
#include "tests/origin/server.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_CERTS 32

struct options {
    const char *script, *certs[MAX_CERTS];
    size_t n_certs;
    bool reuse, quiet, pattern;
    long long pattern_size, pattern_from;
    long lifetime;
};

__attribute__((noreturn, format(printf, 1, 2))) static void usage_error(const char *fmt, ...)
{
    va_list ap;

    fputs("origin: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(2);
}

static long long number(const char *name, const char *text, long long max)
{
    char *end;
    long long n = strtoll(text, &end, 10);

    if (end == text || *end || n < 0 || n > max)
        usage_error("--%s takes a number up to %lld, not '%s'", name, max, text);
    return n;
}

static int print_pattern(const struct options *o)
{
    for (long long at = 0; at < o->pattern_size;) {
        long long left = o->pattern_size - at;
        size_t piece = left < (long long)PATTERN_BLOCK ? (size_t)left : PATTERN_BLOCK;
        if (fwrite(pattern_at((unsigned long long)(o->pattern_from + at)), 1, piece, stdout) != piece)
            return 1;
        at += (long long)piece;
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

/* ---- options ---- */

enum {
    OPT_DIR = 1,
    OPT_PORT,
    OPT_TLS_PORT,
    OPT_ADDRESS,
    OPT_SCRIPT,
    OPT_CERT,
    OPT_MAKE_CERT,
    OPT_READY_FILE,
    OPT_REUSE,
    OPT_NO_UPGRADE,
    OPT_FILES,
    OPT_QUIET,
    OPT_LIFETIME,
    OPT_PATTERN,
    OPT_OFFSET,
    OPT_HELP
};

static const struct option long_options[] = {
    {"dir", required_argument, NULL, OPT_DIR},
    {"port", required_argument, NULL, OPT_PORT},
    {"tls-port", required_argument, NULL, OPT_TLS_PORT},
    {"address", required_argument, NULL, OPT_ADDRESS},
    {"script", required_argument, NULL, OPT_SCRIPT},
    {"cert", required_argument, NULL, OPT_CERT},
    {"make-cert", required_argument, NULL, OPT_MAKE_CERT},
    {"ready-file", required_argument, NULL, OPT_READY_FILE},
    {"reuse", no_argument, NULL, OPT_REUSE},
    {"no-upgrade", no_argument, NULL, OPT_NO_UPGRADE},
    {"files", required_argument, NULL, OPT_FILES},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"lifetime", required_argument, NULL, OPT_LIFETIME},
    {"pattern", required_argument, NULL, OPT_PATTERN},
    {"offset", required_argument, NULL, OPT_OFFSET},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static void set_option(struct server *s, struct options *o, int opt, const char *arg)
{
    switch (opt) {
    case OPT_DIR: s->dir = arg; break;
    case OPT_PORT: s->port = (int)number("port", arg, 65535); break;
    case OPT_TLS_PORT: s->tls_port = (int)number("tls-port", arg, 65535); break;
    case OPT_ADDRESS:
        if (s->n_addresses == SERVER_ADDRESSES)
            usage_error("at most %d times --address", SERVER_ADDRESSES);
        s->addresses[s->n_addresses++] = arg;
        break;
    case OPT_SCRIPT: o->script = arg; break;
    case OPT_CERT:
        if (!tls_option(&s->honest.tls, "cert", arg))
            usage_error("--cert: the name is too long");
        break;
    case OPT_MAKE_CERT:
        if (o->n_certs == MAX_CERTS)
            usage_error("at most %d times --make-cert", MAX_CERTS);
        o->certs[o->n_certs++] = arg;
        break;
    case OPT_READY_FILE: s->ready_file = arg; break;
    case OPT_REUSE: o->reuse = true; break;
    case OPT_NO_UPGRADE: s->honest.no_upgrade = true; break;
    case OPT_FILES: resource_files(arg); break;
    case OPT_QUIET: o->quiet = true; break;
    case OPT_LIFETIME: o->lifetime = (long)number("lifetime", arg, 86400); break;
    case OPT_PATTERN:
        o->pattern = true;
        o->pattern_size = number("pattern", arg, 1LL << 40);
        break;
    case OPT_OFFSET: o->pattern_from = number("offset", arg, 1LL << 40); break;
    case OPT_HELP: help_print(); exit(0);
    default: exit(2); /* getopt said why */
    }
}

static void parse(struct server *s, struct options *o, int argc, char **argv)
{
    int opt;

    while ((opt = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        set_option(s, o, opt, optarg);
    if (optind < argc)
        usage_error("'%s' is not an option, see --help", argv[optind]);
    if (!s->dir && !o->pattern)
        usage_error("--dir is missing, see --help");
    if (s->n_addresses == 0)
        s->addresses[s->n_addresses++] = "127.0.0.1";
}

/* ---- start ---- */

static void make_certificates(const struct server *s, const struct options *o)
{
    char err[512];

    if (!cert_make_all(s->dir, o->reuse, err, sizeof(err)))
        usage_error("%s", err);
    for (size_t i = 0; i < o->n_certs; i++) {
        char name[64];
        size_t n = strcspn(o->certs[i], " ");
        snprintf(name, sizeof(name), "%.*s", (int)n, o->certs[i]);
        if (!cert_make(s->dir, name, o->certs[i] + n, o->reuse, err, sizeof(err)))
            usage_error("--make-cert: %s", err);
    }
}

static void prepare(struct server *s, const struct options *o)
{
    char err[1024];

    if (mkdir(s->dir, 0755) < 0 && errno != EEXIST)
        usage_error("cannot make %s: %s", s->dir, strerror(errno));
    make_certificates(s, o);
    if (!journal_open(s->dir, o->quiet))
        usage_error("cannot open the logs in %s: %s", s->dir, strerror(errno));
    s->honest.ctx = tls_context(s->dir, &s->honest.tls, err, sizeof(err));
    if (!s->honest.ctx)
        usage_error("--cert %s: %s", s->honest.tls.cert, err);
    if (o->script && !(s->script = script_load(o->script, s->dir, o->reuse, err, sizeof(err))))
        usage_error("%s", err);
    if (!server_listen(s, err, sizeof(err)))
        usage_error("%s", err);
}

int main(int argc, char **argv)
{
    static struct server s;
    struct options o = {0};
    sigset_t mask;
    int signal_fd;

    parse(&s, &o, argc, argv);
    pattern_init();
    if (o.pattern)
        return print_pattern(&o);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGALRM);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    signal_fd = signalfd(-1, &mask, SFD_CLOEXEC);
    alarm((unsigned)o.lifetime);
    prepare(&s, &o);
    if (!server_announce(&s))
        usage_error("cannot say that it is ready: %s", strerror(errno));
    if (!server_run(&s, signal_fd))
        _exit(0); /* a thread did not end in time: leave it no half-freed library */
    SSL_CTX_free(s.honest.ctx);
    script_free(s.script);
    close(signal_fd);
    return 0;
}
