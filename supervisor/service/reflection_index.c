#include "supervisor/service/reflection_index.h"

#include <grpc/support/alloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "google/protobuf/descriptor.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "supervisor/service/reflection_data.h"

#define SERVICES_MAX 32
#define SERVICE_NAME_MAX 256

typedef Google__Protobuf__FileDescriptorProto file_descriptor;
typedef Google__Protobuf__DescriptorProto message_descriptor;
typedef Google__Protobuf__EnumDescriptorProto enum_descriptor;
typedef Google__Protobuf__FieldDescriptorProto field_descriptor;

struct reflection_index {
    /* A FileDescriptorSet and this are the same on the wire: field 1, repeated,
     * length-delimited. Read so, each file keeps its bytes. */
    Grpc__Reflection__V1__FileDescriptorResponse *raw;
    file_descriptor **files; /* as many */
    char services[SERVICES_MAX][SERVICE_NAME_MAX];
    size_t service_count;
};

/* What names may stand for in one place: a file's top or a message. */
struct scope {
    message_descriptor **messages;
    size_t message_count;
    enum_descriptor **enums;
    size_t enum_count;
    field_descriptor **fields;
    size_t field_count;
    field_descriptor **extensions;
    size_t extension_count;
    Google__Protobuf__OneofDescriptorProto **oneofs;
    size_t oneof_count;
};

static struct scope scope_of_file(const file_descriptor *f)
{
    return (struct scope){
        .messages = f->message_type,
        .message_count = f->n_message_type,
        .enums = f->enum_type,
        .enum_count = f->n_enum_type,
        .extensions = f->extension,
        .extension_count = f->n_extension,
    };
}

static struct scope scope_of_message(const message_descriptor *m)
{
    return (struct scope){
        .messages = m->nested_type,
        .message_count = m->n_nested_type,
        .enums = m->enum_type,
        .enum_count = m->n_enum_type,
        .fields = m->field,
        .field_count = m->n_field,
        .extensions = m->extension,
        .extension_count = m->n_extension,
        .oneofs = m->oneof_decl,
        .oneof_count = m->n_oneof_decl,
    };
}

static bool same(const char *name, const char *part, size_t len)
{
    return name && strlen(name) == len && memcmp(name, part, len) == 0;
}

static const message_descriptor *find_message(const struct scope *s, const char *part, size_t len)
{
    for (size_t i = 0; i < s->message_count; i++)
        if (same(s->messages[i]->name, part, len))
            return s->messages[i];
    return NULL;
}

/* Enum values are named beside their enum, as in C++. */
static bool in_enum(const enum_descriptor *e, const char *part, size_t len)
{
    if (same(e->name, part, len))
        return true;
    for (size_t i = 0; i < e->n_value; i++)
        if (same(e->value[i]->name, part, len))
            return true;
    return false;
}

static bool in_scope(const struct scope *s, const char *part, size_t len)
{
    if (find_message(s, part, len))
        return true;
    for (size_t i = 0; i < s->enum_count; i++)
        if (in_enum(s->enums[i], part, len))
            return true;
    for (size_t i = 0; i < s->field_count; i++)
        if (same(s->fields[i]->name, part, len))
            return true;
    for (size_t i = 0; i < s->extension_count; i++)
        if (same(s->extensions[i]->name, part, len))
            return true;
    for (size_t i = 0; i < s->oneof_count; i++)
        if (same(s->oneofs[i]->name, part, len))
            return true;
    return false;
}

/* `rest`: SERVICE or SERVICE.METHOD. */
static bool in_services(const file_descriptor *f, const char *rest)
{
    size_t len = strcspn(rest, ".");

    for (size_t i = 0; i < f->n_service; i++) {
        const Google__Protobuf__ServiceDescriptorProto *s = f->service[i];

        if (!same(s->name, rest, len))
            continue;
        if (rest[len] == '\0')
            return true;
        for (size_t m = 0; m < s->n_method; m++)
            if (strcmp(s->method[m]->name, rest + len + 1) == 0)
                return true;
    }
    return false;
}

static bool declares(const file_descriptor *f, const char *symbol)
{
    size_t package_len = f->package ? strlen(f->package) : 0;
    struct scope scope = scope_of_file(f);

    if (package_len > 0) {
        if (strncmp(symbol, f->package, package_len) != 0 || symbol[package_len] != '.')
            return false;
        symbol += package_len + 1;
    }
    if (in_services(f, symbol))
        return true;
    for (;;) {
        size_t len = strcspn(symbol, ".");
        const message_descriptor *inner;

        if (symbol[len] == '\0')
            return in_scope(&scope, symbol, len);
        inner = find_message(&scope, symbol, len);
        if (!inner)
            return false;
        scope = scope_of_message(inner);
        symbol += len + 1;
    }
}

int reflection_index_by_symbol(const struct reflection_index *index, const char *symbol)
{
    for (size_t i = 0; i < index->raw->n_file_descriptor_proto; i++)
        if (declares(index->files[i], symbol))
            return (int)i;
    return -1;
}

int reflection_index_by_name(const struct reflection_index *index, const char *name)
{
    for (size_t i = 0; i < index->raw->n_file_descriptor_proto; i++)
        if (strcmp(index->files[i]->name, name) == 0)
            return (int)i;
    return -1;
}

size_t reflection_index_files(const struct reflection_index *index)
{
    return index->raw->n_file_descriptor_proto;
}

const char *reflection_index_service(const struct reflection_index *index, size_t n)
{
    return n < index->service_count ? index->services[n] : NULL;
}

static void add_once(size_t *files, size_t *count, size_t file)
{
    for (size_t i = 0; i < *count; i++)
        if (files[i] == file)
            return;
    files[(*count)++] = file;
}

size_t reflection_index_closure(const struct reflection_index *index, int file,
                                ProtobufCBinaryData *ret_files)
{
    size_t *order = gpr_malloc(reflection_index_files(index) * sizeof(*order));
    size_t count = 0;

    add_once(order, &count, (size_t)file);
    for (size_t at = 0; at < count; at++) {
        const file_descriptor *f = index->files[order[at]];

        for (size_t i = 0; i < f->n_dependency; i++) {
            int dependency = reflection_index_by_name(index, f->dependency[i]);

            if (dependency >= 0)
                add_once(order, &count, (size_t)dependency);
        }
    }
    for (size_t i = 0; i < count; i++)
        ret_files[i] = index->raw->file_descriptor_proto[order[i]];
    gpr_free(order);
    return count;
}

static int add_services(struct reflection_index *index, const file_descriptor *f,
                        struct viv_error *err)
{
    for (size_t i = 0; i < f->n_service; i++) {
        int n;

        if (index->service_count == SERVICES_MAX)
            return viv_fail(err, VIV_INTERNAL, "too many services in the descriptor set");
        n = snprintf(index->services[index->service_count], SERVICE_NAME_MAX, "%s%s%s",
                     f->package ? f->package : "", f->package ? "." : "", f->service[i]->name);
        if (n >= SERVICE_NAME_MAX)
            return viv_fail(err, VIV_INTERNAL, "a service's name is too long");
        index->service_count++;
    }
    return 0;
}

static int add_files(struct reflection_index *index, struct viv_error *err)
{
    size_t count = index->raw->n_file_descriptor_proto;

    index->files = gpr_zalloc((count + 1) * sizeof(*index->files));
    for (size_t i = 0; i < count; i++) {
        const ProtobufCBinaryData *bytes = &index->raw->file_descriptor_proto[i];
        file_descriptor *f =
            google__protobuf__file_descriptor_proto__unpack(NULL, bytes->len, bytes->data);

        index->files[i] = f;
        if (!f || !f->name)
            return viv_fail(err, VIV_INTERNAL, "file %zu of the descriptor set is malformed", i);
        if (add_services(index, f, err) < 0)
            return -1;
    }
    return 0;
}

int reflection_index_create(const void *set, size_t len, struct reflection_index **ret_index,
                            struct viv_error *err)
{
    struct reflection_index *index;
    Grpc__Reflection__V1__FileDescriptorResponse *raw =
        grpc__reflection__v1__file_descriptor_response__unpack(NULL, len, set);

    if (!raw)
        return viv_fail(err, VIV_INTERNAL, "the descriptor set is malformed");
    index = gpr_zalloc(sizeof(*index));
    index->raw = raw;
    if (add_files(index, err) < 0) {
        reflection_index_destroy(index);
        return -1;
    }
    *ret_index = index;
    return 0;
}

int reflection_index_create_embedded(struct reflection_index **ret_index, struct viv_error *err)
{
    return reflection_index_create(reflection_data, reflection_data_len, ret_index, err);
}

void reflection_index_destroy(struct reflection_index *index)
{
    if (!index)
        return;
    for (size_t i = 0; index->files && i < index->raw->n_file_descriptor_proto; i++)
        google__protobuf__file_descriptor_proto__free_unpacked(index->files[i], NULL);
    grpc__reflection__v1__file_descriptor_response__free_unpacked(index->raw, NULL);
    gpr_free(index->files);
    gpr_free(index);
}
