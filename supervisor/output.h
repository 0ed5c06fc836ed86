/* The output of one execution: two pipes, read as they are written, kept up to
 * a cap that both share. */
#ifndef VIVARIUM_OUTPUT_H
#define VIVARIUM_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output_buffer {
    char *data;
    size_t len;
    size_t capacity;
    uint64_t seen; /* bytes read, dropped ones included */
    bool truncated;
};

struct output {
    struct output_buffer streams[2]; /* 0 stdout, 1 stderr */
    uint64_t room;                   /* of the cap, left */
};

void output_init(struct output *output, uint64_t cap);
void output_free(struct output *output);

/* Takes `len` bytes that stream `index` wrote. Returns how many of them, from
 * the start, are within the cap and were kept. */
size_t output_take(struct output *output, unsigned index, const char *data, size_t len);

#endif
