/* SPDX-License-Identifier: MIT */
/* What a person or a script hands to the command: URLs, shell text, launchers, and files that may be ELF. */
#include "shim/cli/elf_file.h"
#include "shim/cli/target.h"
#include "shim/cli/url.h"
#include "tests/fuzz/must.h"

#include <stdio.h>
#include <sys/types.h>

static void see(char *const argv[], void *arg)
{
    char *out[LAUNCHED_MAX], text[512];
    size_t *seen = arg;
    MUST(argv[0]);
    ++*seen;
    if (launcher_command(argv, out, text, sizeof text))
        MUST(out[0]);
}

static void check_url(const char *text)
{
    struct url url, again;
    char spelled[sizeof url.host + 32];
    const char *wrong = url_parse(text, &url);
    if (wrong) {
        for (const char *p = wrong; *p; p++)
            MUST(*p >= 0x20 && *p < 0x7f);
        return;
    }
    MUST(url.host[0] && url.port);
    bool v6 = strchr(url.host, ':') != NULL;
    snprintf(spelled, sizeof spelled, v6 ? "http://[%s]:%u/" : "http://%s:%u/", url.host, url.port);
    MUST(!url_parse(spelled, &again) && strcmp(url.host, again.host) == 0 && url.port == again.port);
}

static void check_elf(const uint8_t *data, size_t len)
{
    static FILE *file;
    struct elf_facts facts = {0};
    if (!file)
        file = tmpfile();
    MUST(file && ftruncate(fileno(file), 0) == 0 && pwrite(fileno(file), data, len, 0) == (ssize_t)len);
    elf_look(fileno(file), &facts);
    MUST(memchr(facts.interpreter, 0, sizeof facts.interpreter));
    MUST(obstacle_of(fileno(file), "x") <= TARGET_GO);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    size_t commands = 0;
    if (len > 8192)
        return 0;
    char *text = malloc(len + 1);
    MUST(text);
    memcpy(text, data, len);
    text[len] = 0;
    check_url(text);
    shell_commands(text, see, &commands);
    MUST(commands <= len + 1);
    check_elf(data, len);
    free(text);
    return 0;
}
