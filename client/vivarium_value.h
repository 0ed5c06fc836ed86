/* A Python value as a client sees it: what vivarium.v1.Value carries.
 *
 * A struct viv_value is a small handle that is passed by value. It owns
 * nothing and lives as long as the response or scope that it came from. Getters take
 * any handle: one that doesn't fit the value's kind gives the neutral answer
 * named beside it (false, 0, NULL, a value of kind VIV_VALUE_ABSENT), never an
 * error. All of it is read only and may be called from any thread.
 *
 * The value is the executed code's own word. It may be a graph: an object that
 * is reached by two ways, or that contains itself. viv_value_identity() tells
 * such objects apart; a reader that descends keeps a limit of its own. */
#ifndef VIVARIUM_VALUE_H
#define VIVARIUM_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct viv_value {
    const void *private_value;
    const void *private_graph;
};

enum viv_value_kind {
    VIV_VALUE_ABSENT = 0, /* there is none, or none that this library knows */
    VIV_VALUE_NONE,
    VIV_VALUE_ELLIPSIS,
    VIV_VALUE_NOT_IMPLEMENTED,
    VIV_VALUE_BOOL,
    VIV_VALUE_INT64,   /* int that fits 64 bits */
    VIV_VALUE_BIG_INT, /* int that does not */
    VIV_VALUE_FLOAT,
    VIV_VALUE_COMPLEX,
    VIV_VALUE_TEXT,       /* str, valid UTF-8 without U+0000 */
    VIV_VALUE_SURROGATES, /* any other str */
    VIV_VALUE_BYTES,
    VIV_VALUE_BYTEARRAY,
    VIV_VALUE_LIST,
    VIV_VALUE_TUPLE,
    VIV_VALUE_SET,
    VIV_VALUE_FROZENSET,
    VIV_VALUE_DICT,
    VIV_VALUE_OBJECT, /* function, class, instance: no plain value */
    VIV_VALUE_OPAQUE, /* was not carried */
};

/* VIV_VALUE_ABSENT for a handle of zeros. */
enum viv_value_kind viv_value_kind(struct viv_value value);

/* "int", "str", "dict": the Python type of the kind; for VIV_VALUE_OPAQUE the
 * type that the worker named; for VIV_VALUE_OBJECT "function", "type", "module",
 * "code", an instance's class as far as it is told, else "object"; "" for
 * VIV_VALUE_ABSENT. */
const char *viv_value_type(struct viv_value value);

/* Of VIV_VALUE_OBJECT: what a function, class or module is called, qualified; ""
 * where it has no name, and for all else. */
const char *viv_value_name(struct viv_value value);

/* VIV_VALUE_BOOL; else false. */
bool viv_value_bool(struct viv_value value);

/* VIV_VALUE_INT64, and VIV_VALUE_BOOL as 0 and 1; else 0. */
int64_t viv_value_int64(struct viv_value value);

/* VIV_VALUE_FLOAT; VIV_VALUE_INT64 as the nearest double; else 0. */
double viv_value_double(struct viv_value value);

/* VIV_VALUE_COMPLEX; else 0. */
double viv_value_real(struct viv_value value);
double viv_value_imaginary(struct viv_value value);

/* VIV_VALUE_TEXT, NUL-terminated UTF-8; else NULL. */
const char *viv_value_text(struct viv_value value);

/* The bytes of a value and their number (ret_len may be NULL):
 *   TEXT              its UTF-8
 *   SURROGATES        UTF-8 with each lone surrogate as three bytes
 *                     ("surrogatepass"); U+0000 is a byte of 0
 *   BYTES, BYTEARRAY  themselves
 *   BIG_INT           two's complement, little-endian
 * Never NULL for these; else NULL and 0. Only TEXT is NUL-terminated. */
const uint8_t *viv_value_bytes(struct viv_value value, size_t *ret_len);

/* Items of a list, tuple, set, frozenset or dict; else 0. */
size_t viv_value_len(struct viv_value value);

/* Item `index` of a list, tuple, set or frozenset; the value of item `index`
 * of a dict, in insertion order. */
struct viv_value viv_value_item(struct viv_value value, size_t index);

/* The key of item `index` of a dict. */
struct viv_value viv_value_key(struct viv_value value, size_t index);

/* The value of a dict's text key; of several equal ones the last. */
struct viv_value viv_value_get(struct viv_value value, const char *key);

/* Two handles of one response or scope with the same identity, not 0, are one Python
 * object. 0: a value that is reached by this one way only. */
uint32_t viv_value_identity(struct viv_value value);

/* Of VIV_VALUE_OPAQUE: why it was not carried; else NULL. */
const char *viv_value_reason(struct viv_value value);

#ifdef __cplusplus
}
#endif

#endif
