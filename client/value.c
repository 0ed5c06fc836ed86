#include "client/vivarium_value.h"

#include <string.h>

#include "vivarium/v1/scope.pb-c.h"

/* A value with its references followed. */
struct plain {
    const Vivarium__V1__Value *value;   /* NULL: absent, or `object` is no value */
    const Vivarium__V1__Object *object; /* where the last reference led */
    const Vivarium__V1__Graph *graph;
    uint32_t identity;
};

/* A reference may lead to a reference. More hops than objects: a circle. */
static struct plain follow(struct plain p)
{
    for (size_t hops = 0; p.value && p.value->kind_case == VIVARIUM__V1__VALUE__KIND_REF; hops++) {
        uint32_t ref = p.value->ref;

        p.value = NULL;
        p.object = NULL;
        if (!p.graph || ref >= p.graph->n_objects || hops > p.graph->n_objects)
            break;
        p.identity = ref + 1;
        p.object = p.graph->objects[ref];
        if (p.object->kind_case == VIVARIUM__V1__OBJECT__KIND_VALUE)
            p.value = p.object->value;
    }
    return p;
}

static struct plain plain_of(struct viv_value value)
{
    struct plain p = {.value = value.private_value, .graph = value.private_graph};

    if (p.value && p.value->kind_case == VIVARIUM__V1__VALUE__KIND_GRAPH) {
        p.graph = p.value->graph;
        p.value = p.graph->root;
    }
    return follow(p);
}

static enum viv_value_kind constant_kind(Vivarium__V1__Constant constant)
{
    switch (constant) {
    case VIVARIUM__V1__CONSTANT__CONSTANT_NONE:
        return VIV_VALUE_NONE;
    case VIVARIUM__V1__CONSTANT__CONSTANT_ELLIPSIS:
        return VIV_VALUE_ELLIPSIS;
    case VIVARIUM__V1__CONSTANT__CONSTANT_NOT_IMPLEMENTED:
        return VIV_VALUE_NOT_IMPLEMENTED;
    default:
        return VIV_VALUE_ABSENT;
    }
}

static enum viv_value_kind kind_of(struct plain p)
{
    static const enum viv_value_kind kinds[] = {
        [VIVARIUM__V1__VALUE__KIND_BOOLEAN] = VIV_VALUE_BOOL,
        [VIVARIUM__V1__VALUE__KIND_INTEGER] = VIV_VALUE_INT64,
        [VIVARIUM__V1__VALUE__KIND_BIG_INTEGER] = VIV_VALUE_BIG_INT,
        [VIVARIUM__V1__VALUE__KIND_FLOATING] = VIV_VALUE_FLOAT,
        [VIVARIUM__V1__VALUE__KIND_COMPLEX] = VIV_VALUE_COMPLEX,
        [VIVARIUM__V1__VALUE__KIND_TEXT] = VIV_VALUE_TEXT,
        [VIVARIUM__V1__VALUE__KIND_SURROGATE_TEXT] = VIV_VALUE_SURROGATES,
        [VIVARIUM__V1__VALUE__KIND_DATA] = VIV_VALUE_BYTES,
        [VIVARIUM__V1__VALUE__KIND_BYTEARRAY] = VIV_VALUE_BYTEARRAY,
        [VIVARIUM__V1__VALUE__KIND_LIST] = VIV_VALUE_LIST,
        [VIVARIUM__V1__VALUE__KIND_TUPLE] = VIV_VALUE_TUPLE,
        [VIVARIUM__V1__VALUE__KIND_SET] = VIV_VALUE_SET,
        [VIVARIUM__V1__VALUE__KIND_FROZENSET] = VIV_VALUE_FROZENSET,
        [VIVARIUM__V1__VALUE__KIND_DICT] = VIV_VALUE_DICT,
        [VIVARIUM__V1__VALUE__KIND_OPAQUE] = VIV_VALUE_OPAQUE,
    };

    if (!p.value)
        return p.object && p.object->kind_case != VIVARIUM__V1__OBJECT__KIND__NOT_SET
                   ? VIV_VALUE_OBJECT
                   : VIV_VALUE_ABSENT;
    if (p.value->kind_case == VIVARIUM__V1__VALUE__KIND_CONSTANT)
        return constant_kind(p.value->constant);
    if ((size_t)p.value->kind_case >= sizeof(kinds) / sizeof(kinds[0]))
        return VIV_VALUE_ABSENT;
    return kinds[p.value->kind_case];
}

static const char *object_name(const Vivarium__V1__Object *object)
{
    switch (object->kind_case) {
    case VIVARIUM__V1__OBJECT__KIND_FUNCTION:
        return object->function->qualified_name;
    case VIVARIUM__V1__OBJECT__KIND_CLASS:
        return object->class_->qualified_name;
    case VIVARIUM__V1__OBJECT__KIND_MODULE:
        return object->module;
    case VIVARIUM__V1__OBJECT__KIND_PACKAGE:
        return object->package->name;
    case VIVARIUM__V1__OBJECT__KIND_GLOBAL:
        return object->global->qualified_name;
    default:
        return "";
    }
}

enum viv_value_kind viv_value_kind(struct viv_value value)
{
    return kind_of(plain_of(value));
}

static const char *class_name(Vivarium__V1__Value *type, const Vivarium__V1__Graph *graph)
{
    struct plain p = follow((struct plain){.value = type, .graph = graph});

    return p.object && *object_name(p.object) ? object_name(p.object) : "object";
}

/* Of an object that is no plain value. An instance is what its class says. */
static const char *object_type(const Vivarium__V1__Object *object, const Vivarium__V1__Graph *graph)
{
    switch (object->kind_case) {
    case VIVARIUM__V1__OBJECT__KIND_FUNCTION:
        return "function";
    case VIVARIUM__V1__OBJECT__KIND_CLASS:
        return "type";
    case VIVARIUM__V1__OBJECT__KIND_MODULE:
    case VIVARIUM__V1__OBJECT__KIND_PACKAGE:
        return "module";
    case VIVARIUM__V1__OBJECT__KIND_CODE:
        return "code";
    case VIVARIUM__V1__OBJECT__KIND_INSTANCE:
        return class_name(object->instance->type, graph);
    case VIVARIUM__V1__OBJECT__KIND_SHARER:
        return class_name(object->sharer->type, graph);
    default:
        return "object";
    }
}

const char *viv_value_type(struct viv_value value)
{
    static const char *const names[] = {
        [VIV_VALUE_ABSENT] = "",
        [VIV_VALUE_NONE] = "NoneType",
        [VIV_VALUE_ELLIPSIS] = "ellipsis",
        [VIV_VALUE_NOT_IMPLEMENTED] = "NotImplementedType",
        [VIV_VALUE_BOOL] = "bool",
        [VIV_VALUE_INT64] = "int",
        [VIV_VALUE_BIG_INT] = "int",
        [VIV_VALUE_FLOAT] = "float",
        [VIV_VALUE_COMPLEX] = "complex",
        [VIV_VALUE_TEXT] = "str",
        [VIV_VALUE_SURROGATES] = "str",
        [VIV_VALUE_BYTES] = "bytes",
        [VIV_VALUE_BYTEARRAY] = "bytearray",
        [VIV_VALUE_LIST] = "list",
        [VIV_VALUE_TUPLE] = "tuple",
        [VIV_VALUE_SET] = "set",
        [VIV_VALUE_FROZENSET] = "frozenset",
        [VIV_VALUE_DICT] = "dict",
    };
    struct plain p = plain_of(value);
    enum viv_value_kind kind = kind_of(p);

    if (kind == VIV_VALUE_OBJECT)
        return object_type(p.object, p.graph);
    return kind == VIV_VALUE_OPAQUE ? p.value->opaque->type : names[kind];
}

const char *viv_value_name(struct viv_value value)
{
    struct plain p = plain_of(value);

    return kind_of(p) == VIV_VALUE_OBJECT ? object_name(p.object) : "";
}

bool viv_value_bool(struct viv_value value)
{
    struct plain p = plain_of(value);

    return kind_of(p) == VIV_VALUE_BOOL && p.value->boolean;
}

int64_t viv_value_int64(struct viv_value value)
{
    struct plain p = plain_of(value);

    switch (kind_of(p)) {
    case VIV_VALUE_INT64:
        return p.value->integer;
    case VIV_VALUE_BOOL:
        return p.value->boolean ? 1 : 0;
    default:
        return 0;
    }
}

double viv_value_double(struct viv_value value)
{
    struct plain p = plain_of(value);

    switch (kind_of(p)) {
    case VIV_VALUE_FLOAT:
        return p.value->floating;
    case VIV_VALUE_INT64:
        return (double)p.value->integer;
    default:
        return 0;
    }
}

double viv_value_real(struct viv_value value)
{
    struct plain p = plain_of(value);

    return kind_of(p) == VIV_VALUE_COMPLEX ? p.value->complex->real : 0;
}

double viv_value_imaginary(struct viv_value value)
{
    struct plain p = plain_of(value);

    return kind_of(p) == VIV_VALUE_COMPLEX ? p.value->complex->imaginary : 0;
}

const char *viv_value_text(struct viv_value value)
{
    struct plain p = plain_of(value);

    return kind_of(p) == VIV_VALUE_TEXT ? p.value->text : NULL;
}

static ProtobufCBinaryData bytes_of(struct plain p)
{
    switch (kind_of(p)) {
    case VIV_VALUE_TEXT:
        return (ProtobufCBinaryData){strlen(p.value->text), (uint8_t *)p.value->text};
    case VIV_VALUE_SURROGATES:
        return p.value->surrogate_text;
    case VIV_VALUE_BYTES:
        return p.value->data;
    case VIV_VALUE_BYTEARRAY:
        return p.value->bytearray;
    case VIV_VALUE_BIG_INT:
        return p.value->big_integer;
    default:
        return (ProtobufCBinaryData){0, NULL};
    }
}

static bool has_bytes(enum viv_value_kind kind)
{
    return kind == VIV_VALUE_TEXT || kind == VIV_VALUE_SURROGATES || kind == VIV_VALUE_BYTES ||
           kind == VIV_VALUE_BYTEARRAY || kind == VIV_VALUE_BIG_INT;
}

const uint8_t *viv_value_bytes(struct viv_value value, size_t *ret_len)
{
    struct plain p = plain_of(value);
    ProtobufCBinaryData bytes = bytes_of(p);

    if (ret_len)
        *ret_len = bytes.len;
    if (!bytes.data && has_bytes(kind_of(p)))
        return (const uint8_t *)"";
    return bytes.data;
}

static const Vivarium__V1__Sequence *sequence_of(struct plain p)
{
    switch (kind_of(p)) {
    case VIV_VALUE_LIST:
        return p.value->list;
    case VIV_VALUE_TUPLE:
        return p.value->tuple;
    case VIV_VALUE_SET:
        return p.value->set;
    case VIV_VALUE_FROZENSET:
        return p.value->frozenset;
    default:
        return NULL;
    }
}

static const Vivarium__V1__Mapping *mapping_of(struct plain p)
{
    return kind_of(p) == VIV_VALUE_DICT ? p.value->dict : NULL;
}

size_t viv_value_len(struct viv_value value)
{
    struct plain p = plain_of(value);
    const Vivarium__V1__Sequence *sequence = sequence_of(p);
    const Vivarium__V1__Mapping *mapping = mapping_of(p);

    return sequence ? sequence->n_items : mapping ? mapping->n_items : 0;
}

static struct viv_value handle(struct plain p, const Vivarium__V1__Value *value)
{
    return (struct viv_value){value, p.graph};
}

struct viv_value viv_value_item(struct viv_value value, size_t index)
{
    struct plain p = plain_of(value);
    const Vivarium__V1__Sequence *sequence = sequence_of(p);
    const Vivarium__V1__Mapping *mapping = mapping_of(p);

    if (sequence && index < sequence->n_items)
        return handle(p, sequence->items[index]);
    if (mapping && index < mapping->n_items)
        return handle(p, mapping->items[index]->value);
    return (struct viv_value){0};
}

struct viv_value viv_value_key(struct viv_value value, size_t index)
{
    struct plain p = plain_of(value);
    const Vivarium__V1__Mapping *mapping = mapping_of(p);

    if (mapping && index < mapping->n_items)
        return handle(p, mapping->items[index]->key);
    return (struct viv_value){0};
}

struct viv_value viv_value_get(struct viv_value value, const char *key)
{
    for (size_t i = viv_value_len(value); i > 0; i--) {
        const char *text = viv_value_text(viv_value_key(value, i - 1));

        if (text && !strcmp(text, key))
            return viv_value_item(value, i - 1);
    }
    return (struct viv_value){0};
}

uint32_t viv_value_identity(struct viv_value value)
{
    return plain_of(value).identity;
}

const char *viv_value_reason(struct viv_value value)
{
    struct plain p = plain_of(value);

    return p.value && kind_of(p) == VIV_VALUE_OPAQUE ? p.value->opaque->reason : NULL;
}
