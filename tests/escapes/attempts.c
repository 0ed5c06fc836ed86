#include "tests/escapes/attempts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/layers.h"

struct attempt attempts[ATTEMPTS_MAX];
unsigned attempt_count;

static char *read_all(const char *path)
{
    FILE *f = fopen(path, "re");
    char *text = NULL;
    size_t room = 0;

    if (!f || getdelim(&text, &room, '\0', f) < 0) {
        perror(path);
        exit(2);
    }
    fclose(f);
    return text;
}

static void add(char *name, char *code)
{
    struct attempt *a = &attempts[attempt_count++];
    char *remark = strchr(name, ':');

    if (attempt_count == ATTEMPTS_MAX) {
        fputs("too many attempts\n", stderr);
        exit(2);
    }
    *a = (struct attempt){.name = name,
                          .code = code,
                          .known = remark && strcmp(remark, ": known") == 0,
                          .root = remark && strcmp(remark, ": root") == 0};
    if (remark)
        *remark = '\0';
}

#define MARK "### "

/* The text is never freed: names and code point into it. */
void attempts_read(const char *path)
{
    char *at = read_all(path);

    while (at) {
        char *name = at + strlen(MARK), *code = strchr(name, '\n'), *next;

        if (strncmp(at, MARK, strlen(MARK)) != 0 || !code) {
            fprintf(stderr, "%s: no \"%s\"\n", path, MARK);
            exit(2);
        }
        *code++ = '\0';
        next = strstr(code, "\n" MARK);
        if (next)
            *next++ = '\0';
        add(name, code);
        at = next;
    }
}

static struct attempt *find(const char *name)
{
    for (unsigned i = 0; i < attempt_count; i++)
        if (strcmp(attempts[i].name, name) == 0)
            return &attempts[i];
    fprintf(stderr, "the table has %s, which is no attempt\n", name);
    exit(2);
}

static void read_line(char *line)
{
    struct attempt *a = find(strsep(&line, ":"));
    char *word;

    a->listed = true;
    while ((word = strsep(&line, " \n")))
        if (viv_layer_named(word) >= 0)
            a->layers |= VIV_LAYER_BIT(viv_layer_named(word));
    a->layers = viv_layers_close(a->layers);
}

void table_read(const char *path)
{
    FILE *f = fopen(path, "re");
    char line[512];

    if (!f) {
        perror(path);
        exit(2);
    }
    while (fgets(line, sizeof(line), f))
        read_line(line);
    fclose(f);
}

/* What follows from another one is left out. */
static uint64_t essence(uint64_t layers)
{
    uint64_t rest = layers;

    for (unsigned i = 0; i < VIV_LAYERS; i++)
        if ((rest & VIV_LAYER_BIT(i)) && viv_layers_close(rest & ~VIV_LAYER_BIT(i)) == layers)
            rest &= ~VIV_LAYER_BIT(i);
    return rest;
}

static void write_line(FILE *f, const struct attempt *a)
{
    uint64_t layers = essence(a->layers);

    fprintf(f, "%s:%s", a->name, layers ? "" : " -");
    for (unsigned i = 0; i < VIV_LAYERS; i++)
        if (layers & VIV_LAYER_BIT(i))
            fprintf(f, " %s", viv_layer_name(i));
    fputc('\n', f);
}

void table_write(const char *path)
{
    FILE *f = fopen(path, "we");

    if (!f) {
        perror(path);
        exit(2);
    }
    for (unsigned i = 0; i < attempt_count; i++)
        write_line(f, &attempts[i]);
    fclose(f);
}
