/* Writes protobuf from its end to its beginning. A nested message's length
 * stands before it and is only known behind it; going backwards, it is known
 * when it is wanted, and nothing is written or measured twice.
 *
 * So the fields of a message are written last to first, and so are the items
 * of a repeated field. After a failure (over the cap, out of memory) all calls
 * do nothing. */
#ifndef VIVARIUM_VM_CPYTHON_WRITER_H
#define VIVARIUM_VM_CPYTHON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct viv_writer {
    uint8_t *buffer;
    size_t room;
    size_t used; /* at the end of the buffer */
    size_t max;
    bool failed;
};

void viv_writer_init(struct viv_writer *w, size_t max);
void viv_writer_free(struct viv_writer *w);

/* The message, moved to the front of its memory, which is the caller's to
 * free; NULL where it is empty or failed. */
uint8_t *viv_writer_take(struct viv_writer *w, size_t *ret_len);

/* Room for up to `max` bytes, to be filled from the back; NULL on failure. Say
 * with viv_writer_commit() how many were, and viv_writer_field() what of. */
uint8_t *viv_writer_reserve(struct viv_writer *w, size_t max);
void viv_writer_commit(struct viv_writer *w, size_t len);

/* Bytes without a tag. */
void viv_writer_raw(struct viv_writer *w, const void *data, size_t len);

/* Whole fields. */
void viv_writer_varint(struct viv_writer *w, unsigned field, uint64_t value);
void viv_writer_sint(struct viv_writer *w, unsigned field, int64_t value);
void viv_writer_double(struct viv_writer *w, unsigned field, double value);
void viv_writer_bytes(struct viv_writer *w, unsigned field, const void *data, size_t len);

/* Makes a field, a message or bytes, of what was written since `mark`, an
 * earlier `used`. */
void viv_writer_field(struct viv_writer *w, unsigned field, size_t mark);

#endif
