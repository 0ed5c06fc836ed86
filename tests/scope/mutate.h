/* Snapshots changed at random: bytes, and parts of the message with the wire
 * kept valid. The same seed gives the same changes. */
#ifndef VIVARIUM_TESTS_SCOPE_MUTATE_H
#define VIVARIUM_TESTS_SCOPE_MUTATE_H

#include <stddef.h>
#include <stdint.h>

struct mutate_bytes {
    uint8_t *data;
    size_t len;
};

uint64_t mutate_random(uint64_t *state);

/* `from`, changed once or a few times, and maybe with parts of `other`; at most
 * `max` bytes. The caller frees it. */
struct mutate_bytes mutate(struct mutate_bytes from, struct mutate_bytes other, size_t max,
                           uint64_t *state);

#endif
