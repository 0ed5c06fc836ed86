#include "client/scope.h"

#include <stdlib.h>
#include <string.h>

#include "client/arena.h"
#include "proto/wire_check.h"

/* What a snapshot may grow to by being unpacked. */
#define GROWTH 32
#define UNPACKED_MIN ((uint64_t)1 << 20)

static int no_memory(struct viv_error *err)
{
    return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "no memory for a scope");
}

/* ---- whole scopes ---- */

/* `scope` is zeroed. */
static void show(struct viv_scope *scope, void *arena, Vivarium__V1__ScopeSnapshot *message)
{
    scope->arena = arena;
    scope->message = message;
    vivarium__v1__graph__init(&scope->table);
    scope->table.objects = message->objects;
    scope->table.n_objects = message->n_objects;
}

int viv_scope_new(struct viv_scope **ret_scope, struct viv_error *err)
{
    struct viv_scope *scope = viv_arena_new(sizeof(*scope));
    Vivarium__V1__ScopeSnapshot *message;

    if (!scope)
        return no_memory(err);
    message = viv_arena_alloc(scope, 1, sizeof(*message));
    if (!message) {
        viv_arena_free(scope);
        return no_memory(err);
    }
    vivarium__v1__scope_snapshot__init(message);
    message->format_version = VIV_SCOPE_FORMAT;
    show(scope, scope, message);
    *ret_scope = scope;
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A reader that looks for a name and one that sets them all must not see two
 * scopes in one. */
static int check_names(const Vivarium__V1__ScopeSnapshot *message, struct viv_error *err)
{
    const char **names = calloc(message->n_names + 1, sizeof(*names));
    const char *twice = NULL;

    if (!names)
        return no_memory(err);
    for (size_t i = 0; i < message->n_names; i++)
        names[i] = message->names[i]->name;
    qsort(names, message->n_names, sizeof(*names), compare_names);
    for (size_t i = 1; i < message->n_names && !twice; i++)
        if (!strcmp(names[i - 1], names[i]))
            twice = names[i];
    free(names);
    return twice ? viv_fail(err, VIV_INVALID_ARGUMENT, "the name %.100s stands twice", twice) : 0;
}

static int check_snapshot(const Vivarium__V1__ScopeSnapshot *message, struct viv_error *err)
{
    if (message->format_version != VIV_SCOPE_FORMAT)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "it has format version %u, this library knows version %d",
                        message->format_version, VIV_SCOPE_FORMAT);
    return check_names(message, err);
}

/* Both are in the arena of `object`, which may be the scope. */
static int show_checked(struct viv_scope *scope, void *object, Vivarium__V1__ScopeSnapshot *message,
                        struct viv_error *err)
{
    struct viv_manifest left_out;

    if (check_snapshot(message, err) ||
        viv_scope_manifest(object, message->left_out, message->n_left_out, true, &left_out, err))
        return -1;
    show(scope, object, message);
    scope->left_out = left_out;
    return 0;
}

int viv_scope_adopt(void *object, Vivarium__V1__ScopeSnapshot *message,
                    struct viv_scope **ret_scope, struct viv_error *err)
{
    struct viv_scope *scope = viv_arena_alloc(object, 1, sizeof(*scope));

    if (!scope)
        return no_memory(err);
    if (show_checked(scope, object, message, err))
        return -1;
    *ret_scope = scope;
    return 0;
}

static int parse_into(struct viv_scope *scope, const void *data, size_t len, struct viv_error *err)
{
    struct viv_wire_caps caps = {.unpacked_max = (uint64_t)len * GROWTH + UNPACKED_MIN};
    ProtobufCAllocator allocator = viv_arena_allocator(scope);
    Vivarium__V1__ScopeSnapshot *message;

    if (viv_wire_check(&vivarium__v1__scope_snapshot__descriptor, data, len, &caps, err))
        return -1;
    message = vivarium__v1__scope_snapshot__unpack(&allocator, len, data);
    if (!message)
        return no_memory(err);
    return show_checked(scope, scope, message, err);
}

int viv_scope_parse(const void *data, size_t len, struct viv_scope **ret_scope,
                    struct viv_error *err)
{
    struct viv_scope *scope = viv_arena_new(sizeof(*scope));
    struct viv_error wrong;

    if (!scope)
        return no_memory(err);
    if (parse_into(scope, data, len, &wrong)) {
        viv_arena_free(scope);
        return viv_fail(err, wrong.status, "not a scope snapshot: %.400s", wrong.text);
    }
    *ret_scope = scope;
    return 0;
}

static int check_built(const struct viv_scope *scope, struct viv_error *err)
{
    return scope->failed == VIV_OK
               ? 0
               : viv_fail(err, scope->failed, "the scope was not built: %s", scope->failure);
}

int viv_scope_outgoing(const struct viv_scope *scope, Vivarium__V1__ScopeSnapshot *ret_message,
                       struct viv_error *err)
{
    if (check_built(scope, err))
        return -1;
    *ret_message = *scope->message;
    ret_message->n_left_out = 0;
    ret_message->left_out = NULL;
    return 0;
}

int viv_scope_serialize(const struct viv_scope *scope, uint8_t **ret_data, size_t *ret_len,
                        struct viv_error *err)
{
    size_t len;
    uint8_t *data;

    if (check_built(scope, err))
        return -1;
    len = vivarium__v1__scope_snapshot__get_packed_size(scope->message);
    data = malloc(len + 1);
    if (!data)
        return no_memory(err);
    vivarium__v1__scope_snapshot__pack(scope->message, data);
    *ret_data = data;
    *ret_len = len;
    return 0;
}

int viv_scope_copy(const struct viv_scope *scope, struct viv_scope **ret_scope,
                   struct viv_error *err)
{
    uint8_t *data;
    size_t len;
    int result;

    if (viv_scope_serialize(scope, &data, &len, err))
        return -1;
    result = viv_scope_parse(data, len, ret_scope, err);
    free(data);
    return result;
}

void viv_scope_free(struct viv_scope *scope)
{
    viv_arena_free(scope);
}
