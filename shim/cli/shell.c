/* SPDX-License-Identifier: MIT */
/*
 * The simple commands of a shell's text. No parser of the language: what stands where a command can stand is
 * taken for one, and who asks looks whether there is such a program. Text that is no command (here-documents,
 * patterns of case) may be taken for one as well.
 */
#include <stdlib.h>
#include <string.h>

#include "shim/cli/target.h"

#define WORDS_MAX 32U

struct reader {
    const char *at;
    char *word; /* of the length of the text, so that every word fits */
    char *store[WORDS_MAX];
    size_t n;
    void (*run)(char *const argv[], void *arg);
    void *arg;
};

static void end_command(struct reader *r)
{
    char *argv[WORDS_MAX + 1];

    for (size_t i = 0; i < r->n; i++)
        argv[i] = r->store[i];
    argv[r->n] = NULL;
    if (r->n)
        r->run(argv, r->arg);
    for (size_t i = 0; i < r->n; i++)
        free(r->store[i]);
    r->n = 0;
}

/* Words before a command that leave what follows one. */
static bool is_prefix(const char *word)
{
    static const char words[] = " if then else elif do while until ! time { exec command builtin eval ";
    const char *at = strstr(words, word);

    return at && *word && at[-1] == ' ' && at[strlen(word)] == ' ';
}

static bool is_assignment(const char *word)
{
    size_t len = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

    return len && (word[len] == '=' || (word[len] == '+' && word[len + 1] == '='));
}

static void end_word(struct reader *r)
{
    if (r->n == 0 && (is_prefix(r->word) || is_assignment(r->word)))
        return;
    if (r->n < WORDS_MAX) {
        r->store[r->n] = strdup(r->word);
        r->n += r->store[r->n] != NULL;
    }
}

/* Copies a quoted part; r->at is behind its first quote and is left behind the last. */
static char *quoted(struct reader *r, char quote, char *to, bool *unknown)
{
    for (; *r->at && *r->at != quote; r->at++) {
        if (quote == '"' && *r->at == '\\' && r->at[1])
            r->at++;
        else if (quote == '"' && (*r->at == '$' || *r->at == '`'))
            *unknown = true;
        *to++ = *r->at;
    }
    r->at += *r->at != '\0';
    return to;
}

/* One word from r->at on. False if it holds an expansion, so that nobody knows it. */
static bool read_word(struct reader *r)
{
    char *to = r->word;
    bool unknown = false;

    while (*r->at && !strchr(" \t\n;&|()<>`", *r->at)) {
        char c = *r->at++;

        if (c == '\'' || c == '"')
            to = quoted(r, c, to, &unknown);
        else if (c == '\\' && *r->at)
            *to++ = *r->at++;
        else if (c == '$' && *r->at == '(')
            break; /* the command within is read as one */
        else {
            unknown |= c == '$';
            *to++ = c;
        }
    }
    *to = '\0';
    return !unknown;
}

/* "2>&1", "<file": r->at is at the sign. */
static void skip_redirection(struct reader *r)
{
    r->at += strspn(r->at, "<>&|-");
    r->at += strspn(r->at, " \t");
    read_word(r);
}

static void step(struct reader *r)
{
    static const char unknown_word[] = "$";
    const char *start = r->at;
    bool known;

    if (*r->at == '#') {
        r->at += strcspn(r->at, "\n");
    } else if (*r->at == '\\' && r->at[1] == '\n') {
        r->at += 2;
    } else if (strchr("<>", *r->at)) {
        skip_redirection(r);
    } else if (strchr("\n;&|()`", *r->at)) {
        r->at++;
        end_command(r);
    } else {
        known = read_word(r);
        if (strchr("<>", *r->at) && *r->at && strspn(start, "0123456789") == (size_t)(r->at - start))
            return; /* the number of a redirection */
        if (!known)
            memcpy(r->word, unknown_word, sizeof(unknown_word));
        end_word(r);
    }
}

void shell_commands(const char *text, void (*run)(char *const argv[], void *arg), void *arg)
{
    struct reader r = {.at = text, .word = malloc(strlen(text) + 2), .run = run, .arg = arg};

    if (!r.word)
        return;
    for (;;) {
        r.at += strspn(r.at, " \t\r");
        if (!*r.at)
            break;
        step(&r);
    }
    end_command(&r);
    free(r.word);
}
