/* What number a pair has. */
#ifndef VIVARIUM_VM_CPYTHON_NUMBERS_H
#define VIVARIUM_VM_CPYTHON_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

#define VIV_NUMBERS_NONE UINT32_MAX

/* Zeroed: empty. */
struct viv_numbers {
    struct viv_numbers_slot *slots;
    uint32_t room; /* a power of two */
    uint32_t used;
};

/* The pair's value; VIV_NUMBERS_NONE where it has none. */
uint32_t viv_numbers_get(const struct viv_numbers *n, uint64_t a, uint64_t b);

/* Of a pair that has none yet. False: out of memory. */
bool viv_numbers_set(struct viv_numbers *n, uint64_t a, uint64_t b, uint32_t value);

void viv_numbers_free(struct viv_numbers *n);

#endif
