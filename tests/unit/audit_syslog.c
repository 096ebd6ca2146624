/* SPDX-License-Identifier: MIT */
/* The syslog sink against a socket of our own: audit.c is built once more under other names, with its path.
 */
#define audit_decision     decision_here
#define audit_close        close_here
#define audit_format       format_here
#define audit_speak_for    speak_for_here
#define audit_exe          exe_here
#define AUDIT_SYSLOG_PATH  socket_path
#define AUDIT_JOURNAL_PATH "/nonexistent"
static char socket_path[64];

/* NOLINTNEXTLINE(bugprone-suspicious-include): the point of this file */
#include "shim/audit/audit.c"

#include "tests/unit/audit_json.h"
#include "tests/unit/unit.h"

#include <sys/socket.h>
#include <sys/un.h>

static int listen_here(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    memcpy(a.sun_path, socket_path, sizeof socket_path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof a) != 0)
        abort();
    return fd;
}

static char got[2 * AUDIT_LINE_MAX];

static size_t receive(int fd)
{
    ssize_t n = recv(fd, got, sizeof got - 1, 0);
    got[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

static void one_datagram_each(int fd)
{
    struct audit_event e = sample_event();
    char want[32];
    int month = 0, day = 0, hour = 0, minute = 0, second = 0;
    decision_here("syslog", &e);
    CHECK(receive(fd) > 0);
    CHECK(strncmp(got, "<30>", 4) == 0); /* daemon.info */
    CHECK(sscanf(got + 8, "%d %d:%d:%d", &day, &hour, &minute, &second) == 4 && day >= 1 && day <= 31);
    for (const char *m = "JanFebMarAprMayJunJulAugSepOctNovDec"; *m; m += 3)
        month += strncmp(got + 4, m, 3) == 0;
    CHECK_INT(month, 1);
    (void)snprintf(want, sizeof want, " tlsup[%d]: {", (int)getpid());
    CHECK(strstr(got, want) == got + 19);
    CHECK(is_json_object(strchr(got, '{')));

    e.action = "blocked";
    decision_here("syslog", &e);
    close_here("syslog", &e);
    CHECK(receive(fd) > 0 && strncmp(got, "<28>", 4) == 0); /* daemon.warning */
    CHECK(receive(fd) > 0 && strstr(got, "\"event\":\"close\""));
    CHECK_INT(receive(fd), 0);
}

static void stays_within_one_line(int fd)
{
    static char reason[6000];
    memset(reason, '\n', sizeof reason - 1);
    struct audit_event e = sample_event();
    e.reason = reason;
    for (size_t i = 0; i < AUDIT_NAMES_MAX; i++)
        e.names[i] = (struct audit_name){reason, "host"};
    e.n_names = AUDIT_NAMES_MAX;
    decision_here("syslog", &e);
    size_t n = receive(fd);
    CHECK(n > 1000 && n <= AUDIT_LINE_MAX);
    CHECK(is_json_object(strchr(got, '{')));
    CHECK(!strchr(got, '\n'));
}

static void never_waits(int fd)
{
    struct audit_event e = sample_event();
    unsigned received = 0;
    for (unsigned i = 0; i < 5000; i++)
        decision_here("syslog", &e);
    while (receive(fd))
        received++;
    CHECK(received > 0 && received < 5000);
    decision_here("syslog", &e);
    CHECK(receive(fd) > 0);
    (void)snprintf(got + sizeof got / 2, sizeof got / 2, ",\"lost\":%u}", 5000 - received);
    CHECK(strstr(got, got + sizeof got / 2) != NULL);
}

int main(void)
{
    char dir[] = "/tmp/tlsup-audit-XXXXXX";
    struct audit_event e = sample_event();
    if (!mkdtemp(dir))
        return 1;
    (void)snprintf(socket_path, sizeof socket_path, "%s/log", dir);
    errno = EXDEV;
    decision_here("syslog", &e); /* nobody listens */
    CHECK_INT(errno, EXDEV);
    int fd = listen_here();
    decision_here("syslog", &e);
    CHECK(receive(fd) > 0 && strstr(got, "\"lost\":1}"));
    one_datagram_each(fd);
    stays_within_one_line(fd);
    never_waits(fd);
    close(fd);
    unlink(socket_path);
    rmdir(dir);
    return unit_done("audit_syslog");
}
