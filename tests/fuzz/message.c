#include "tests/fuzz/message.h"

#include <stdlib.h>

#define UNPACKED_MAX (1u << 20)

struct account {
    uint64_t bytes;
};

static void *count_alloc(void *arg, size_t size)
{
    struct account *account = arg;

    account->bytes += size;
    return malloc(size);
}

static void count_free(void *arg, void *pointer)
{
    free(pointer);
}

static void pack_again(const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *packed = malloc(size + 1);

    if (protobuf_c_message_pack(message, packed) != size)
        abort();
    free(packed);
}

void fuzz_message(const ProtobufCMessageDescriptor *descriptor, uint64_t top_fields,
                  const uint8_t *data, size_t size)
{
    struct viv_wire_caps caps = {.unpacked_max = UNPACKED_MAX, .top_fields = top_fields};
    struct account account = {0};
    ProtobufCAllocator allocator = {count_alloc, count_free, &account};
    ProtobufCMessage *message;

    if (viv_wire_check(descriptor, data, size, &caps, NULL) < 0)
        return;
    message = protobuf_c_message_unpack(descriptor, &allocator, size, data);
    if (!message || account.bytes > UNPACKED_MAX)
        abort();
    pack_again(message);
    protobuf_c_message_free_unpacked(message, &allocator);
}
