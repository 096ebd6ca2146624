/* SPDX-License-Identifier: MIT */
/* Words, lines and columns; every prefix of the text is read too, at a guard page. */
#include "policy/lex.h"

#include "tests/unit/unit.h"

struct want {
    const char *text;
    unsigned line, column;
    bool starts;
};

struct row {
    const char *text;
    struct want words[6];
};

static const struct row rows[] = {
    {"", {{0}}},
    {"\n\n", {{0}}},
    {"   \t \n", {{0}}},
    {"# only a comment", {{0}}},
    {"  # indented comment\n", {{0}}},
    {"a", {{"a", 1, 1, true}}},
    {"a\n", {{"a", 1, 1, true}}},
    {"a b\n", {{"a", 1, 1, true}, {"b", 1, 3, false}}},
    {"a\tb\r\nc\r\n", {{"a", 1, 1, true}, {"b", 1, 3, false}, {"c", 2, 1, true}}},
    {"a b\n c\n", {{"a", 1, 1, true}, {"b", 1, 3, false}, {"c", 2, 2, false}}},
    {"a\n\n# between\n  b", {{"a", 1, 1, true}, {"b", 4, 3, false}}},
    {"a # b\nc#d e", {{"a", 1, 1, true}, {"c#d", 2, 1, true}, {"e", 2, 5, false}}},
    {" a", {{"a", 1, 2, false}}},
    {"#\n#\na", {{"a", 3, 1, true}}},
    {"a b# c #d e\nf", {{"a", 1, 1, true}, {"b#", 1, 3, false}, {"c", 1, 6, false}, {"f", 2, 1, true}}},
};

static void check_row(const struct row *row)
{
    size_t len = strlen(row->text), n = 0;
    char *copy = malloc(len + 1);
    struct lex lex;
    struct lex_word w;

    memcpy(copy, row->text, len + 1);
    lex_begin(&lex, copy, len);
    while (lex_next(&lex, &w)) {
        const struct want *want = &row->words[n];

        if (n == 5)
            break;
        CHECK_STR(w.text, want->text);
        CHECK_INT(w.len, strlen(w.text));
        CHECK_INT(w.place.line, want->line);
        CHECK_INT(w.place.column, want->column);
        CHECK_INT(w.starts_rule, want->starts);
        n++;
    }
    CHECK(row->words[n].text == NULL);
    CHECK(!lex_next(&lex, &w));
    free(copy);
}

/* The NUL behind the last word is the only byte that may be touched beyond the text. */
static void check_prefixes(const char *text)
{
    for (size_t len = 0; len <= strlen(text); len++) {
        char *copy = unit_guarded(text, len + 1);
        struct lex lex;
        struct lex_word w;
        unsigned line = 0;

        lex_begin(&lex, copy, len);
        while (lex_next(&lex, &w)) {
            CHECK(w.len > 0);
            CHECK(w.place.line >= line);
            line = w.place.line;
            CHECK(w.text + w.len <= copy + len);
        }
    }
}

static void check_control(void)
{
    char text[] = "ab\001c d\0e \x7f";
    struct lex lex;
    struct lex_word w;

    lex_begin(&lex, text, sizeof(text) - 1);
    CHECK(lex_next(&lex, &w));
    CHECK_INT(lex_control(&w), 2);
    CHECK(lex_next(&lex, &w));
    CHECK_INT(w.len, 3);
    CHECK_INT(lex_control(&w), 1);
    CHECK_INT(lex_place(&w, 1).column, 7);
    CHECK(lex_next(&lex, &w));
    CHECK_INT(lex_control(&w), 0);
}

int main(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_row(&rows[i]);
        check_prefixes(rows[i].text);
    }
    check_control();
    return unit_done("policy_lex");
}
