#include "client/viv/block.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#define WORD_MAX 16

/* A walk over the text, and what it has found. */
struct walk {
    const char *at;
    int depth;     /* of brackets */
    char quote;    /* of the string that we are in, 0: none */
    bool triple;   /* of that string */
    bool joined;   /* the last line ended with a backslash */
    bool compound; /* some line began a block */
    bool any;      /* something but blanks and comments */
    /* of the logical line */
    char word[WORD_MAX]; /* its first, cut where too long */
    bool begun;
    bool colon; /* outside brackets and strings */
    char last;  /* character that is no blank */
    bool decorator;
};

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_one_of(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (!strcmp(word, *list))
            return true;
    return false;
}

static void end_line(struct walk *w)
{
    static const char *const begins[] = {"if",  "while", "for",   "try", "with",
                                         "def", "class", "async", NULL};

    if (!w->begun)
        return;
    w->decorator = *w->word == '@';
    if (w->decorator || w->last == ':' || (w->colon && is_one_of(w->word, begins)))
        w->compound = true;
    w->begun = w->colon = false;
    w->last = '\0';
}

static void take_first_word(struct walk *w)
{
    size_t n = 0;

    if (*w->at == '@')
        w->word[n++] = '@';
    else
        while (n < WORD_MAX - 1 && is_word(w->at[n])) {
            w->word[n] = w->at[n];
            n++;
        }
    /* longer than any keyword: none */
    w->word[n < WORD_MAX - 1 ? n : 0] = '\0';
    w->begun = w->any = true;
}

static void open_string(struct walk *w)
{
    w->quote = *w->at;
    w->triple = w->at[1] == w->quote && w->at[2] == w->quote;
    w->at += w->triple ? 3 : 1;
}

static void walk_in_string(struct walk *w)
{
    bool ends = *w->at == w->quote &&
                (!w->triple || (w->at[1] == w->quote && w->at[2] == w->quote));

    if (*w->at == '\\' && w->at[1]) {
        w->at += 2;
        return;
    }
    w->at += ends && w->triple ? 3 : 1;
    /* one that isn't closed on its line: the compiler will say it */
    if (ends || (w->at[-1] == '\n' && !w->triple))
        w->quote = '\0';
    if (!ends && !w->quote)
        w->at--;
}

static void walk_char(struct walk *w)
{
    char c = *w->at++;

    if (strchr("([{", c))
        w->depth++;
    else if (strchr(")]}", c))
        w->depth -= w->depth > 0;
    else if (c == ':' && !w->depth)
        w->colon = true;
    w->last = c;
}

static void walk_in_code(struct walk *w)
{
    char c = *w->at;

    if (c == '\n') {
        w->at++;
        if (!w->depth)
            end_line(w);
    } else if (c == '\\' && w->at[1] == '\n') {
        w->at += 2;
        w->joined = !*w->at;
    } else if (c == '#') {
        w->at += strcspn(w->at, "\n");
    } else if (isspace((unsigned char)c)) {
        w->at++;
    } else {
        if (!w->begun)
            take_first_word(w);
        w->last = c;
        if (c == '"' || c == '\'')
            open_string(w);
        else
            walk_char(w);
    }
}

static struct walk walk(const char *text)
{
    struct walk w = {.at = text};

    while (*w.at) {
        if (w.quote)
            walk_in_string(&w);
        else
            walk_in_code(&w);
    }
    return w;
}

bool viv_block_is_empty(const char *text)
{
    return !walk(text).any;
}

bool viv_block_is_open(const char *text)
{
    struct walk w = walk(text);

    return w.quote || w.depth > 0 || w.joined;
}

bool viv_block_is_compound(const char *text)
{
    return walk(text).compound;
}

static bool ends_with_empty_line(const char *text)
{
    size_t len = strlen(text);

    return len >= 2 && !strcmp(text + len - 2, "\n\n");
}

bool viv_block_is_complete(const char *text)
{
    if (viv_block_is_open(text))
        return false;
    return !viv_block_is_compound(text) || ends_with_empty_line(text);
}

bool viv_block_ends_before(const char *text, const char *line)
{
    static const char *const clauses[] = {"elif", "else", "except", "finally", NULL};
    struct walk before = walk(text);
    struct walk next = {.at = line};

    if (before.quote || before.depth > 0 || before.joined || before.decorator)
        return false;
    if (!before.compound)
        return before.any;
    if (isspace((unsigned char)*line) || *line == '#' || !*line)
        return false;
    take_first_word(&next);
    return !is_one_of(next.word, clauses);
}
