#include "tests/scope/corpus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *path, const char *what)
{
    fprintf(stderr, "%s: %s\n", path, what);
    exit(2);
}

static char *read_all(const char *path)
{
    FILE *file = fopen(path, "r");
    size_t len = 0, room = 1 << 20;
    char *text = malloc(room);

    if (!file || !text)
        die(path, "can't be read");
    len = fread(text, 1, room - 1, file);
    text[len] = '\0';
    if (len == room - 1)
        die(path, "too long");
    fclose(file);
    return text;
}

static size_t count_cases(const char *text)
{
    size_t count = 0;

    for (const char *at = text; (at = strstr(at, "\n=== ")); at++)
        count++;
    return count;
}

/* Ends the line at `at`; where the next one begins. */
static char *end_line(char *at)
{
    char *end = strchr(at, '\n');

    if (!end)
        return at + strlen(at);
    *end = '\0';
    return end + 1;
}

/* Cuts `text` into parts at its lines of dashes. */
static void cut_parts(const char *path, char *text, struct corpus_case *ret)
{
    char *mark;

    ret->parts[ret->part_count++] = text;
    while ((mark = strstr(text, "\n--- "))) {
        mark[1] = '\0';
        if (ret->part_count == CORPUS_PARTS_MAX)
            die(path, "a case has too many parts");
        text = end_line(mark + 2);
        ret->parts[ret->part_count++] = text;
    }
    if (ret->part_count < 2)
        die(path, "a case has no check");
}

void corpus_read(const char *path, struct corpus *ret_corpus)
{
    struct corpus corpus = {.text = read_all(path)};
    char *at = strstr(corpus.text, "\n=== "), *next;

    corpus.cases = calloc(count_cases(corpus.text) + 1, sizeof(*corpus.cases));
    if (!corpus.cases)
        die(path, "no memory");
    for (; at; at = next) {
        struct corpus_case *c = &corpus.cases[corpus.count++];
        char *body;

        c->name = at + strlen("\n=== ");
        body = end_line(at + 1);
        next = strstr(body, "\n=== ");
        /* The case ends before the line that begins the next. */
        if (next)
            *next++ = '\0';
        cut_parts(path, body, c);
        if (next)
            next--;
    }
    *ret_corpus = corpus;
}

void corpus_free(struct corpus *corpus)
{
    free(corpus->text);
    free(corpus->cases);
}
