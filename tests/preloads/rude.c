/* SPDX-License-Identifier: MIT */
/*
 * rude MODE PORT CANARY: a program that does to descriptors, limits and the loader what others do, and
 * fetches /bytes/3000. The body goes to stdout. closefrom, close-range   everything but 0 to 2 is closed at
 * start, and again between two connections few                      RLIMIT_NOFILE is lowered at start, to
 * what one connection needs fewer                    … after connect(), to less than the number of the socket
 *   none                     … to what is open already
 *   fewer-open               … once TLS is up: a second request on the same connection
 *   plugin FILE [REMOVED]    its fetch_there() is called, in another namespace (dlmopen), after REMOVED is
 *   wait                     fetches nothing: early_fetch.c does
 */
#include "tests/preloads/fetch.h"

#include <dlfcn.h>
#include <err.h>
#include <linux/close_range.h>
#include <sys/resource.h>

static void limit(rlim_t n)
{
    struct rlimit r = {n, n};
    if (setrlimit(RLIMIT_NOFILE, &r) != 0)
        err(1, "setrlimit");
}

static void twice(void (*clear)(void), int port, const char *canary)
{
    clear();
    int first = fetch_dial(port);
    fetch_ask(first, canary, false);
    if (!fetch_answer(first, NULL))
        errx(1, "the first answer");
    clear();
    exit(fetch(port, canary) ? 0 : 1);
}

static void by_closefrom(void)
{
    closefrom(3);
}

static void by_close_range(void)
{
    close_range(3, ~0U, 0);
}

static int fetch_with(int port, const char *canary, rlim_t before, bool again)
{
    int fd = fetch_dial(port), high = fcntl(fd, F_DUPFD, 20);
    close(fd);
    if (!again)
        limit(before);
    fetch_ask(high, canary, false);
    bool good = fetch_answer(high, again ? NULL : stdout);
    if (again) {
        limit(before);
        fetch_ask(high, canary, false);
        good = good && fetch_answer(high, stdout);
    }
    return good ? 0 : 1;
}

static int elsewhere(const char *file, const char *removed, int port, const char *canary)
{
    if (removed)
        unlink(removed);
    void *plugin = dlmopen(LM_ID_NEWLM, file, RTLD_NOW | RTLD_LOCAL);
    if (!plugin)
        errx(3, "%s", dlerror());
    bool (*there)(int, const char *);
    *(void **)&there = dlsym(plugin, "fetch_there");
    return there && there(port, canary) ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    const char *mode = argv[1], *canary = argv[3];
    int port = atoi(argv[2]);
    if (strcmp(mode, "closefrom") == 0)
        twice(by_closefrom, port, canary);
    if (strcmp(mode, "close-range") == 0)
        twice(by_close_range, port, canary);
    if (strcmp(mode, "few") == 0) {
        limit(8);
        return fetch(port, canary) ? 0 : 1;
    }
    if (strcmp(mode, "none") == 0)
        return fetch_with(port, canary, 3, false);
    if (strncmp(mode, "fewer", 5) == 0)
        return fetch_with(port, canary, 6, strcmp(mode, "fewer-open") == 0);
    if (strcmp(mode, "plugin") == 0)
        return elsewhere(argv[4], argv[5], port, canary);
    void (*early_wait)(void);
    *(void **)&early_wait = dlsym(RTLD_DEFAULT, "early_wait");
    if (strcmp(mode, "wait") != 0 || !early_wait)
        return 2;
    early_wait();
    return 0;
}
