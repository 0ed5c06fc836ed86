/* A namespace as a client sees it: what vivarium.v1.ScopeSnapshot carries. To
 * read one that came with a response or lies in a file, and to build one:
 *
 *     struct viv_scope *scope;
 *     struct viv_value rows;
 *
 *     viv_scope_new(&scope, &err);
 *     viv_scope_set_double(scope, "threshold", 0.5, &err);
 *     rows = viv_scope_list(scope);
 *     viv_scope_append(scope, rows, viv_scope_int64(scope, 1));
 *     viv_scope_append(scope, rows, viv_scope_text(scope, "two"));
 *     viv_scope_set(scope, "rows", rows, &err);
 *     ... = {.scope = scope} of a request ...
 *     viv_scope_free(scope);
 *
 * A scope owns all that was put into it and all that its functions return,
 * values included; a value that is replaced or dropped stays in memory until
 * the scope is freed. What goes in is copied. One thread may change a scope while
 * nobody reads it; any number may read it.
 *
 * Lists, tuples, sets and dicts that are built here have an identity: put into
 * two places they are one object on the other side, and may contain themselves.
 *
 * A scope that came from elsewhere is the word of code that nobody trusts. It is
 * safe to read; functions in it are to be run in a sandbox only. */
#ifndef VIVARIUM_SCOPE_H
#define VIVARIUM_SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/vivarium_value.h"
#include "proto/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct viv_scope;

/* ---- whole scopes ---- */

/* An empty one; the caller owns *ret_scope. VIV_RESOURCE_EXHAUSTED where memory
 * is out. */
int viv_scope_new(struct viv_scope **ret_scope, struct viv_error *err);

/* From a serialized ScopeSnapshot, as a file holds it. The bytes are copied; the
 * caller owns *ret_scope. VIV_INVALID_ARGUMENT, with what is wrong, for bytes that
 * are no snapshot, for a format version that this library doesn't know and for a
 * name that stands twice. Takes memory in proportion to `len`, at most 32 times
 * that and 1 MiB. */
int viv_scope_parse(const void *data, size_t len, struct viv_scope **ret_scope,
                    struct viv_error *err);

/* A copy of its own, for a scope of a response that is to outlive it. */
int viv_scope_copy(const struct viv_scope *scope, struct viv_scope **ret_scope,
                   struct viv_error *err);

/* The reverse of viv_scope_parse(). *ret_data is the caller's: free(). */
int viv_scope_serialize(const struct viv_scope *scope, uint8_t **ret_data, size_t *ret_len,
                        struct viv_error *err);

/* NULL is fine. Never for a scope that a response or another reply points to:
 * that goes with it. */
void viv_scope_free(struct viv_scope *scope);

/* ---- reading ---- */

/* How many names there are; each by its index, in insertion order: NULL and an
 * absent value past the end. */
size_t viv_scope_len(const struct viv_scope *scope);
const char *viv_scope_name(const struct viv_scope *scope, size_t index);
struct viv_value viv_scope_value(const struct viv_scope *scope, size_t index);

/* The value of a name, VIV_VALUE_ABSENT where there is no such name. Looks at
 * one name after the other. */
struct viv_value viv_scope_get(const struct viv_scope *scope, const char *name);

/* The value of a name that must be there and of that type, else
 * VIV_NOT_FOUND or VIV_INVALID_ARGUMENT with a text that says so. double takes an
 * int, too. Text is NUL-terminated UTF-8; bytes may also come from a
 * bytearray. Both live as long as the scope. */
int viv_scope_get_bool(const struct viv_scope *scope, const char *name, bool *ret_value,
                       struct viv_error *err);
int viv_scope_get_int64(const struct viv_scope *scope, const char *name, int64_t *ret_value,
                        struct viv_error *err);
int viv_scope_get_double(const struct viv_scope *scope, const char *name, double *ret_value,
                         struct viv_error *err);
int viv_scope_get_text(const struct viv_scope *scope, const char *name, const char **ret_text,
                       struct viv_error *err);
int viv_scope_get_bytes(const struct viv_scope *scope, const char *name, const uint8_t **ret_data,
                        size_t *ret_len, struct viv_error *err);

/* "3.11": the Python that its functions and classes need; "" where there are
 * none. */
const char *viv_scope_python_version(const struct viv_scope *scope);

/* Encoded bytes of each name with all that it leads to, into `sizes`, which has
 * room for viv_scope_len() of them. What several names share counts for the
 * first. VIV_RESOURCE_EXHAUSTED where memory is out. */
int viv_scope_sizes(const struct viv_scope *scope, uint64_t *sizes, struct viv_error *err);

/* ---- manifests ---- */

/* The values are those of vivarium.v1.Disposition. */
enum viv_disposition {
    VIV_DISPOSITION_CARRIED = 1,
    VIV_DISPOSITION_OMITTED = 2,
    VIV_DISPOSITION_FAILED_TO_RESTORE = 3,
};

/* What became of a name, or of a part of its value; see scope.proto. No pointer
 * is NULL. */
struct viv_manifest_entry {
    const char *name;
    const char *path; /* "": the value itself */
    const char *type;
    const char *reason; /* "": it travelled */
    int disposition;    /* enum viv_disposition, or a newer one */
    uint64_t bytes;
};

struct viv_manifest {
    const struct viv_manifest_entry *entries;
    size_t count;
};

/* "CARRIED", "OMITTED", "FAILED_TO_RESTORE"; "UNSPECIFIED" for a number that this
 * library doesn't know. Static. */
const char *viv_disposition_name(int disposition);

/* What was left out when this scope was taken, also from a file. */
struct viv_manifest viv_scope_left_out(const struct viv_scope *scope);

/* ---- building ---- */

/* Values for the scope to hold. What can't be made (memory is out, text that is
 * not UTF-8) is absent, and the scope remembers the first such failure: then
 * viv_scope_set(), viv_scope_serialize() and calls that send it report it. So only
 * those need a check. */
struct viv_value viv_scope_none(struct viv_scope *scope);
struct viv_value viv_scope_bool(struct viv_scope *scope, bool value);
struct viv_value viv_scope_int64(struct viv_scope *scope, int64_t value);
struct viv_value viv_scope_double(struct viv_scope *scope, double value);
struct viv_value viv_scope_complex(struct viv_scope *scope, double real, double imaginary);

/* An int of any size: two's complement, little-endian, as int.to_bytes(length,
 * "little", signed=True) gives it. */
struct viv_value viv_scope_big_int(struct viv_scope *scope, const void *data, size_t len);

/* str: UTF-8, NUL-terminated; or of `len` bytes, U+0000 permitted. */
struct viv_value viv_scope_text(struct viv_scope *scope, const char *text);
struct viv_value viv_scope_text_n(struct viv_scope *scope, const char *text, size_t len);

struct viv_value viv_scope_bytes(struct viv_scope *scope, const void *data, size_t len);
struct viv_value viv_scope_bytearray(struct viv_scope *scope, const void *data, size_t len);

/* Empty ones. */
struct viv_value viv_scope_list(struct viv_scope *scope);
struct viv_value viv_scope_tuple(struct viv_scope *scope);
struct viv_value viv_scope_set_of(struct viv_scope *scope);
struct viv_value viv_scope_frozenset(struct viv_scope *scope);
struct viv_value viv_scope_dict(struct viv_scope *scope);

/* Adds an item to a list, tuple, set or frozenset. All values must be of this
 * scope, built or read. */
void viv_scope_append(struct viv_scope *scope, struct viv_value container, struct viv_value item);

/* Adds an item to a dict. A key is not looked for: it must be new. */
void viv_scope_put(struct viv_scope *scope, struct viv_value dict, struct viv_value key,
                   struct viv_value value);
void viv_scope_put_text(struct viv_scope *scope, struct viv_value dict, const char *key,
                        struct viv_value value);

/* Binds a name, new or not. Looks at one name after the other.
 * VIV_INVALID_ARGUMENT for a name that is not UTF-8 and a value of elsewhere, and
 * what failed before. */
int viv_scope_set(struct viv_scope *scope, const char *name, struct viv_value value,
                  struct viv_error *err);
int viv_scope_set_none(struct viv_scope *scope, const char *name, struct viv_error *err);
int viv_scope_set_bool(struct viv_scope *scope, const char *name, bool value,
                       struct viv_error *err);
int viv_scope_set_int64(struct viv_scope *scope, const char *name, int64_t value,
                        struct viv_error *err);
int viv_scope_set_double(struct viv_scope *scope, const char *name, double value,
                         struct viv_error *err);
int viv_scope_set_text(struct viv_scope *scope, const char *name, const char *text,
                       struct viv_error *err);
int viv_scope_set_bytes(struct viv_scope *scope, const char *name, const void *data, size_t len,
                        struct viv_error *err);

/* Takes a name away. False where there is none. */
bool viv_scope_unset(struct viv_scope *scope, const char *name);

#ifdef __cplusplus
}
#endif

#endif
