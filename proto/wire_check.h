/* Holds a serialized protobuf message against its descriptor before anybody
 * unpacks it. protobuf-c unpacks by recursion, allocates per element and does
 * not look at UTF-8, so a few bytes from a stranger could exhaust the stack or
 * the memory; a message that passes here can't. Pure; allocates nothing. */
#ifndef VIVARIUM_WIRE_CHECK_H
#define VIVARIUM_WIRE_CHECK_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

/* Most nested messages, the outermost included; protobuf's own readers stop
 * at 100. */
#define VIV_WIRE_DEPTH_MAX 64

struct viv_wire_caps {
    /* Most bytes that unpacking may allocate, by estimate. */
    uint64_t unpacked_max;
    /* Bit n: field number n may occur at the top. 0: every known field may.
     * Unknown fields may occur where this is 0. */
    uint64_t top_fields;
};

/* 0 where unpacking `data` as `descriptor` is safe; else -1 with
 * VIV_INVALID_ARGUMENT and the name of the field that is wrong. A string must be
 * valid UTF-8 without U+0000, at which protobuf-c would cut it off. */
int viv_wire_check(const ProtobufCMessageDescriptor *descriptor, const void *data, size_t len,
                   const struct viv_wire_caps *caps, struct viv_error *err);

/* One field of a serialized message, where it stands. */
struct viv_wire_field {
    uint32_t number;
    bool delimited;    /* a string, bytes or a message: `data` is its content */
    const uint8_t *at; /* its tag */
    const uint8_t *data;
    size_t len;
};

/* Takes the next field off `*at`. False at the end, and where it is broken. */
bool viv_wire_next(const uint8_t **at, const uint8_t *end, struct viv_wire_field *ret_field);

/* Whether `len` bytes are valid UTF-8 (RFC 3629: no surrogates, no overlong
 * forms). */
int viv_utf8_valid(const void *data, size_t len);

#endif
