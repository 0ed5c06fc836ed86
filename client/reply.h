/* From bytes that came to what the public header shows. */
#ifndef VIVARIUM_CLIENT_REPLY_H
#define VIVARIUM_CLIENT_REPLY_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "client/client.h"
#include "vivarium/v1/vivarium.pb-c.h"

/* Checks a message, then unpacks it into `object`'s arena (client/arena.h): do
 * not free it. VIV_INTERNAL where it is malformed or would need too much
 * memory. */
int viv_reply_unpack(const struct viv_client *client, const ProtobufCMessageDescriptor *descriptor,
                     const uint8_t *data, size_t len, void *object, ProtobufCMessage **ret_message,
                     struct viv_error *err);

/* A response that shows `message`, which lives in the response's arena. */
int viv_reply_fill_response(struct viv_client_response *response,
                            Vivarium__V1__ExecuteResponse *message, struct viv_error *err);

/* A copy in `object`'s arena. NULL where memory is out. */
const struct viv_client_receipt *viv_reply_receipt(void *object,
                                                   const Vivarium__V1__Cancellation *message);

/* The same for a session's state. */
const struct viv_client_session_state *viv_reply_session(void *object,
                                                         const Vivarium__V1__SessionState *message);

/* The same for what was observed. What refers to a place that isn't there is left
 * out: nobody but the code vouches for it. */
const struct viv_client_profile *viv_reply_profile(void *object,
                                                   const Vivarium__V1__Profile *message);
const struct viv_client_trace *viv_reply_trace(void *object, const Vivarium__V1__Trace *message);

/* In `object`'s arena; NULL: an empty one. */
int viv_reply_manifest(void *object, const Vivarium__V1__Manifest *message,
                       struct viv_manifest *ret_manifest, struct viv_error *err);

/* The scope that `message` is, in `object`'s arena, which says what the manifest
 * (or NULL) left out. VIV_INTERNAL where it can't be read. */
int viv_reply_scope(void *object, Vivarium__V1__ScopeSnapshot *message,
                    const Vivarium__V1__Manifest *manifest, struct viv_scope **ret_scope,
                    struct viv_error *err);

/* Points into `message`; NULL: an empty one. */
struct viv_client_enforcement viv_reply_enforcement(const Vivarium__V1__Enforcement *message);
enum viv_client_isolation viv_reply_isolation(const Vivarium__V1__Enforcement *message);

/* NULL: 0. Bounded where it can't be held in 64 bits. */
int64_t viv_reply_duration_ns(const Google__Protobuf__Duration *duration);

/* Since 1970; likewise. */
int64_t viv_reply_time_ns(const Google__Protobuf__Timestamp *time);

#endif
