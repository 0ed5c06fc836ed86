/* How much of a snapshot each name takes. */
#include <stdlib.h>

#include "client/scope.h"

/* Objects that are reached and not looked at yet. */
struct walk {
    const Vivarium__V1__ScopeSnapshot *snapshot;
    uint32_t *waiting;
    size_t count;
    bool *seen;
};

static void reach(struct walk *walk, uint32_t index)
{
    if (index >= walk->snapshot->n_objects || walk->seen[index])
        return;
    walk->seen[index] = true;
    walk->waiting[walk->count++] = index;
}

static void look(struct walk *walk, const ProtobufCMessage *m);

/* Which field of a oneof is set stands beside it. */
static bool is_set(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    const char *at = (const char *)m;

    return !(f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) ||
           *(const uint32_t *)(const void *)(at + f->quantifier_offset) == f->id;
}

static void look_at_field(struct walk *walk, const ProtobufCMessage *m,
                          const ProtobufCFieldDescriptor *f)
{
    const void *member = (const char *)m + f->offset;
    const void *count = (const char *)m + f->quantifier_offset;

    if (f->label == PROTOBUF_C_LABEL_REPEATED) {
        const ProtobufCMessage *const *list = *(const ProtobufCMessage *const *const *)member;

        for (size_t i = 0; i < *(const size_t *)count; i++)
            look(walk, list[i]);
    } else if (is_set(m, f) && *(const ProtobufCMessage *const *)member) {
        look(walk, *(const ProtobufCMessage *const *)member);
    }
}

/* Recursion as deep as messages nest, which parsing has bounded. */
static void look(struct walk *walk, const ProtobufCMessage *m)
{
    const ProtobufCMessageDescriptor *d = m->descriptor;
    const Vivarium__V1__Value *value = (const Vivarium__V1__Value *)m;

    if (d == &vivarium__v1__value__descriptor && value->kind_case == VIVARIUM__V1__VALUE__KIND_REF)
        reach(walk, value->ref);
    for (unsigned i = 0; i < d->n_fields; i++)
        if (d->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
            look_at_field(walk, m, &d->fields[i]);
}

static uint64_t size_of(struct walk *walk, const Vivarium__V1__Binding *binding)
{
    uint64_t size = vivarium__v1__binding__get_packed_size(binding);

    look(walk, &binding->base);
    while (walk->count) {
        const Vivarium__V1__Object *object = walk->snapshot->objects[walk->waiting[--walk->count]];

        size += vivarium__v1__object__get_packed_size(object);
        look(walk, &object->base);
    }
    return size;
}

int viv_scope_sizes(const struct viv_scope *scope, uint64_t *sizes, struct viv_error *err)
{
    const Vivarium__V1__ScopeSnapshot *snapshot = scope->message;
    struct walk walk = {.snapshot = snapshot};
    int result = 0;

    walk.waiting = calloc(snapshot->n_objects + 1, sizeof(*walk.waiting));
    walk.seen = calloc(snapshot->n_objects + 1, sizeof(*walk.seen));
    if (walk.waiting && walk.seen)
        for (size_t i = 0; i < snapshot->n_names; i++)
            sizes[i] = size_of(&walk, snapshot->names[i]);
    else
        result = viv_fail(err, VIV_RESOURCE_EXHAUSTED, "no memory for the sizes of a scope");
    free(walk.waiting);
    free(walk.seen);
    return result;
}
