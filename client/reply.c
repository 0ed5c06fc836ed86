#include "client/reply.h"

#include "client/arena.h"
#include "client/scope.h"
#include "proto/wire_check.h"

#define SECOND_NS 1000000000LL

/* Nanoseconds on top are an int32, of either sign. */
#define SECONDS_MAX (INT64_MAX / SECOND_NS - 3)

/* What a message may grow to by being unpacked, per byte of its cap: an item of
 * a list has four bytes on the wire and about eighty in memory. */
#define GROWTH 32

int viv_reply_unpack(const struct viv_client *client, const ProtobufCMessageDescriptor *descriptor,
                     const uint8_t *data, size_t len, void *object, ProtobufCMessage **ret_message,
                     struct viv_error *err)
{
    struct viv_wire_caps caps = {.unpacked_max = client->options.receive_bytes_max * GROWTH};
    ProtobufCAllocator allocator = viv_arena_allocator(object);
    struct viv_error wrong;
    ProtobufCMessage *message;

    if (viv_wire_check(descriptor, data, len, &caps, &wrong))
        return viv_fail(err, VIV_INTERNAL, "the answer can't be read: %.400s", wrong.text);
    message = protobuf_c_message_unpack(descriptor, &allocator, len, data);
    if (!message)
        return viv_fail(err, VIV_INTERNAL, "the answer can't be unpacked");
    *ret_message = message;
    return 0;
}

int64_t viv_reply_duration_ns(const Google__Protobuf__Duration *duration)
{
    if (!duration)
        return 0;
    if (duration->seconds > SECONDS_MAX)
        return INT64_MAX;
    if (duration->seconds < -SECONDS_MAX)
        return INT64_MIN;
    return duration->seconds * SECOND_NS + duration->nanos;
}

int64_t viv_reply_time_ns(const Google__Protobuf__Timestamp *time)
{
    Google__Protobuf__Duration since = GOOGLE__PROTOBUF__DURATION__INIT;

    if (!time)
        return 0;
    since.seconds = time->seconds;
    since.nanos = time->nanos;
    return viv_reply_duration_ns(&since);
}

const struct viv_client_receipt *viv_reply_receipt(void *object,
                                                   const Vivarium__V1__Cancellation *message)
{
    struct viv_client_receipt *receipt = viv_arena_alloc(object, 1, sizeof(*receipt));

    if (receipt)
        *receipt = (struct viv_client_receipt){
            .cause = (int)message->cause,
            .delivery = (int)message->delivery,
            .reason = message->reason,
            .requested_ns = message->requested_ns,
            .flag_set_ns = message->flag_set_ns,
            .hook_reached_ns = message->hook_reached_ns,
            .raised_ns = message->raised_ns,
            .unwound_ns = message->unwound_ns,
            .killed_ns = message->killed_ns,
            .cleanup_deferred_ns = message->cleanup_deferred_ns,
            .raise_count = message->raise_count,
            .processes_killed = message->processes_killed,
        };
    return receipt;
}

struct viv_client_enforcement viv_reply_enforcement(const Vivarium__V1__Enforcement *message)
{
    if (!message)
        return (struct viv_client_enforcement){0};
    return (struct viv_client_enforcement){
        .layers = (const char *const *)message->layers,
        .layer_count = message->n_layers,
        .absent = (const char *const *)message->absent,
        .absent_count = message->n_absent,
    };
}

enum viv_client_isolation viv_reply_isolation(const Vivarium__V1__Enforcement *message)
{
    return message ? (enum viv_client_isolation)message->isolation
                   : VIV_CLIENT_ISOLATION_UNSPECIFIED;
}

const struct viv_client_session_state *viv_reply_session(void *object,
                                                         const Vivarium__V1__SessionState *message)
{
    struct viv_client_session_state *state = viv_arena_alloc(object, 1, sizeof(*state));

    if (state)
        *state = (struct viv_client_session_state){
            .session_id = message->session_id,
            .restored = message->restored,
            .restored_from = (int)message->restored_from,
            .snapshot_age_ns = message->snapshot_age ? viv_reply_duration_ns(message->snapshot_age)
                                                     : -1,
            .saved = message->saved,
            .save_error = message->save_error,
        };
    return state;
}

int viv_reply_manifest(void *object, const Vivarium__V1__Manifest *message,
                       struct viv_manifest *ret_manifest, struct viv_error *err)
{
    if (message)
        return viv_scope_manifest(object, message->entries, message->n_entries, false, ret_manifest,
                                  err);
    *ret_manifest = (struct viv_manifest){0};
    return 0;
}

int viv_reply_scope(void *object, Vivarium__V1__ScopeSnapshot *message,
                    const Vivarium__V1__Manifest *manifest, struct viv_scope **ret_scope,
                    struct viv_error *err)
{
    struct viv_error wrong;

    if (!viv_scope_adopt(object, message, ret_scope, &wrong))
        return viv_scope_note_left_out(*ret_scope, manifest, err);
    if (wrong.status == VIV_INVALID_ARGUMENT)
        wrong.status = VIV_INTERNAL;
    return viv_fail(err, wrong.status, "the scope of the answer can't be read: %.400s", wrong.text);
}
