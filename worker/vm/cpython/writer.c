#include "worker/vm/cpython/writer.h"

#include <stdlib.h>
#include <string.h>

enum wire_type { VARINT = 0, FIXED64 = 1, LENGTH = 2 };

void viv_writer_init(struct viv_writer *w, size_t max)
{
    *w = (struct viv_writer){.max = max};
}

void viv_writer_free(struct viv_writer *w)
{
    free(w->buffer);
    w->buffer = NULL;
}

uint8_t *viv_writer_take(struct viv_writer *w, size_t *ret_len)
{
    uint8_t *message = w->buffer;

    w->buffer = NULL;
    *ret_len = w->used;
    if (w->failed || w->used == 0) {
        free(message);
        *ret_len = 0;
        return NULL;
    }
    memmove(message, message + w->room - w->used, w->used);
    return message;
}

static bool grow(struct viv_writer *w, size_t wanted)
{
    size_t room = w->room ? w->room : 256;
    uint8_t *grown;

    while (room < wanted)
        room *= 2;
    grown = malloc(room);
    if (!grown)
        return false;
    if (w->used)
        memcpy(grown + room - w->used, w->buffer + w->room - w->used, w->used);
    free(w->buffer);
    w->buffer = grown;
    w->room = room;
    return true;
}

uint8_t *viv_writer_reserve(struct viv_writer *w, size_t max)
{
    if (w->failed)
        return NULL;
    if (max > SIZE_MAX / 4 || (w->used + max > w->room && !grow(w, w->used + max))) {
        w->failed = true;
        return NULL;
    }
    return w->buffer + w->room - w->used - max;
}

void viv_writer_commit(struct viv_writer *w, size_t len)
{
    w->used += len;
    if (w->used > w->max)
        w->failed = true;
}

void viv_writer_raw(struct viv_writer *w, const void *data, size_t len)
{
    uint8_t *place;

    if (len > w->max) {
        w->failed = true;
        return;
    }
    place = viv_writer_reserve(w, len);
    if (!place)
        return;
    if (len)
        memcpy(place, data, len);
    viv_writer_commit(w, len);
}

static void raw_varint(struct viv_writer *w, uint64_t value)
{
    uint8_t bytes[10];
    size_t len = 0;

    for (; value > 0x7f; value >>= 7)
        bytes[len++] = (uint8_t)(value | 0x80);
    bytes[len++] = (uint8_t)value;
    viv_writer_raw(w, bytes, len);
}

static void tag(struct viv_writer *w, unsigned field, enum wire_type type)
{
    raw_varint(w, (uint64_t)field << 3 | type);
}

void viv_writer_varint(struct viv_writer *w, unsigned field, uint64_t value)
{
    raw_varint(w, value);
    tag(w, field, VARINT);
}

void viv_writer_sint(struct viv_writer *w, unsigned field, int64_t value)
{
    viv_writer_varint(w, field, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

void viv_writer_double(struct viv_writer *w, unsigned field, double value)
{
    uint64_t bits;
    uint8_t bytes[8];

    memcpy(&bits, &value, sizeof(bits));
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(bits >> 8 * i);
    viv_writer_raw(w, bytes, sizeof(bytes));
    tag(w, field, FIXED64);
}

void viv_writer_field(struct viv_writer *w, unsigned field, size_t mark)
{
    raw_varint(w, w->used - mark);
    tag(w, field, LENGTH);
}

void viv_writer_bytes(struct viv_writer *w, unsigned field, const void *data, size_t len)
{
    size_t mark = w->used;

    viv_writer_raw(w, data, len);
    viv_writer_field(w, field, mark);
}
