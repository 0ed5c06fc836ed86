#include "proto/wire_check.h"

#include <stdbool.h>
#include <string.h>

/* What malloc adds to each block, for the estimate. */
#define BLOCK_OVERHEAD 16

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_LENGTH = 2, WIRE_FIXED32 = 5 };

struct span {
    const uint8_t *at;
    const uint8_t *end;
};

struct checker {
    const struct viv_wire_caps *caps;
    uint64_t unpacked;
    struct viv_error *err;
};

/* One field of a message, its payload not looked at yet. */
struct item {
    uint32_t number;
    enum wire_type wire;
    struct span payload; /* WIRE_LENGTH: the bytes; else the value itself */
};

static int wrong(struct checker *c, const ProtobufCMessageDescriptor *d,
                 const ProtobufCFieldDescriptor *f, const char *what)
{
    return viv_fail(c->err, VIV_INVALID_ARGUMENT, "%s%s%s: %s", d->short_name, f ? "." : "",
                    f ? f->name : "", what);
}

static int charge(struct checker *c, const ProtobufCMessageDescriptor *d, uint64_t bytes)
{
    c->unpacked += bytes;
    if (c->unpacked <= c->caps->unpacked_max)
        return 0;
    return wrong(c, d, NULL, "too large once unpacked: send fewer elements");
}

static bool read_varint(struct span *s, unsigned max_bytes, uint64_t *ret_value)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < max_bytes && s->at < s->end; i++) {
        uint8_t byte = *s->at++;

        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

static bool take(struct span *s, uint64_t len, struct span *ret_payload)
{
    if (len > (uint64_t)(s->end - s->at))
        return false;
    *ret_payload = (struct span){s->at, s->at + len};
    s->at += len;
    return true;
}

static bool read_payload(struct span *s, enum wire_type wire, struct span *ret_payload)
{
    const uint8_t *start = s->at;
    uint64_t value;

    switch (wire) {
    case WIRE_VARINT:
        if (!read_varint(s, 10, &value))
            return false;
        *ret_payload = (struct span){start, s->at};
        return true;
    case WIRE_FIXED64:
        return take(s, 8, ret_payload);
    case WIRE_FIXED32:
        return take(s, 4, ret_payload);
    case WIRE_LENGTH: /* as many bytes of a length as protobuf-c reads */
        return read_varint(s, 5, &value) && take(s, value, ret_payload);
    }
    return false; /* groups, and what was never a wire type */
}

static bool read_item(struct span *s, struct item *ret_item)
{
    uint64_t tag;

    if (!read_varint(s, 5, &tag) || tag > UINT32_MAX || (tag >> 3) == 0)
        return false;
    ret_item->number = (uint32_t)(tag >> 3);
    ret_item->wire = (enum wire_type)(tag & 7);
    return read_payload(s, ret_item->wire, &ret_item->payload);
}

bool viv_wire_next(const uint8_t **at, const uint8_t *end, struct viv_wire_field *ret_field)
{
    struct span rest = {*at, end};
    struct item item;

    if (*at == end || !read_item(&rest, &item))
        return false;
    *ret_field = (struct viv_wire_field){
        .number = item.number,
        .delimited = item.wire == WIRE_LENGTH,
        .at = *at,
        .data = item.payload.at,
        .len = (size_t)(item.payload.end - item.payload.at),
    };
    *at = rest.at;
    return true;
}

static enum wire_type wire_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return WIRE_FIXED32;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return WIRE_FIXED64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return WIRE_LENGTH;
    default:
        return WIRE_VARINT;
    }
}

static int check_message(struct checker *c, const ProtobufCMessageDescriptor *d, struct span s,
                         unsigned depth);

static int check_length_delimited(struct checker *c, const ProtobufCMessageDescriptor *d,
                                  const ProtobufCFieldDescriptor *f, struct span payload,
                                  unsigned depth)
{
    size_t len = (size_t)(payload.end - payload.at);

    if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
        if (depth >= VIV_WIRE_DEPTH_MAX)
            return wrong(c, d, f, "nested too deep: use references into the table of objects");
        return check_message(c, f->descriptor, payload, depth + 1);
    }
    if (f->type == PROTOBUF_C_TYPE_STRING) {
        if (!viv_utf8_valid(payload.at, len))
            return wrong(c, d, f, "not valid UTF-8");
        if (memchr(payload.at, 0, len))
            return wrong(c, d, f, "holds U+0000, which this field can't carry");
    }
    return charge(c, d, len + 1 + BLOCK_OVERHEAD);
}

/* A packed run: as many elements as it may hold at the least. */
static int check_packed(struct checker *c, const ProtobufCMessageDescriptor *d,
                        const ProtobufCFieldDescriptor *f, struct span payload)
{
    uint64_t value, count = 0;
    struct span element;

    if (wire_of(f->type) != WIRE_VARINT) {
        while (payload.at < payload.end) {
            if (!read_payload(&payload, wire_of(f->type), &element))
                return wrong(c, d, f, "cut short");
            count++;
        }
        return charge(c, d, count * sizeof(uint64_t));
    }
    while (payload.at < payload.end) {
        if (!read_varint(&payload, 10, &value))
            return wrong(c, d, f, "cut short");
        count++;
    }
    return charge(c, d, count * sizeof(uint64_t));
}

static int check_field(struct checker *c, const ProtobufCMessageDescriptor *d,
                       const ProtobufCFieldDescriptor *f, const struct item *item, unsigned depth)
{
    bool repeated = f->label == PROTOBUF_C_LABEL_REPEATED;

    if (repeated && charge(c, d, 2 * sizeof(void *)) < 0)
        return -1;
    if (item->wire == WIRE_LENGTH && wire_of(f->type) != WIRE_LENGTH && repeated)
        return check_packed(c, d, f, item->payload);
    if (item->wire != wire_of(f->type))
        return wrong(c, d, f, "of another type");
    if (item->wire == WIRE_LENGTH)
        return check_length_delimited(c, d, f, item->payload, depth);
    return 0;
}

/* Legal, but no writer does it, and protobuf-c merges such messages in time
 * that grows with the square of their number. */
static bool seen_before(const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f,
                        uint64_t *seen)
{
    size_t index = (size_t)(f - d->fields);
    bool before;

    if (f->type != PROTOBUF_C_TYPE_MESSAGE || f->label == PROTOBUF_C_LABEL_REPEATED)
        return false;
    if (index > 63)
        return false;
    before = *seen >> index & 1;
    *seen |= UINT64_C(1) << index;
    return before;
}

static int check_item(struct checker *c, const ProtobufCMessageDescriptor *d,
                      const struct item *item, unsigned depth, uint64_t *seen)
{
    const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field(d, item->number);
    uint64_t permitted = c->caps->top_fields;

    if (!f && permitted != 0)
        return wrong(c, d, NULL, "unknown field");
    if (!f)
        return charge(c, d,
                      sizeof(ProtobufCMessageUnknownField) + BLOCK_OVERHEAD + 10 +
                          (uint64_t)(item->payload.end - item->payload.at));
    if (depth == 1 && permitted != 0 && (item->number > 63 || !(permitted >> item->number & 1)))
        return wrong(c, d, f, "not permitted here");
    if (seen_before(d, f, seen))
        return wrong(c, d, f, "given twice");
    return check_field(c, d, f, item, depth);
}

static int check_message(struct checker *c, const ProtobufCMessageDescriptor *d, struct span s,
                         unsigned depth)
{
    struct item item;
    uint64_t seen = 0;

    if (charge(c, d, d->sizeof_message + BLOCK_OVERHEAD) < 0)
        return -1;
    while (s.at < s.end) {
        if (!read_item(&s, &item))
            return wrong(c, d, NULL, "malformed protobuf");
        if (check_item(c, d, &item, depth, &seen) < 0)
            return -1;
    }
    return 0;
}

int viv_wire_check(const ProtobufCMessageDescriptor *descriptor, const void *data, size_t len,
                   const struct viv_wire_caps *caps, struct viv_error *err)
{
    struct checker c = {.caps = caps, .err = err};

    if (len == 0)
        return 0;
    return check_message(&c, descriptor, (struct span){data, (const uint8_t *)data + len}, 1);
}

/* Bytes that continue the sequence that `lead` begins; -1: none may begin so.
 * *low and *high bound the second byte (RFC 3629, section 4). */
static int continuation(uint8_t lead, uint8_t *low, uint8_t *high)
{
    *low = 0x80;
    *high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 1;
    if (lead >= 0xe0 && lead <= 0xef) {
        if (lead == 0xe0)
            *low = 0xa0;
        if (lead == 0xed)
            *high = 0x9f;
        return 2;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        if (lead == 0xf0)
            *low = 0x90;
        if (lead == 0xf4)
            *high = 0x8f;
        return 3;
    }
    return -1;
}

/* Eight bytes at a time: nearly all text is ASCII. */
static const uint8_t *skip_ascii(const uint8_t *at, const uint8_t *end)
{
    uint64_t eight;

    for (; end - at >= 8; at += 8) {
        memcpy(&eight, at, sizeof(eight));
        if (eight & UINT64_C(0x8080808080808080))
            break;
    }
    while (at < end && *at < 0x80)
        at++;
    return at;
}

int viv_utf8_valid(const void *data, size_t len)
{
    const uint8_t *at = data, *end = at + len;

    while (at < end) {
        uint8_t low, high;
        int more;

        if (*at < 0x80) {
            at = skip_ascii(at, end);
            continue;
        }
        more = continuation(*at, &low, &high);
        if (more < 0 || end - at <= more || at[1] < low || at[1] > high)
            return 0;
        for (int i = 2; i <= more; i++)
            if ((at[i] & 0xc0) != 0x80)
                return 0;
        at += 1 + more;
    }
    return 1;
}
