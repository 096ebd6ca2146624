/* SPDX-License-Identifier: MIT */
/* The line on stderr: how often, how long, and on which kinds of descriptor. */
#include "tests/unit/unit.h"

#include "shim/audit.h"
#include "shim/audit/message.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>

static bool due(const char *text, uint32_t now_ms)
{
    return message_is_due(text, strlen(text), now_ms);
}

static void once_in_a_period(void)
{
    uint32_t t = UINT32_MAX - 100; /* the clock wraps on the way */
    CHECK(due("a", t));
    CHECK(!due("a", t));
    CHECK(due("b", t + 1));
    CHECK(!due("a", t + 999));
    CHECK(due("a", t + 1000));
    CHECK(!due("a", t + 1001));
    CHECK(due("b", t + 1001));

    char text[] = "flood ?";
    unsigned said = 0;
    for (int i = 0; i < 100; i++) {
        text[6] = (char)(' ' + i);
        said += due(text, t + 5000);
    }
    CHECK_INT(said, MESSAGE_TEXTS); /* different texts are bounded, too */
}

static atomic_uint said_by_threads;

static void *say_the_same(void *unused)
{
    (void)unused;
    for (int i = 0; i < 20000; i++)
        said_by_threads += due("the same", 70000);
    return NULL;
}

static void once_among_threads(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, say_the_same, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(said_by_threads, 1);
}

static char got[8192];

/* Says `text` with `fd` as stderr. */
static void say_on(int fd, const char *text, bool (*is_ours)(int))
{
    int kept = fcntl(2, F_DUPFD_CLOEXEC, 10);
    if (fd >= 0)
        dup2(fd, 2);
    else
        close(2);
    errno = EXDEV;
    audit_message(text, is_ours);
    int after = errno;
    dup2(kept, 2);
    close(kept);
    CHECK_INT(after, EXDEV);
}

static const char *read_back(int fd)
{
    ssize_t n = recv(fd, got, sizeof got - 1, MSG_DONTWAIT);
    if (n < 0 && errno == ENOTSOCK)
        n = read(fd, got, sizeof got - 1);
    got[n > 0 ? n : 0] = '\0';
    return got;
}

static bool ours(int fd)
{
    CHECK_INT(fd, 2);
    return true;
}

static bool not_ours(int fd)
{
    (void)fd;
    return false;
}

static void on_a_pipe(void)
{
    int p[2];
    static char longest[5000];
    if (pipe2(p, O_NONBLOCK | O_CLOEXEC) != 0)
        abort();
    say_on(p[1], "refused http://api.example:80", NULL);
    CHECK_STR(read_back(p[0]), "tlsup: refused http://api.example:80\n");
    say_on(p[1], "refused http://api.example:80", NULL);
    CHECK_STR(read_back(p[0]), "");
    say_on(p[1], "name \x1b]0;x\n\xff, quoted \\x1b", not_ours);
    CHECK_STR(read_back(p[0]), "tlsup: name \\x1b]0;x\\x0a\\xff, quoted \\x1b\n");
    memset(longest, '\n', sizeof longest - 1);
    say_on(p[1], longest, NULL);
    CHECK(strlen(read_back(p[0])) < 768 && got[strlen(got) - 1] == '\n');
    say_on(p[1], "a conn is on 2", ours);
    CHECK_STR(read_back(p[0]), "");

    while (write(p[1], longest, sizeof longest) > 0) /* nobody reads: it must not hold the program */
        ;
    fcntl(p[1], F_SETFL, 0);
    say_on(p[1], "into a full pipe", NULL);
    close(p[0]);
    say_on(p[1], "into a broken pipe", NULL); /* SIGPIPE would end this test */
    close(p[1]);
    say_on(-1, "to nobody", NULL);
}

static void on_sockets(void)
{
    int s[2], inet = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char id[64];
    struct stat st;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    CHECK_INT(bind(inet, (const struct sockaddr *)&a, sizeof a), 0);
    CHECK_INT(getsockname(inet, (struct sockaddr *)&a, &len), 0);
    CHECK_INT(connect(inet, (const struct sockaddr *)&a, sizeof a), 0); /* to itself */
    say_on(inet, "to the network", NULL);
    CHECK_STR(read_back(inet), "");
    close(inet);

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) != 0)
        abort();
    unsetenv("JOURNAL_STREAM");
    say_on(s[1], "to a peer", NULL);
    setenv("JOURNAL_STREAM", "8:1", 1);
    say_on(s[1], "to another journal", NULL);
    CHECK_STR(read_back(s[0]), "");
    fstat(s[1], &st);
    (void)snprintf(id, sizeof id, "%lu:%lu", (unsigned long)st.st_dev, (unsigned long)st.st_ino);
    setenv("JOURNAL_STREAM", id, 1);
    say_on(s[1], "to the journal", NULL);
    CHECK_STR(read_back(s[0]), "tlsup: to the journal\n");
    close(s[0]);
    say_on(s[1], "to a journal that is gone", NULL);
    close(s[1]);

    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, s) != 0)
        abort();
    fstat(s[1], &st);
    (void)snprintf(id, sizeof id, "%lu:%lu", (unsigned long)st.st_dev, (unsigned long)st.st_ino);
    setenv("JOURNAL_STREAM", id, 1);
    say_on(s[1], "in a datagram", NULL);
    CHECK_STR(read_back(s[0]), "");
    close(s[0]);
    close(s[1]);
    unsetenv("JOURNAL_STREAM");
}

int main(void)
{
    once_in_a_period();
    once_among_threads();
    on_a_pipe();
    on_sockets();
    return unit_done("audit_message");
}
