/* SPDX-License-Identifier: MIT */
/* Programs that start the program that their arguments name. */
#include <string.h>

#include "policy/text.h"
#include "shim/cli/target.h"

static const struct launcher {
    const char *name;
    const char *valued;      /* short options that take a value */
    const char *valued_long; /* long options whose value is the next word if it is not behind '=' */
    unsigned operands;       /* words between the options and the command */
    bool assignments;        /* NAME=VALUE before the command */
} launchers[] = {
    {"env", "uCS", " --unset --chdir --split-string ", 0, true},
    {"nice", "n", " --adjustment ", 0, false},
    {"ionice", "cn", " --class --classdata ", 0, false},
    {"nohup", "", "", 0, false},
    {"setsid", "", "", 0, false},
    {"stdbuf", "ioe", " --input --output --error ", 0, false},
    {"timeout", "ks", " --kill-after --signal ", 1, false},
    {"time", "fo", " --format --output ", 0, false},
    {"chrt", "TPD", "", 1, false},
    {"taskset", "", "", 1, false},
    {"flock", "wE", " --timeout --conflict-exit-code ", 1, false},
    {"setpriv", "", " --reuid --regid --groups --inh-caps --ambient-caps --bounding-set --securebits ", 0,
     false},
    {"runuser", "ugG", " --user --group --supp-group ", 0, false},
    {"xargs", "adEIiLnPs", " --arg-file --delimiter --replace --max-args --max-procs --max-lines ", 0, false},
    {"sudo", "ugCDRTpUrth", " --user --group --chdir --host --prompt ", 0, true},
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static const struct launcher *find(const char *path)
{
    for (size_t i = 0; i < sizeof(launchers) / sizeof(launchers[0]); i++)
        if (strcmp(base_name(path), launchers[i].name) == 0)
            return &launchers[i];
    return NULL;
}

static bool has_word(const char *words, const char *word)
{
    size_t len = strlen(word);
    const char *at = words;

    while ((at = strstr(at, word)) != NULL) {
        if (at > words && at[-1] == ' ' && at[len] == ' ')
            return true;
        at += len;
    }
    return false;
}

/* Does the option `word` take the next word for its value? */
static bool takes_next(const struct launcher *l, const char *word)
{
    if (word[1] == '-')
        return has_word(l->valued_long, word);
    for (word++; *word; word++)
        if (strchr(l->valued, *word))
            return !word[1];
    return false;
}

/* The value of env's -S, wherever it stands: `-S x`, `-Sx`, `-vSx`, `--split-string=x`. */
static const char *split_string(const struct launcher *l, const char *word, const char *next)
{
    const char *at;

    if (strcmp(l->name, "env") != 0)
        return NULL;
    if (strncmp(word, "--split-string=", 15) == 0)
        return word + 15;
    if (strcmp(word, "--split-string") == 0)
        return next;
    if (word[1] == '-')
        return NULL;
    at = word + 1 + strspn(word + 1, "iv0");
    if (*at != 'S')
        return NULL;
    return at[1] ? at + 1 : next;
}

static size_t split(const char *value, char *out[LAUNCHED_MAX], char *text, size_t cap)
{
    struct text t = text_on(text, cap);
    size_t n = 0;

    text_add(&t, value);
    for (char *at = text; n < LAUNCHED_MAX - 1;) {
        at += strspn(at, " \t\"'");
        if (!*at)
            break;
        out[n++] = at;
        at += strcspn(at, " \t\"'");
        if (*at)
            *at++ = '\0';
    }
    return n;
}

static bool is_assignment(const char *word)
{
    const char *equals = strchr(word, '=');

    return equals && equals > word && memchr(word, '/', (size_t)(equals - word)) == NULL;
}

/* Where the command begins: behind options, assignments and operands. */
static char *const *skip(const struct launcher *l, char *const *at)
{
    for (unsigned operands = l->operands; *at; at++) {
        if ((*at)[0] == '-' && (*at)[1] && strcmp(*at, "--") != 0 && operands == l->operands) {
            if (takes_next(l, *at) && at[1])
                at++;
        } else if ((*at)[0] == '-' && operands == l->operands) {
            continue; /* "--", and env's "-" */
        } else if (l->assignments && is_assignment(*at)) {
            continue;
        } else if (operands == 0) {
            break;
        } else {
            operands--;
        }
    }
    return at;
}

/* glibc's loader: `ld.so [OPTION…] PROGRAM …`. */
static const struct launcher loader = {
    "ld.so", "",
    " --library-path --inhibit-rpath --audit --preload --argv0 --glibc-hwcaps-prepend "
    "--glibc-hwcaps-mask ",
    0, false};

bool launcher_command(char *const argv[], char *out[LAUNCHED_MAX], char *text, size_t cap)
{
    const struct launcher *l = obstacle_is_loader(argv[0]) ? &loader : find(argv[0]);
    char *const *at;
    size_t n = 0;

    if (!l)
        return false;
    for (at = argv + 1; *at && (*at)[0] == '-'; at++) {
        const char *value = split_string(l, *at, at[1]);

        if (value) {
            char *words[LAUNCHED_MAX + 1] = {argv[0]};

            n = split(value, words + 1, text, cap);
            words[n + 1] = NULL;
            for (at = skip(l, words + 1), n = 0; *at; at++)
                out[n++] = *at;
            out[n] = NULL;
            return n > 0;
        }
    }
    for (at = skip(l, argv + 1); *at && n < LAUNCHED_MAX - 1; at++)
        out[n++] = *at;
    out[n] = NULL;
    return n > 0;
}

/* ---- shells ---- */

bool launcher_is_shell(const char *path)
{
    return has_word(" sh bash dash ash ksh mksh zsh rbash ", base_name(path));
}

const char *launcher_shell_text(char *const argv[])
{
    bool given = false;
    size_t i = 1;

    if (!launcher_is_shell(argv[0]))
        return NULL;
    for (; argv[i] && (argv[i][0] == '-' || argv[i][0] == '+') && strcmp(argv[i], "--") != 0; i++) {
        given |= argv[i][0] == '-' && argv[i][1] != '-' && strchr(argv[i], 'c');
        if (strlen(argv[i]) == 2 && strchr("oO", argv[i][1]) && argv[i + 1]) /* -o NAME */
            i++;
    }
    if (argv[i] && strcmp(argv[i], "--") == 0)
        i++;
    return given ? argv[i] : NULL;
}
