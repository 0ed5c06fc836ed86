/* Containers and names of a scope that is being built. Containers stand in the
 * table of objects from the start, so that they may be put anywhere, also into
 * each other. */
#include <string.h>

#include "client/scope_make.h"
#include "proto/wire_check.h"

#define ROOM_MIN 8

typedef Vivarium__V1__Value message;

/* Room for one more of `count` elements of that size. What came unpacked has a
 * room of 0. */
static bool make_room(struct viv_scope *scope, void *array, size_t count, size_t size, size_t *room)
{
    size_t wanted = count < ROOM_MIN / 2 ? ROOM_MIN : count * 2;
    void *old;
    void *more;

    if (count < *room)
        return true;
    more = viv_make_alloc(scope, wanted, size);
    if (!more)
        return false;
    memcpy(&old, array, sizeof(old)); /* a pointer to pointers of some type */
    if (count)
        memcpy(more, old, count * size);
    memcpy(array, &more, sizeof(more));
    *room = wanted;
    return true;
}

/* ---- objects ---- */

/* Room for one more object; what came unpacked has none. */
static bool make_table_room(struct viv_scope *scope)
{
    Vivarium__V1__ScopeSnapshot *snapshot = scope->message;
    size_t count = snapshot->n_objects;
    size_t wanted = count * 2 + ROOM_MIN;
    Vivarium__V1__Object **objects;
    size_t *items_room;

    if (count < scope->objects_room)
        return true;
    objects = viv_make_alloc(scope, wanted, sizeof(*objects));
    items_room = viv_make_alloc(scope, wanted, sizeof(*items_room));
    if (!objects || !items_room)
        return false;
    for (size_t i = 0; i < count; i++)
        objects[i] = snapshot->objects[i];
    for (size_t i = 0; i < count && scope->items_room; i++)
        items_room[i] = scope->items_room[i];
    scope->table.objects = snapshot->objects = objects;
    scope->items_room = items_room;
    scope->objects_room = wanted;
    return true;
}

/* Makes `m` an object; its index, or -1. */
static int64_t add_object(struct viv_scope *scope, message *m)
{
    Vivarium__V1__ScopeSnapshot *snapshot = scope->message;
    Vivarium__V1__Object *object = viv_make_alloc(scope, 1, sizeof(*object));

    if (!object || !make_table_room(scope))
        return -1;
    if (snapshot->n_objects > UINT32_MAX) {
        viv_make_fail(scope, VIV_RESOURCE_EXHAUSTED, "too many objects");
        return -1;
    }
    vivarium__v1__object__init(object);
    object->kind_case = VIVARIUM__V1__OBJECT__KIND_VALUE;
    object->value = m;
    snapshot->objects[snapshot->n_objects++] = object;
    scope->table.n_objects = snapshot->n_objects;
    return (int64_t)snapshot->n_objects - 1;
}

static bool is_container(const message *m)
{
    return m->kind_case >= VIVARIUM__V1__VALUE__KIND_LIST &&
           m->kind_case <= VIVARIUM__V1__VALUE__KIND_DICT;
}

/* Moves a container to the table; what pointed to it now points to a reference.
 * False where memory is out. */
static bool share(struct viv_scope *scope, message *m)
{
    message *moved = viv_make_message(scope, 0);
    int64_t index = moved ? add_object(scope, moved) : -1;

    if (index < 0)
        return false;
    *moved = *m;
    m->kind_case = VIVARIUM__V1__VALUE__KIND_REF;
    m->ref = (uint32_t)index;
    return true;
}

static struct viv_value new_container(struct viv_scope *scope, int kind)
{
    message *m = viv_make_message(scope, kind);
    Vivarium__V1__Sequence *sequence = viv_make_alloc(scope, 1, sizeof(*sequence));

    if (!m || !sequence)
        return (struct viv_value){0};
    vivarium__v1__sequence__init(sequence);
    m->list = sequence; /* the field of all four in the union */
    return share(scope, m) ? viv_make_handle(scope, m) : (struct viv_value){0};
}

struct viv_value viv_scope_list(struct viv_scope *scope)
{
    return new_container(scope, VIVARIUM__V1__VALUE__KIND_LIST);
}

struct viv_value viv_scope_tuple(struct viv_scope *scope)
{
    return new_container(scope, VIVARIUM__V1__VALUE__KIND_TUPLE);
}

struct viv_value viv_scope_set_of(struct viv_scope *scope)
{
    return new_container(scope, VIVARIUM__V1__VALUE__KIND_SET);
}

struct viv_value viv_scope_frozenset(struct viv_scope *scope)
{
    return new_container(scope, VIVARIUM__V1__VALUE__KIND_FROZENSET);
}

struct viv_value viv_scope_dict(struct viv_scope *scope)
{
    message *m = viv_make_message(scope, VIVARIUM__V1__VALUE__KIND_DICT);
    Vivarium__V1__Mapping *mapping = viv_make_alloc(scope, 1, sizeof(*mapping));

    if (!m || !mapping)
        return (struct viv_value){0};
    vivarium__v1__mapping__init(mapping);
    m->dict = mapping;
    return share(scope, m) ? viv_make_handle(scope, m) : (struct viv_value){0};
}

/* ---- putting them together ---- */

/* The value as an item of another: never a container itself. NULL where it can't
 * be one. */
static message *item_of(struct viv_scope *scope, struct viv_value value)
{
    message *m = (message *)value.private_value; /* in this scope's arena, as is checked */

    if (viv_value_kind(value) == VIV_VALUE_ABSENT)
        return viv_make_fail(scope, VIV_INVALID_ARGUMENT, "an absent value was put into it");
    if (value.private_graph != &scope->table)
        return viv_make_fail(scope, VIV_INVALID_ARGUMENT,
                             "a value of another scope was put into it");
    return !is_container(m) || share(scope, m) ? m : NULL;
}

/* The container that `value` stands for, and its place in the table. */
static message *container_of(struct viv_scope *scope, struct viv_value value, uint32_t *ret_index)
{
    message *m = item_of(scope, value);
    uint32_t index = 0;

    /* no circle: item_of() has found a value at the end */
    while (m && m->kind_case == VIVARIUM__V1__VALUE__KIND_REF) {
        index = m->ref;
        m = scope->message->objects[index]->kind_case == VIVARIUM__V1__OBJECT__KIND_VALUE
                ? scope->message->objects[index]->value
                : NULL;
    }
    if (!m || !is_container(m))
        return viv_make_fail(scope, VIV_INVALID_ARGUMENT,
                             "an item was put into what is no container");
    if (!scope->items_room && !make_table_room(scope))
        return NULL;
    *ret_index = index;
    return m;
}

void viv_scope_append(struct viv_scope *scope, struct viv_value container, struct viv_value item)
{
    uint32_t index = 0;
    message *of = container_of(scope, container, &index);
    message *m = of ? item_of(scope, item) : NULL;

    if (!m)
        return;
    if (of->kind_case == VIVARIUM__V1__VALUE__KIND_DICT) {
        viv_make_fail(scope, VIV_INVALID_ARGUMENT, "an item without a key was put into a dict");
        return;
    }
    if (make_room(scope, &of->list->items, of->list->n_items, sizeof(m), &scope->items_room[index]))
        of->list->items[of->list->n_items++] = m;
}

static Vivarium__V1__Item *new_item(struct viv_scope *scope, struct viv_value key,
                                    struct viv_value value)
{
    Vivarium__V1__Item *item = viv_make_alloc(scope, 1, sizeof(*item));

    if (!item)
        return NULL;
    vivarium__v1__item__init(item);
    item->key = item_of(scope, key);
    item->value = item_of(scope, value);
    return item->key && item->value ? item : NULL;
}

void viv_scope_put(struct viv_scope *scope, struct viv_value dict, struct viv_value key,
                   struct viv_value value)
{
    uint32_t index = 0;
    message *of = container_of(scope, dict, &index);
    Vivarium__V1__Item *item = of ? new_item(scope, key, value) : NULL;

    if (!item)
        return;
    if (of->kind_case != VIVARIUM__V1__VALUE__KIND_DICT) {
        viv_make_fail(scope, VIV_INVALID_ARGUMENT,
                      "an item with a key was put into what is no dict");
        return;
    }
    if (make_room(scope, &of->dict->items, of->dict->n_items, sizeof(item),
                  &scope->items_room[index]))
        of->dict->items[of->dict->n_items++] = item;
}

void viv_scope_put_text(struct viv_scope *scope, struct viv_value dict, const char *key,
                        struct viv_value value)
{
    viv_scope_put(scope, dict, viv_scope_text(scope, key), value);
}

/* ---- names ---- */

static Vivarium__V1__Binding *find(struct viv_scope *scope, const char *name)
{
    for (size_t i = 0; i < scope->message->n_names; i++)
        if (!strcmp(scope->message->names[i]->name, name))
            return scope->message->names[i];
    return NULL;
}

static Vivarium__V1__Binding *add_name(struct viv_scope *scope, const char *name)
{
    Vivarium__V1__ScopeSnapshot *snapshot = scope->message;
    Vivarium__V1__Binding *binding = viv_make_alloc(scope, 1, sizeof(*binding));
    char *copy = viv_make_copy(scope, name, strlen(name));

    if (!binding || !copy ||
        !make_room(scope, &snapshot->names, snapshot->n_names, sizeof(binding), &scope->names_room))
        return NULL;
    vivarium__v1__binding__init(binding);
    binding->name = copy;
    snapshot->names[snapshot->n_names++] = binding;
    return binding;
}

static int report(const struct viv_scope *scope, const char *name, struct viv_error *err)
{
    return viv_fail(err, scope->failed, "can't set %.100s: %s", name, scope->failure);
}

int viv_scope_set(struct viv_scope *scope, const char *name, struct viv_value value,
                  struct viv_error *err)
{
    Vivarium__V1__Binding *binding = find(scope, name);
    message *m;

    if (scope->failed != VIV_OK)
        return report(scope, name, err);
    if (!viv_utf8_valid(name, strlen(name)))
        return viv_fail(err, VIV_INVALID_ARGUMENT, "a name of the scope is not UTF-8");
    m = item_of(scope, value);
    if (m && !binding)
        binding = add_name(scope, name);
    if (!m || !binding)
        return report(scope, name, err);
    binding->value = m;
    return 0;
}

int viv_scope_set_none(struct viv_scope *scope, const char *name, struct viv_error *err)
{
    return viv_scope_set(scope, name, viv_scope_none(scope), err);
}

int viv_scope_set_bool(struct viv_scope *scope, const char *name, bool value, struct viv_error *err)
{
    return viv_scope_set(scope, name, viv_scope_bool(scope, value), err);
}

int viv_scope_set_int64(struct viv_scope *scope, const char *name, int64_t value,
                        struct viv_error *err)
{
    return viv_scope_set(scope, name, viv_scope_int64(scope, value), err);
}

int viv_scope_set_double(struct viv_scope *scope, const char *name, double value,
                         struct viv_error *err)
{
    return viv_scope_set(scope, name, viv_scope_double(scope, value), err);
}

int viv_scope_set_text(struct viv_scope *scope, const char *name, const char *text,
                       struct viv_error *err)
{
    return viv_scope_set(scope, name, viv_scope_text(scope, text), err);
}

int viv_scope_set_bytes(struct viv_scope *scope, const char *name, const void *data, size_t len,
                        struct viv_error *err)
{
    return viv_scope_set(scope, name, viv_scope_bytes(scope, data, len), err);
}

bool viv_scope_unset(struct viv_scope *scope, const char *name)
{
    Vivarium__V1__ScopeSnapshot *snapshot = scope->message;
    Vivarium__V1__Binding **names = snapshot->names;

    for (size_t i = 0; i < snapshot->n_names; i++)
        if (!strcmp(names[i]->name, name)) {
            snapshot->n_names--;
            memmove(&names[i], &names[i + 1],
                    (snapshot->n_names - i) * sizeof(Vivarium__V1__Binding *));
            return true;
        }
    return false;
}
