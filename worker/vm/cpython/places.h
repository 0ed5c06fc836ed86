/* The source lines that code was seen at, each once, by number: profile and
 * trace are written in them. Nothing here runs Python code, but for
 * viv_places_clear(), which lets go of code objects. */
#ifndef VIVARIUM_VM_CPYTHON_PLACES_H
#define VIVARIUM_VM_CPYTHON_PLACES_H

#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#include "vivarium/v1/vivarium.pb-c.h"
#include "worker/vm/cpython/numbers.h"

#define VIV_PLACE_NONE VIV_NUMBERS_NONE

struct viv_place_of_code {
    PyCodeObject *code;
    int line; /* 0: not known */
    char *filename, *function;
};

/* Zeroed: empty. */
struct viv_places {
    struct viv_place_of_code *list;
    uint32_t count, room;
    struct viv_numbers by_instruction, by_line;
};

/* The line of the instruction at this index of the code. VIV_PLACE_NONE where
 * there are too many already, or no memory. */
uint32_t viv_places_at(struct viv_places *p, PyCodeObject *code, int instruction);

/* All of them as messages, in one allocation of the caller's to free; their texts
 * live until viv_places_clear(). NULL: out of memory. */
Vivarium__V1__Place **viv_places_messages(const struct viv_places *p);

void viv_places_clear(struct viv_places *p);

#endif
