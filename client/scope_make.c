/* Values for a scope that is being built. */
#include "client/scope_make.h"

#include <string.h>

#include "client/arena.h"
#include "proto/wire_check.h"

#define BIG_INT_MAX ((size_t)16 << 20)

typedef Vivarium__V1__Value message;

void *viv_make_fail(struct viv_scope *scope, enum viv_status status, const char *text)
{
    if (scope->failed == VIV_OK) {
        scope->failed = status;
        scope->failure = text;
    }
    return NULL;
}

void *viv_make_alloc(struct viv_scope *scope, size_t count, size_t size)
{
    void *p = viv_arena_alloc(scope->arena, count, size);

    return p ? p : viv_make_fail(scope, VIV_RESOURCE_EXHAUSTED, "memory is out");
}

Vivarium__V1__Value *viv_make_message(struct viv_scope *scope, int kind)
{
    message *m = viv_make_alloc(scope, 1, sizeof(*m));

    if (m) {
        vivarium__v1__value__init(m);
        m->kind_case = (Vivarium__V1__Value__KindCase)kind;
    }
    return m;
}

struct viv_value viv_make_handle(struct viv_scope *scope, const Vivarium__V1__Value *m)
{
    return m ? (struct viv_value){m, &scope->table} : (struct viv_value){0};
}

struct viv_value viv_scope_none(struct viv_scope *scope)
{
    message *m = viv_make_message(scope, VIVARIUM__V1__VALUE__KIND_CONSTANT);

    if (m)
        m->constant = VIVARIUM__V1__CONSTANT__CONSTANT_NONE;
    return viv_make_handle(scope, m);
}

struct viv_value viv_scope_bool(struct viv_scope *scope, bool value)
{
    message *m = viv_make_message(scope, VIVARIUM__V1__VALUE__KIND_BOOLEAN);

    if (m)
        m->boolean = value;
    return viv_make_handle(scope, m);
}

struct viv_value viv_scope_int64(struct viv_scope *scope, int64_t value)
{
    message *m = viv_make_message(scope, VIVARIUM__V1__VALUE__KIND_INTEGER);

    if (m)
        m->integer = value;
    return viv_make_handle(scope, m);
}

struct viv_value viv_scope_double(struct viv_scope *scope, double value)
{
    message *m = viv_make_message(scope, VIVARIUM__V1__VALUE__KIND_FLOATING);

    if (m)
        m->floating = value;
    return viv_make_handle(scope, m);
}

struct viv_value viv_scope_complex(struct viv_scope *scope, double real, double imaginary)
{
    message *m = viv_make_message(scope, VIVARIUM__V1__VALUE__KIND_COMPLEX);
    Vivarium__V1__Complex *complex = viv_make_alloc(scope, 1, sizeof(*complex));

    if (!m || !complex)
        return (struct viv_value){0};
    vivarium__v1__complex__init(complex);
    complex->real = real;
    complex->imaginary = imaginary;
    m->complex = complex;
    return viv_make_handle(scope, m);
}

char *viv_make_copy(struct viv_scope *scope, const void *data, size_t len)
{
    char *copy = viv_make_alloc(scope, len + 1, 1);

    if (copy && len)
        memcpy(copy, data, len);
    return copy;
}

static struct viv_value bytes_value(struct viv_scope *scope, int kind, const void *data, size_t len)
{
    char *copy = viv_make_copy(scope, data, len);
    message *m = copy ? viv_make_message(scope, kind) : NULL;

    /* the fields of all kinds of bytes are one in the union */
    if (m)
        m->data = (ProtobufCBinaryData){len, (uint8_t *)copy};
    return viv_make_handle(scope, m);
}

/* As short as it may be: the sign is in the last byte's top bit. */
static size_t significant(const uint8_t *data, size_t len)
{
    while (len > 1 && ((data[len - 1] == 0x00 && !(data[len - 2] & 0x80)) ||
                       (data[len - 1] == 0xff && (data[len - 2] & 0x80))))
        len--;
    return len;
}

struct viv_value viv_scope_big_int(struct viv_scope *scope, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    uint64_t number = 0;

    len = significant(bytes, len);
    if (len > BIG_INT_MAX)
        return viv_make_handle(
            scope, viv_make_fail(scope, VIV_INVALID_ARGUMENT, "an int of more than 16 MiB"));
    if (len > sizeof(number))
        return bytes_value(scope, VIVARIUM__V1__VALUE__KIND_BIG_INTEGER, data, len);
    if (len && (bytes[len - 1] & 0x80))
        number = UINT64_MAX;
    for (size_t i = len; i > 0; i--)
        number = number << 8 | bytes[i - 1];
    return viv_scope_int64(scope, (int64_t)number);
}

struct viv_value viv_scope_text_n(struct viv_scope *scope, const char *text, size_t len)
{
    char *copy;
    message *m;

    if (!viv_utf8_valid(text, len))
        return viv_make_handle(
            scope, viv_make_fail(scope, VIV_INVALID_ARGUMENT, "a text that is not UTF-8"));
    if (len && memchr(text, '\0', len))
        return bytes_value(scope, VIVARIUM__V1__VALUE__KIND_SURROGATE_TEXT, text, len);
    copy = viv_make_copy(scope, text, len);
    m = copy ? viv_make_message(scope, VIVARIUM__V1__VALUE__KIND_TEXT) : NULL;
    if (m)
        m->text = copy;
    return viv_make_handle(scope, m);
}

struct viv_value viv_scope_text(struct viv_scope *scope, const char *text)
{
    return viv_scope_text_n(scope, text, strlen(text));
}

struct viv_value viv_scope_bytes(struct viv_scope *scope, const void *data, size_t len)
{
    return bytes_value(scope, VIVARIUM__V1__VALUE__KIND_DATA, data, len);
}

struct viv_value viv_scope_bytearray(struct viv_scope *scope, const void *data, size_t len)
{
    return bytes_value(scope, VIVARIUM__V1__VALUE__KIND_BYTEARRAY, data, len);
}
