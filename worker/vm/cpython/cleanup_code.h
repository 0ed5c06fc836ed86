/* A code object taken apart: instructions with their lines, jumps, exception
 * handlers and stack depths. Made for one analysis, then dropped. */
#ifndef VIVARIUM_CLEANUP_CODE_H
#define VIVARIUM_CLEANUP_CODE_H

#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

struct viv_instr {
    int32_t first; /* its first unit, EXTENDED_ARG prefixes included */
    int32_t end;   /* the unit after its inline caches */
    int32_t arg;
    int32_t line;  /* -1: none */
    int32_t jump;  /* index of the instruction it jumps to; -1: none */
    int32_t entry; /* index of the exception entry that covers it; -1: none */
    int32_t depth; /* values on the stack before it; -1: unreachable */
    uint8_t op;    /* as compiled, not as specialised */
};

struct viv_entry {
    int32_t start, end; /* units */
    int32_t target;     /* index of an instruction */
    int32_t depth;
    bool lasti;
};

struct viv_code {
    PyCodeObject *code; /* borrowed */
    int32_t units, instrs, entries;
    struct viv_instr *instr;
    struct viv_entry *entry;
};

enum viv_code_status { VIV_CODE_OK, VIV_CODE_ODD, VIV_CODE_NO_MEMORY };

/* ODD: larger than the cap, or not well-formed bytecode. On anything but OK
 * there is nothing to free. */
enum viv_code_status viv_code_load(PyCodeObject *code, struct viv_code *ret);
void viv_code_free(struct viv_code *code);

/* Depths of all instructions that can be reached; false if out of memory. */
bool viv_code_depths(struct viv_code *code);

bool viv_code_is_none(const struct viv_code *code, int32_t i);
bool viv_code_jumps_always(uint8_t op);
bool viv_code_ends(uint8_t op);
bool viv_code_goes_back(uint8_t op);

#endif
