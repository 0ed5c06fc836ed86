/* Writes protobuf's wire format by hand, wrong where a test wants it wrong. */
#ifndef VIVARIUM_TESTS_WIRE_H
#define VIVARIUM_TESTS_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_ROOM (1u << 20)

/* Grows from the back to the front, so that a message can be put around what
 * is already there. Zero-initialized: empty. */
struct wire {
    size_t len;
    uint8_t room[WIRE_ROOM];
};

const uint8_t *wire_data(const struct wire *w);
void wire_clear(struct wire *w);

/* Each puts one thing before what is there. */
void wire_put(struct wire *w, const void *bytes, size_t len);
void wire_put_varint(struct wire *w, uint64_t value);
void wire_put_tag(struct wire *w, uint32_t field, unsigned wire_type);
void wire_put_string(struct wire *w, uint32_t field, const void *bytes, size_t len);

/* Makes all that is there the payload of one length-delimited field. */
void wire_wrap(struct wire *w, uint32_t field);

#endif
