/* SPDX-License-Identifier: MIT */
/*
 * A socket that is made before fork() and connected after it by one of the two processes.
 *
 *   share WAY PORT     ways: see the table at the end; the request stands in the variable REQUEST
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *request;
static struct sockaddr_in to = {.sin_family = AF_INET};
static int go[2];

static void say(const char *who, const char *what, long n)
{
    printf("%s: %s %s\n", who, what, n < 0 ? strerrorname_np(errno) : "ok");
    fflush(stdout);
}

static void dial(const char *who, int fd)
{
    say(who, "connect", connect(fd, (struct sockaddr *)&to, sizeof to));
}

static void converse(const char *who, int fd)
{
    char text[4096];
    size_t len = 0;
    ssize_t n = write(fd, request, strlen(request));
    say(who, "write", n);
    while (n > 0 && len < sizeof text && (n = read(fd, text + len, sizeof text - len)) > 0)
        len += (size_t)n;
    say(who, "read", n);
    printf("%s: %.*s\n", who, (int)strcspn(text, "\r\n"), len ? text : "nothing");
    fflush(stdout);
}

static void tell(void)
{
    if (write(go[1], "", 1) != 1)
        _exit(9);
}

static void await(void)
{
    char byte;
    if (read(go[0], &byte, 1) != 1)
        _exit(9);
}

/* The child dials and goes; the parent talks. */
static void child_dials(int fd)
{
    if (fork() == 0) {
        dial("child", fd);
        _exit(0);
    }
    wait(NULL);
    converse("parent", fd);
}

/* The child dials and stays; the parent talks by stdio. */
static void child_dials_stdio(int fd)
{
    pid_t pid = fork();
    if (pid == 0) {
        dial("child", fd);
        tell();
        pause();
    }
    await();
    FILE *f = fdopen(fd, "r+");
    char line[256] = "nothing";
    fprintf(f, "%s", request);
    say("parent", "fflush", fflush(f));
    fgets(line, sizeof line, f);
    printf("parent: %.*s\n", (int)strcspn(line, "\r\n"), line);
    kill(pid, SIGKILL);
    wait(NULL);
}

/* The parent dials, the child talks. */
static void parent_dials(int fd)
{
    if (fork() == 0) {
        await();
        converse("child", fd);
        _exit(0);
    }
    dial("parent", fd);
    tell();
    wait(NULL);
}

/* The child dials and talks; what the parent sends then must not cross in the clear. */
static void both(int fd)
{
    if (fork() == 0) {
        dial("child", fd);
        converse("child", fd);
        _exit(0);
    }
    wait(NULL);
    signal(SIGPIPE, SIG_IGN);
    converse("parent", fd);
}

/* Over exec: the new program gets what the child connected. */
static void child_dials_exec(int fd)
{
    if (fork() == 0) {
        dial("child", fd);
        _exit(0);
    }
    wait(NULL);
    char number[16];
    snprintf(number, sizeof number, "%d", fd);
    execl("/proc/self/exe", "share", "inherited", number, NULL);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(int fd);
    } ways[] = {{"child-dials", child_dials},
                {"child-dials-stdio", child_dials_stdio},
                {"parent-dials", parent_dials},
                {"child-dials-exec", child_dials_exec},
                {"both", both}};
    request = getenv("REQUEST");
    if (argc < 3 || !request || pipe(go) != 0)
        return 2;
    if (strcmp(argv[1], "inherited") == 0) {
        converse("program", atoi(argv[2]));
        return 0;
    }
    to.sin_port = htons((uint16_t)atoi(argv[2]));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strcmp(ways[i].name, argv[1]) == 0) {
            ways[i].run(socket(AF_INET, SOCK_STREAM, 0));
            return 0;
        }
    return 2;
}
