/* Writes protobuf from its end to its beginning. A nested message's length
 * stands before it and is only known behind it; going backwards, it is known
 * when it is wanted, and nothing is written or measured twice. So the fields of
 * a message are written last to first, and so are the items of a repeated field.
 *
 * The memory is address space of the cap's size, filled from the top: pages are
 * taken as they are reached and nothing is ever moved, so that a block of bytes
 * is copied once. After a failure (over the cap, out of memory) all calls do
 * nothing. */
#ifndef VIVARIUM_VM_CPYTHON_WRITER_H
#define VIVARIUM_VM_CPYTHON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct viv_writer {
    uint8_t *map;
    uint8_t *floor; /* as far as the cap lets it come */
    uint8_t *at;    /* the message so far begins here */
    uint8_t *top;
    bool failed;
};

/* A message in pages of its own. */
struct viv_pages {
    uint8_t *data;
    size_t len;
    void *map;
    size_t map_len;
};

void viv_pages_free(struct viv_pages *pages);

void viv_writer_init(struct viv_writer *w, size_t max);
void viv_writer_free(struct viv_writer *w);

/* A copy of the message, which is the caller's to free; NULL where it is empty
 * or failed. */
uint8_t *viv_writer_take(struct viv_writer *w, size_t *ret_len);

/* The message itself. Only where it has not failed. */
void viv_writer_take_pages(struct viv_writer *w, struct viv_pages *ret_pages);

/* How much was written: a mark for the calls below. */
static inline size_t viv_writer_used(const struct viv_writer *w)
{
    return (size_t)(w->top - w->at);
}

/* How much may yet be. */
static inline size_t viv_writer_room(const struct viv_writer *w)
{
    return w->failed ? 0 : (size_t)(w->at - w->floor);
}

/* Forgets what was written since the mark. */
static inline void viv_writer_back(struct viv_writer *w, size_t mark)
{
    w->at = w->top - mark;
}

/* Room for `len` bytes, to be filled by the caller; NULL on failure. */
uint8_t *viv_writer_reserve(struct viv_writer *w, size_t len);

/* Bytes without a tag. */
void viv_writer_raw(struct viv_writer *w, const void *data, size_t len);

/* Whole fields. */
void viv_writer_varint(struct viv_writer *w, unsigned field, uint64_t value);
void viv_writer_sint(struct viv_writer *w, unsigned field, int64_t value);
void viv_writer_double(struct viv_writer *w, unsigned field, double value);
void viv_writer_bytes(struct viv_writer *w, unsigned field, const void *data, size_t len);

/* A message of one sint, as a field. */
void viv_writer_sint_in(struct viv_writer *w, unsigned field, unsigned inner, int64_t value);

/* Makes a field, a message or bytes, of what was written since the mark. */
void viv_writer_field(struct viv_writer *w, unsigned field, size_t mark);

#endif
