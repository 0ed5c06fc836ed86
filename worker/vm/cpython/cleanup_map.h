/* Where is cleanup? The static analysis of one CPython 3.11 code object.
 *
 * A signal handler, a tracer and PEP 419's API all ask one question: is a
 * frame that stands at this instruction inside a finally body, or inside the
 * entering or leaving of a with statement? 3.11 keeps no such state at run
 * time, but its bytecode, its exception table and its line table together say
 * it for each instruction. CANCEL.md gives the rules and their reasons. */
#ifndef VIVARIUM_CLEANUP_MAP_H
#define VIVARIUM_CLEANUP_MAP_H

#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

enum viv_cleanup_flag {
    /* Raising here would leave the handled-exception stack wrong. */
    VIV_CLEANUP_NEVER = 1,
    /* The instruction jumps backwards: the eval breaker looks its handler up
     * one unit before the jump's target, outside the try that starts there. */
    VIV_CLEANUP_BACK = 2,
    /* About to run: what a call just gave is not yet under its try or with,
     * or a cleanup is about to begin. */
    VIV_CLEANUP_GAP = 4,
    /* About to run: nothing but glue is left before this frame returns. */
    VIV_CLEANUP_TAIL = 8,
    /* A call after which nothing but glue is left. */
    VIV_CLEANUP_TAIL_CALL = 16,
    /* The cleanup here is the entering of a with, and nothing else. */
    VIV_CLEANUP_ENTERS = 32,
    /* A call whose result goes straight under a try or with. */
    VIV_CLEANUP_GAP_CALL = 64,
    /* `return call(...)`. */
    VIV_CLEANUP_RETURN_CALL = 128,
};

struct viv_cleanup_map {
    int32_t units;
    /* The whole body counts as cleanup for a cancel (not for the PEP): it is
     * an __enter__ or __exit__ or one of their async twins, whoever calls it,
     * ExitStack's way of entering, or an installed module being imported. */
    bool whole;
    /* asyncio's own code: an exception between two of its steps, rather than
     * in what it runs or where it waits, would lose a callback for good. */
    bool loop;
    bool importing; /* importlib's own code: much the same */
    bool library;   /* of the standard library, asyncio included */
    bool enters;    /* whole, and the function is an __enter__ or __aenter__ */
    /* Too large, or not what the compiler makes: everything is taken to be
     * cleanup, and the cleanup budget bounds it. */
    bool capped;
    struct viv_cleanup_at {
        uint8_t count;
        uint8_t flags;
    } at[];
};

/* Ask once for the slot in code objects that the maps are kept in. -1 with a
 * Python exception set if the interpreter has none left. */
int viv_cleanup_map_setup(void);

/* The map of a code object, from its cache or made now; lives as long as the
 * code object. NULL without an exception set where memory is out. Runs no
 * Python code and touches no pending exception. */
const struct viv_cleanup_map *viv_cleanup_map_get(PyCodeObject *code);

/* Whether code is the standard library's or an installed package's. No exception
 * may be pending. */
bool viv_cleanup_map_is_installed(PyCodeObject *code);

/* Count and flags at a code unit (frame->prev_instr, so -1 before the first
 * instruction). A NULL map answers as a capped one. */
struct viv_cleanup_at viv_cleanup_map_at(const struct viv_cleanup_map *map, int unit);

#endif
