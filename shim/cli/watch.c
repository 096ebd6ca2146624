/* SPDX-License-Identifier: MIT */
#include "shim/cli/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/audit.h"
#include "shim/cli/cli.h"
#include "shim/cli/seen.h"

struct watcher {
    /* A directory of our own: once it is gone, what still runs finds no place to write to. */
    char directory[64], file[80];
    int records, changes, signals; /* descriptors */
    sigset_t before;
    bool colours;
    char line[AUDIT_LINE_MAX + 1], room[2 * AUDIT_LINE_MAX + 4];
    size_t len;
};

/* ---- a record, for people ---- */

static const char *colour_of(const struct seen *s)
{
    if (strcmp(s->action, "upgraded") == 0)
        return s->would[0] ? "33" : "32";
    return strcmp(s->action, "blocked") == 0 ? "31" : "33";
}

static void print_safe(const char *text)
{
    for (; *text; text++)
        if (*text >= 0x20 && *text < 0x7f && *text != '\\')
            putc(*text, stderr);
        else
            fprintf(stderr, "\\x%02x", (unsigned char)*text);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static void print_target(const struct seen *s)
{
    const char *colon = strrchr(s->destination, ':');

    fprintf(stderr, " http://");
    print_safe(s->name[0] ? s->name : s->destination);
    if (s->name[0])
        print_safe(colon);
}

static void print_decision(const struct watcher *w, const struct seen *s)
{
    fprintf(stderr, "tlsup: %s%s%s", w->colours ? "\033[" : "", w->colours ? colour_of(s) : "",
            w->colours ? "m" : "");
    print_safe(s->action);
    fprintf(stderr, "%s", w->colours ? "\033[0m" : "");
    print_target(s);
    if (s->would[0])
        fprintf(stderr, ", would be blocked");
    if (s->reason[0]) {
        fprintf(stderr, ": ");
        print_safe(s->reason);
    }
    fprintf(stderr, " (");
    print_safe(s->tls_version);
    fprintf(stderr, "%s", s->tls_version[0] ? ", " : "");
    print_safe(s->rule[0] ? base_name(s->rule) : "no rule");
    fprintf(stderr, "%s", s->level[0] ? " " : "");
    print_safe(s->level);
    fprintf(stderr, "; ");
    print_safe(base_name(s->exe));
    fprintf(stderr, " %s)\n", s->pid);
}

static void print_close(const struct seen *s)
{
    fprintf(stderr, "tlsup: closed");
    print_target(s);
    fprintf(stderr, " (%s bytes in, %s out, ", s->bytes_in, s->bytes_out);
    print_safe(s->closed);
    fprintf(stderr, "; ");
    print_safe(base_name(s->exe));
    fprintf(stderr, " %s)\n", s->pid);
}

static void end_line(struct watcher *w)
{
    struct seen s;

    if (seen_read(w->line, w->len, w->room, &s) == SEEN_RECORD) {
        strcmp(s.event, "close") == 0 ? print_close(&s) : print_decision(w, &s);
        fflush(stderr);
    }
    w->len = 0;
}

static void read_records(struct watcher *w)
{
    char block[4096];
    ssize_t n;

    while ((n = read(w->records, block, sizeof(block))) > 0)
        for (ssize_t i = 0; i < n; i++)
            if (block[i] == '\n')
                end_line(w);
            else if (w->len < AUDIT_LINE_MAX)
                w->line[w->len++] = block[i];
}

/* ---- the file, and what wakes us ---- */

static bool has_colours(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM"); /* no-color.org: present and not empty */

    return isatty(STDERR_FILENO) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

static bool open_all(struct watcher *w)
{
    static const int taken[] = {SIGCHLD, SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
    sigset_t set;

    snprintf(w->directory, sizeof(w->directory), "/tmp/tlsup-explain.XXXXXX");
    if (!mkdtemp(w->directory))
        return false;
    snprintf(w->file, sizeof(w->file), "%s/records", w->directory);
    w->records = open(w->file, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    w->changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        sigaddset(&set, taken[i]);
    sigprocmask(SIG_BLOCK, &set, &w->before);
    w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    w->colours = has_colours();
    return w->records >= 0 && w->changes >= 0 && w->signals >= 0 &&
           inotify_add_watch(w->changes, w->file, IN_MODIFY) >= 0 && setenv(AUDIT_LISTENER, w->file, 1) == 0;
}

static void close_all(struct watcher *w)
{
    close(w->records);
    close(w->changes);
    close(w->signals);
    if (w->file[0])
        unlink(w->file);
    rmdir(w->directory);
}

/* What the terminal sends the child has already; what somebody sent to us is meant for it. */
static void pass_signals(const struct watcher *w, pid_t pid)
{
    struct signalfd_siginfo info;

    while (read(w->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
        if (info.ssi_signo != SIGCHLD && info.ssi_code != SI_KERNEL)
            kill(pid, (int)info.ssi_signo);
}

static int wait_for_end(struct watcher *w, pid_t pid)
{
    static char line[8 * AUDIT_LINE_MAX];
    struct pollfd fds[] = {{.fd = w->changes, .events = POLLIN}, {.fd = w->signals, .events = POLLIN}};
    char events[1024];
    int status = 0;

    setvbuf(stderr, line, _IOFBF, sizeof(line)); /* the command writes there too: a line is one write */
    while (waitpid(pid, &status, WNOHANG) != pid) {
        poll(fds, 2, -1);
        while (read(w->changes, events, sizeof(events)) > 0)
            continue;
        pass_signals(w, pid);
        read_records(w);
    }
    read_records(w);
    return status;
}

/* As the command ended, so do we: a shell asks what killed it. */
static int end_like(const struct watcher *w, int status)
{
    const struct rlimit no_core = {0, 0};
    int number;

    sigprocmask(SIG_SETMASK, &w->before, NULL);
    if (!WIFSIGNALED(status))
        return WEXITSTATUS(status);
    number = WTERMSIG(status);
    setrlimit(RLIMIT_CORE, &no_core);
    signal(number, SIG_DFL);
    raise(number);
    return 128 + number;
}

int watch(char **command, int (*start)(char **command))
{
    static struct watcher w = {.records = -1, .changes = -1, .signals = -1};
    int status;
    pid_t pid;

    if (!open_all(&w)) {
        fprintf(stderr, "tlsup run: --explain: %s\n", strerror(errno));
        close_all(&w);
        return CLI_FAILED;
    }
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        sigprocmask(SIG_SETMASK, &w.before, NULL);
        _exit(start(command));
    }
    if (pid < 0)
        fprintf(stderr, "tlsup run: %s\n", strerror(errno));
    status = pid < 0 ? CLI_FAILED << 8 : wait_for_end(&w, pid);
    close_all(&w);
    return end_like(&w, status);
}
