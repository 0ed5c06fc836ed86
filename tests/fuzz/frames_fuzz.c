/* What a client sends, before gRPC has it: however it is cut, the verdict is the same. */
#include "supervisor/service/frames.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *feed(struct frames *f, const uint8_t *data, size_t size, size_t piece)
{
    const struct frames_terms terms = {.resets_max = 3};
    const char *why = NULL;

    for (size_t at = 0; at < size && !why; at += piece)
        why = frames_feed(f, &terms, data + at, size - at < piece ? size - at : piece);
    return why;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frames whole = {0}, pieces = {0};
    const char *a, *b;
    size_t piece;

    if (size < 1)
        return 0;
    piece = data[0] + 1u;
    a = feed(&whole, data + 1, size - 1, size);
    b = feed(&pieces, data + 1, size - 1, piece);
    if (a != b || whole.foreign != pieces.foreign ||
        whole.block_frames > FRAMES_BLOCK_FRAMES_MAX + 1u)
        abort();
    /* One that is to be closed may have been given more. */
    if (!a && !whole.foreign && memcmp(&whole, &pieces, sizeof(whole)) != 0)
        abort();
    return 0;
}
