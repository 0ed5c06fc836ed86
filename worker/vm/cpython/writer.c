#include "worker/vm/cpython/writer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "worker/vm/cpython/block.h"

enum wire_type { VARINT = 0, FIXED64 = 1, LENGTH = 2 };

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

void viv_writer_init(struct viv_writer *w, size_t max)
{
    size_t page = page_size(), size = (max + 2 * page - 1) / page * page;
    void *map = max > SIZE_MAX / 2 ? MAP_FAILED
                                   : mmap(NULL, size, PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    *w = (struct viv_writer){.failed = true};
    if (map == MAP_FAILED)
        return;
    w->map = map;
    w->at = w->top = w->map + size;
    w->floor = w->top - max;
    w->failed = false;
}

void viv_writer_free(struct viv_writer *w)
{
    if (w->map)
        munmap(w->map, (size_t)(w->top - w->map));
    *w = (struct viv_writer){.failed = true};
}

uint8_t *viv_writer_take(struct viv_writer *w, size_t *ret_len)
{
    size_t len = w->failed ? 0 : viv_writer_used(w);
    uint8_t *message = len ? malloc(len) : NULL;

    *ret_len = message ? len : 0;
    if (message)
        viv_block_copy(message, w->at, len);
    viv_writer_free(w);
    return message;
}

void viv_writer_take_pages(struct viv_writer *w, struct viv_pages *ret_pages)
{
    size_t spare = (size_t)(w->at - w->map) / page_size() * page_size();

    if (spare)
        munmap(w->map, spare);
    *ret_pages = (struct viv_pages){
        .data = w->at,
        .len = viv_writer_used(w),
        .map = w->map + spare,
        .map_len = (size_t)(w->top - w->map) - spare,
    };
    *w = (struct viv_writer){.failed = true};
}

void viv_pages_free(struct viv_pages *pages)
{
    if (pages->map_len)
        munmap(pages->map, pages->map_len);
    *pages = (struct viv_pages){0};
}

uint8_t *viv_writer_reserve(struct viv_writer *w, size_t len)
{
    if (w->failed || len > (size_t)(w->at - w->floor)) {
        w->failed = true;
        return NULL;
    }
    return w->at -= len;
}

void viv_writer_raw(struct viv_writer *w, const void *data, size_t len)
{
    uint8_t *place = viv_writer_reserve(w, len);

    if (place)
        viv_block_copy(place, data, len);
}

static inline void raw_varint(struct viv_writer *w, uint64_t value)
{
    size_t len = 1;
    uint8_t *place;

    for (uint64_t rest = value >> 7; rest; rest >>= 7)
        len++;
    place = viv_writer_reserve(w, len);
    if (!place)
        return;
    for (; len > 1; len--, value >>= 7)
        *place++ = (uint8_t)(value | 0x80);
    *place = (uint8_t)value;
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

static uint64_t zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

void viv_writer_sint(struct viv_writer *w, unsigned field, int64_t value)
{
    viv_writer_varint(w, field, zigzag(value));
}

/* Most items of lists are these: at once, where nothing about them is long. */
void viv_writer_sint_in(struct viv_writer *w, unsigned field, unsigned inner, int64_t value)
{
    uint64_t bits = zigzag(value);
    size_t mark = viv_writer_used(w), len = bits < 1u << 7 ? 1 : bits < 1u << 14 ? 2 : 3;
    uint8_t *at;

    if (bits >= 1u << 21 || field > 15 || inner > 15) {
        viv_writer_sint(w, inner, value);
        viv_writer_field(w, field, mark);
        return;
    }
    at = viv_writer_reserve(w, len + 3);
    if (!at)
        return;
    *at++ = (uint8_t)(field << 3 | LENGTH);
    *at++ = (uint8_t)(len + 1);
    *at++ = (uint8_t)(inner << 3 | VARINT);
    for (; len > 1; len--, bits >>= 7)
        *at++ = (uint8_t)(bits | 0x80);
    *at = (uint8_t)bits;
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
    raw_varint(w, viv_writer_used(w) - mark);
    tag(w, field, LENGTH);
}

void viv_writer_bytes(struct viv_writer *w, unsigned field, const void *data, size_t len)
{
    size_t mark = viv_writer_used(w);

    viv_writer_raw(w, data, len);
    viv_writer_field(w, field, mark);
}
