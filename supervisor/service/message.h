/* From the supervisor's structs to the public messages. The messages point
 * into what they are made of and into their own storage: they live as long as
 * both and are never moved. Pure. */
#ifndef VIVARIUM_SERVICE_MESSAGE_H
#define VIVARIUM_SERVICE_MESSAGE_H

#include <stdint.h>

#include "supervisor/vivarium.h"
#include "vivarium/v1/vivarium.pb-c.h"

/* Bits of a mask of layers. */
#define MESSAGE_LAYERS_MAX 64

Google__Protobuf__Duration message_duration(int64_t ns);

struct message_enforcement {
    Vivarium__V1__Enforcement root;
    char *layers[MESSAGE_LAYERS_MAX];
    char *absent[MESSAGE_LAYERS_MAX];
};

void message_enforcement(struct message_enforcement *m, uint64_t layers, uint64_t absent,
                         enum viv_isolation isolation);

struct message_limits {
    Vivarium__V1__Limits root;
    Google__Protobuf__Duration wall_time, cpu_time, cancel_grace, cleanup_grace;
};

void message_limits(struct message_limits *m, const struct viv_limits *limits);

Vivarium__V1__Cancellation message_cancellation(const struct viv_receipt *receipt);

struct message_session {
    Vivarium__V1__SessionState root;
    Google__Protobuf__Duration age;
};

void message_session(struct message_session *m, const struct viv_session_state *state);

struct message_response {
    Vivarium__V1__ExecuteResponse root;
    Vivarium__V1__Usage usage;
    Google__Protobuf__Duration wall_time, user_cpu, system_cpu, queue_time;
    Vivarium__V1__Cancellation cancellation;
    struct message_enforcement enforcement;
    Vivarium__V1__Death death;
    struct message_session session;
};

/* All of the response but what result->body holds. */
void message_response(struct message_response *m, const struct viv_result *result);

struct message_info {
    Vivarium__V1__ExecutionInfo root;
    Google__Protobuf__Timestamp submitted;
    Google__Protobuf__Duration running_time;
};

void message_info(struct message_info *m, const struct viv_execution_info *info);

struct message_session_info {
    Vivarium__V1__SessionInfo root;
    Google__Protobuf__Timestamp opened, last_used;
    Google__Protobuf__Duration idle_timeout;
};

void message_session_info(struct message_session_info *m, const struct viv_session_info *info);

struct message_profile {
    Vivarium__V1__WorkerProfile root;
    struct message_enforcement enforcement;
};

struct message_description {
    Vivarium__V1__DescribeResponse root;
    struct message_enforcement enforcement;
    struct message_limits defaults, ceilings;
    Vivarium__V1__Quotas quotas;
    Vivarium__V1__PoolState pool;
    struct message_profile profiles[VIV_PROFILES_MAX];
    Vivarium__V1__WorkerProfile *profile_list[VIV_PROFILES_MAX];
};

void message_description(struct message_description *m, const struct viv_description *d,
                         uint64_t message_bytes, bool whole_pool);

#endif
