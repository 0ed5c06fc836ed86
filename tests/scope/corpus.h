/* Cases of a corpus file.
 *
 *     === name of the case
 *     code that is run first
 *     --- hop                (any number of them: code that is run in between)
 *     code
 *     --- check
 *     code that raises where something was not carried
 *
 * Each part runs in a process of its own, in the scope that the part before it
 * left behind. */
#ifndef VIVARIUM_TESTS_SCOPE_CORPUS_H
#define VIVARIUM_TESTS_SCOPE_CORPUS_H

#include <stddef.h>

#define CORPUS_PARTS_MAX 6

struct corpus_case {
    const char *name;
    const char *parts[CORPUS_PARTS_MAX];
    size_t part_count;
};

struct corpus {
    char *text;
    struct corpus_case *cases;
    size_t count;
};

/* Exits where the file can't be read or is no corpus. */
void corpus_read(const char *path, struct corpus *ret_corpus);
void corpus_free(struct corpus *corpus);

#endif
