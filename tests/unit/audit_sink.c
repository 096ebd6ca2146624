/* SPDX-License-Identifier: MIT */
/* Records in files: who may own them, what is lost, and that nothing of the program can bend or hold them. */
#include "tests/unit/unit.h"

#include "shim/audit/sink.h"
#include "tests/unit/audit_json.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

#define PER_THREAD  1000
#define CONTENT_MAX (2 * PER_THREAD * 1024)

static char path[64], content[CONTENT_MAX];
static struct audit_event event;

/* Reads the sink; returns the number of lines, of which each must be one object. */
static unsigned lines(void)
{
    unsigned count = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, content, sizeof content - 1);
    if (fd >= 0)
        close(fd);
    content[n > 0 ? n : 0] = '\0';
    for (char *line = content, *end; (end = strchr(line, '\n')) != NULL; line = end + 1, count++) {
        *end = '\0';
        CHECK(is_json_object(line));
        *end = '\n';
    }
    return count;
}

static void makes_and_appends(void)
{
    struct stat st;
    errno = EXDEV;
    audit_decision(path, &event);
    audit_close(path, &event);
    CHECK_INT(errno, EXDEV);
    CHECK_INT(stat(path, &st), 0);
    CHECK_INT(st.st_mode & 07777, 0600);
    CHECK_INT(lines(), 2);
    CHECK(strstr(content, "\"event\":\"decision\"") && strstr(content, "\"event\":\"close\""));
    audit_decision("none", &event);
    audit_decision(NULL, &event);
    CHECK_INT(lines(), 2);
    unlink(path);
}

/* The file that stands in the sink's place takes nothing. */
static void refused(const char *what)
{
    errno = EXDEV;
    if (sink_file(path, "x\n", 2)) {
        fprintf(stderr, "%s was written\n", what);
        unit_failures++;
    }
    unit_checks++;
    CHECK_INT(errno, EXDEV);
    unlink(path);
    rmdir(path);
}

static void refuses_what_is_not_its_own(void)
{
    char other[80];
    (void)snprintf(other, sizeof other, "%s.other", path);
    close(open(other, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));

    CHECK_INT(symlink(other, path), 0);
    refused("a symbolic link");
    CHECK_INT(link(other, path), 0);
    refused("a file with two names");
    CHECK_INT(mkfifo(path, 0600), 0);
    refused("a FIFO without a reader");
    CHECK_INT(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    refused("a FIFO");
    close(reader);
    CHECK_INT(mkdir(path, 0700), 0);
    refused("a directory");
    if (geteuid() == 0) {
        CHECK_INT(rename(other, path), 0);
        CHECK_INT(chown(path, 1, 1), 0);
        refused("another user's file");
    }
    unlink(other);
}

static void never_uses_a_standard_number(void)
{
    int kept = dup(0);
    close(0);
    CHECK(!sink_file(path, "x\n", 2));
    CHECK_INT(fcntl(0, F_GETFD), -1); /* given back */
    dup2(kept, 0);
    close(kept);
    CHECK(sink_file(path, "x\n", 2));
    unlink(path);
}

static void counts_losses(void)
{
    audit_decision("/nonexistent/tlsup.log", &event);
    audit_decision("relative.log", &event);
    audit_decision(path, &event);
    CHECK_INT(lines(), 1);
    CHECK(strstr(content, ",\"lost\":2}\n") != NULL);
    audit_decision(path, &event);
    CHECK_INT(lines(), 2);
    CHECK(strstr(strchr(content, '\n'), "lost") == NULL); /* said once */
    unlink(path);

    audit_decision("/nonexistent/tlsup.log", &event);
    pid_t child = fork();
    if (child == 0) {
        audit_decision(path, &event);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    CHECK_INT(lines(), 1);
    CHECK(strstr(content, "lost") == NULL); /* the parent's losses are the parent's */
    audit_decision(path, &event);
    CHECK_INT(lines(), 2);
    CHECK(strstr(content, "\"lost\":1") != NULL);
    unlink(path);
}

static void survives_a_file_size_limit(void)
{
    pid_t child = fork();
    int status = -1;
    if (child == 0) {
        struct rlimit limit = {.rlim_cur = 100, .rlim_max = 100};
        setrlimit(RLIMIT_FSIZE, &limit);
        (void)sink_file(path, "0123456789012345678901234567890123456789012345678901234567890123456789", 70);
        bool fits_partly = sink_file(path, "0123456789012345678901234567890123456789", 40);
        bool fits_not = sink_file(path, "0123456789", 10); /* SIGXFSZ, if it were let through */
        _exit(fits_partly || fits_not);
    }
    waitpid(child, &status, 0);
    CHECK_INT(status, 0);
    unlink(path);
}

static void *write_records(void *unused)
{
    (void)unused;
    for (int i = 0; i < PER_THREAD; i++)
        audit_decision(path, &event);
    return NULL;
}

static void threads_never_interleave(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, write_records, NULL);
    /* a fork in the middle finds no lock */
    pid_t child = fork();
    if (child == 0) {
        audit_decision(path, &event);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(lines(), 2 * PER_THREAD + 1);
    unlink(path);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int signal)
{
    (void)signal;
    alarms++;
    audit_decision(path, &event);
}

static void works_in_a_signal_handler(void)
{
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
    unsigned own = 0;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (; own < PER_THREAD / 2 || alarms < 10; own++)
        audit_decision(path, &event);
    setitimer(ITIMER_REAL, &never, NULL);
    CHECK_INT(lines(), own + (unsigned)alarms);
    unlink(path);
}

static void *record_while_cancelled(void *done)
{
    pthread_cancel(pthread_self());
    audit_decision(path, &event);
    *(bool *)done = true;
    pthread_testcancel();
    return NULL;
}

static void is_no_cancellation_point(void)
{
    pthread_t thread;
    bool done = false;
    void *result = NULL;
    pthread_create(&thread, NULL, record_while_cancelled, &done);
    pthread_join(thread, &result);
    CHECK(done);
    CHECK(result == PTHREAD_CANCELED);
    CHECK_INT(lines(), 1);
    unlink(path);
}

int main(void)
{
    char dir[] = "/tmp/tlsup-audit-XXXXXX";
    if (!mkdtemp(dir))
        return 1;
    (void)snprintf(path, sizeof path, "%s/log", dir);
    event = sample_event();
    makes_and_appends();
    refuses_what_is_not_its_own();
    never_uses_a_standard_number();
    counts_losses();
    survives_a_file_size_limit();
    threads_never_interleave();
    works_in_a_signal_handler();
    is_no_cancellation_point();
    rmdir(dir);
    return unit_done("audit_sink");
}
