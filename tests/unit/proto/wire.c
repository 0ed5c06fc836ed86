#include "tests/unit/proto/wire.h"

#include <string.h>

#include "tests/unit/test.h"

const uint8_t *wire_data(const struct wire *w)
{
    return w->room + WIRE_ROOM - w->len;
}

void wire_clear(struct wire *w)
{
    w->len = 0;
}

void wire_put(struct wire *w, const void *bytes, size_t len)
{
    assert_true(len <= WIRE_ROOM - w->len);
    w->len += len;
    memcpy(w->room + WIRE_ROOM - w->len, bytes, len);
}

void wire_put_varint(struct wire *w, uint64_t value)
{
    uint8_t bytes[10];
    size_t len = 0;

    do {
        bytes[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    } while (value != 0);
    bytes[len - 1] &= 0x7f;
    wire_put(w, bytes, len);
}

void wire_put_tag(struct wire *w, uint32_t field, unsigned wire_type)
{
    wire_put_varint(w, (uint64_t)field << 3 | wire_type);
}

void wire_put_string(struct wire *w, uint32_t field, const void *bytes, size_t len)
{
    wire_put(w, bytes, len);
    wire_put_varint(w, len);
    wire_put_tag(w, field, 2);
}

void wire_wrap(struct wire *w, uint32_t field)
{
    wire_put_varint(w, w->len);
    wire_put_tag(w, field, 2);
}
