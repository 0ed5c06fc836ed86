/* What stands in a scope. */
#include <string.h>

#include "client/scope.h"

size_t viv_scope_len(const struct viv_scope *scope)
{
    return scope->message->n_names;
}

const char *viv_scope_name(const struct viv_scope *scope, size_t index)
{
    return index < viv_scope_len(scope) ? scope->message->names[index]->name : NULL;
}

struct viv_value viv_scope_value(const struct viv_scope *scope, size_t index)
{
    if (index >= viv_scope_len(scope))
        return (struct viv_value){0};
    return (struct viv_value){scope->message->names[index]->value, &scope->table};
}

struct viv_value viv_scope_get(const struct viv_scope *scope, const char *name)
{
    for (size_t i = 0; i < viv_scope_len(scope); i++)
        if (!strcmp(viv_scope_name(scope, i), name))
            return viv_scope_value(scope, i);
    return (struct viv_value){0};
}

const char *viv_scope_python_version(const struct viv_scope *scope)
{
    return scope->message->python_version;
}

/* The name's value where its kind is one of two. */
static int get_of_kind(const struct viv_scope *scope, const char *name, enum viv_value_kind kind,
                       enum viv_value_kind also, struct viv_value *ret_value, struct viv_error *err)
{
    static const char *const wanted[] = {
        [VIV_VALUE_BOOL] = "a bool",   [VIV_VALUE_INT64] = "an int of 64 bits",
        [VIV_VALUE_FLOAT] = "a float", [VIV_VALUE_TEXT] = "a str of Unicode",
        [VIV_VALUE_BYTES] = "bytes",
    };
    struct viv_value value = viv_scope_get(scope, name);
    enum viv_value_kind found = viv_value_kind(value);

    if (found == VIV_VALUE_ABSENT)
        return viv_fail(err, VIV_NOT_FOUND, "no name %.100s in the scope", name);
    if (found != kind && found != also)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "%.100s is %s %.100s, not %s", name,
                        found == VIV_VALUE_BIG_INT ? "a larger" : "of type", viv_value_type(value),
                        wanted[kind]);
    *ret_value = value;
    return 0;
}

int viv_scope_get_bool(const struct viv_scope *scope, const char *name, bool *ret_value,
                       struct viv_error *err)
{
    struct viv_value value;

    if (get_of_kind(scope, name, VIV_VALUE_BOOL, VIV_VALUE_BOOL, &value, err))
        return -1;
    *ret_value = viv_value_bool(value);
    return 0;
}

int viv_scope_get_int64(const struct viv_scope *scope, const char *name, int64_t *ret_value,
                        struct viv_error *err)
{
    struct viv_value value;

    if (get_of_kind(scope, name, VIV_VALUE_INT64, VIV_VALUE_INT64, &value, err))
        return -1;
    *ret_value = viv_value_int64(value);
    return 0;
}

int viv_scope_get_double(const struct viv_scope *scope, const char *name, double *ret_value,
                         struct viv_error *err)
{
    struct viv_value value;

    if (get_of_kind(scope, name, VIV_VALUE_FLOAT, VIV_VALUE_INT64, &value, err))
        return -1;
    *ret_value = viv_value_double(value);
    return 0;
}

int viv_scope_get_text(const struct viv_scope *scope, const char *name, const char **ret_text,
                       struct viv_error *err)
{
    struct viv_value value;

    if (get_of_kind(scope, name, VIV_VALUE_TEXT, VIV_VALUE_TEXT, &value, err))
        return -1;
    *ret_text = viv_value_text(value);
    return 0;
}

int viv_scope_get_bytes(const struct viv_scope *scope, const char *name, const uint8_t **ret_data,
                        size_t *ret_len, struct viv_error *err)
{
    struct viv_value value;

    if (get_of_kind(scope, name, VIV_VALUE_BYTES, VIV_VALUE_BYTEARRAY, &value, err))
        return -1;
    *ret_data = viv_value_bytes(value, ret_len);
    return 0;
}
