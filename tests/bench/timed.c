/* SPDX-License-Identifier: MIT */
/* timed [-n RUNS] [-e NAME=VALUE]... [-p PID]... [-q PID]... [-i SECONDS] [-t SECONDS] [-o FILE] COMMAND
 * [ARGUMENT...] Runs a command RUNS times, one after the other, and prints one line, seconds for one run
 * each: wall (the median)  processor time of the command and all it waited for (the mean)  of the processes
 * PID of -p  of -q  failures -e  in the environment of the command alone     -o  its output, of all runs
 * (default: nowhere) -i  ends each run by SIGINT after that time     -t  kills a run that takes longer
 * (default 120), which is a failure It is the kernel that counts (wait4, clock_getcpuclockid). Status 0 if
 * all runs succeeded, else 1. */
#include "tests/bench/daemons.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MANY = 64 };

static struct {
    int runs, proxies, origins, variables;
    pid_t proxy[MANY], origin[MANY];
    char *variable[MANY];
    double interrupt, limit;
    const char *output;
} options = {.runs = 1, .limit = 120, .output = "/dev/null"};

static volatile sig_atomic_t child;
static volatile double deadline; /* when SIGKILL comes */

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void alarm_in(double delay)
{
    struct itimerval timer = {
        .it_value = {(time_t)delay, (suseconds_t)((delay - (double)(time_t)delay) * 1e6)}};

    setitimer(ITIMER_REAL, &timer, NULL);
}

/* SIGINT comes again and again: of a program with threads, one may take it that does not mind it */
static void on_alarm(int signo)
{
    bool late = now() >= deadline;

    (void)signo;
    if (child > 0)
        kill(-child, late ? SIGKILL : SIGINT);
    if (!late)
        alarm_in(0.002);
}

/* who ends this program ends what it runs */
static void on_end(int signo)
{
    if (child > 0)
        kill(-child, SIGKILL);
    _exit(128 + signo);
}

static void arm(void)
{
    if (options.interrupt > 0) {
        deadline = now() + options.interrupt + 10;
        alarm_in(options.interrupt);
    } else {
        deadline = 0;
        alarm_in(options.limit);
    }
}

/* the environment of this process and the variables of -e, which win */
static char **environment(void)
{
    char **all, **from = environ;
    int n = 0;

    while (from[n])
        n++;
    all = calloc((size_t)(n + options.variables) + 1, sizeof(*all));
    if (!all)
        exit(2);
    n = 0;
    for (; *from; from++) {
        int replaced = 0;
        for (int i = 0; i < options.variables; i++)
            replaced |= strncmp(*from, options.variable[i], strcspn(options.variable[i], "=") + 1) == 0;
        if (!replaced)
            all[n++] = *from;
    }
    memcpy(all + n, options.variable, (size_t)options.variables * sizeof(*all));
    return all;
}

static posix_spawn_file_actions_t files;
static posix_spawnattr_t attributes;

static void prepare(void)
{
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, options.output, O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
}

static void watch_signals(void)
{
    static const int ends[] = {SIGHUP, SIGINT, SIGTERM};

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        sigaction(ends[i], &(struct sigaction){.sa_handler = on_end}, NULL);
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm, .sa_flags = SA_RESTART}, NULL);
}

/* one run; false: it failed */
static int once(char **command, char **env, double *wall, double *cpu)
{
    struct rusage used;
    double begun = now();
    pid_t pid;
    int status = 0, error = posix_spawnp(&pid, command[0], &files, &attributes, command, env);

    if (error) {
        fprintf(stderr, "timed: %s: %s\n", command[0], strerror(error));
        exit(1);
    }
    child = pid;
    arm();
    while (wait4(pid, &status, 0, &used) < 0 && errno == EINTR)
        ;
    *wall = now() - begun;
    *cpu += seconds(used.ru_utime) + seconds(used.ru_stime);
    child = 0;
    alarm_in(0);
    if (WIFSIGNALED(status))
        fprintf(stderr, "ended by signal %d after %.1f s ", WTERMSIG(status), *wall);
    else if (WEXITSTATUS(status) != 0)
        fprintf(stderr, "status %d ", WEXITSTATUS(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void usage(void)
{
    fputs("usage: timed [-n RUNS] [-e NAME=VALUE]... [-p PID]... [-q PID]... [-i SECONDS] [-t SECONDS] [-o "
          "FILE] COMMAND...\n",
          stderr);
    exit(2);
}

static void option(int letter, char *argument)
{
    if (options.proxies == MANY || options.origins == MANY || options.variables == MANY)
        usage();
    switch (letter) {
    case 'n': options.runs = (int)strtol(argument, NULL, 10); break;
    case 'e': options.variable[options.variables++] = argument; break;
    case 'p': options.proxy[options.proxies++] = (pid_t)strtol(argument, NULL, 10); break;
    case 'q': options.origin[options.origins++] = (pid_t)strtol(argument, NULL, 10); break;
    case 'i': options.interrupt = strtod(argument, NULL); break;
    case 't': options.limit = strtod(argument, NULL); break;
    case 'o': options.output = argument; break;
    default: usage();
    }
}

int main(int argc, char **argv)
{
    double cpu = 0, *wall, proxy, origin;
    int letter, failures = 0;

    while ((letter = getopt(argc, argv, "+n:e:p:q:i:t:o:")) != -1)
        option(letter, optarg);
    wall = calloc((size_t)options.runs, sizeof(*wall));
    if (optind >= argc || options.runs < 1 || !wall)
        usage();
    prepare();
    watch_signals();
    char **env = environment();
    proxy = daemons_cpu(options.proxy, options.proxies);
    origin = daemons_cpu(options.origin, options.origins);
    for (int i = 0; i < options.runs; i++)
        failures += !once(argv + optind, env, &wall[i], &cpu);
    proxy = daemons_cpu(options.proxy, options.proxies) - proxy;
    origin = daemons_cpu(options.origin, options.origins) - origin;
    qsort(wall, (size_t)options.runs, sizeof(*wall), by_size);
    printf("%.7f %.7f %.7f %.7f %d\n", wall[options.runs / 2], cpu / options.runs, proxy / options.runs,
           origin / options.runs, failures);
    free(wall);
    free(env);
    return failures > 0;
}
