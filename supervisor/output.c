#include "supervisor/output.h"

#include <stdlib.h>
#include <string.h>

void output_init(struct output *output, uint64_t cap)
{
    *output = (struct output){.room = cap};
}

void output_free(struct output *output)
{
    free(output->streams[0].data);
    free(output->streams[1].data);
    *output = (struct output){0};
}

static bool reserve(struct output_buffer *buffer, size_t more)
{
    size_t capacity = buffer->capacity ? buffer->capacity : 4096;
    char *data;

    if (more <= buffer->capacity - buffer->len)
        return true;
    while (capacity - buffer->len < more)
        capacity *= 2;
    data = realloc(buffer->data, capacity);
    if (!data)
        return false;
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

size_t output_take(struct output *output, unsigned index, const char *data, size_t len)
{
    struct output_buffer *buffer = &output->streams[index];
    size_t kept = len < output->room ? len : (size_t)output->room;

    buffer->seen += len;
    if (kept > 0 && !reserve(buffer, kept))
        kept = 0;
    if (kept > 0)
        memcpy(buffer->data + buffer->len, data, kept);
    buffer->len += kept;
    output->room -= kept;
    if (kept < len)
        buffer->truncated = true;
    return kept;
}
