/* One setting, whatever it comes from: the file, the environment, a flag. */
#ifndef VIVARIUM_SERVICE_OPTIONS_SET_H
#define VIVARIUM_SERVICE_OPTIONS_SET_H

#include <getopt.h>

#include "supervisor/service/options.h"

enum options_flag {
    FLAG_LISTEN = 256,
    FLAG_INSECURE_TCP,
    FLAG_TLS_CERT,
    FLAG_TLS_KEY,
    FLAG_TLS_CLIENT_CA,
    FLAG_TOKEN_FILE,
    FLAG_METRICS,
    FLAG_AUDIT,
    FLAG_AUDIT_REQUIRED,
    FLAG_WORKER,
    FLAG_PRELOAD,
    FLAG_WORKERS_WARM,
    FLAG_WORKERS_MAX,
    FLAG_QUEUE_MAX,
    FLAG_TENANT_MEMORY,
    FLAG_TENANT_PIDS,
    FLAG_TENANT_CPUS,
    FLAG_WORKER_CPUS,
    FLAG_TENANTS_MAX,
    FLAG_DRAIN_GRACE,
    FLAG_REQUEST_TIMEOUT,
    FLAG_OUTPUT_STALL,
    FLAG_ALLOW_ABSENT,
    FLAG_MAX_MESSAGE,
    FLAG_MAX_STREAMS,
    FLAG_MAX_CONNECTIONS,
    FLAG_STORE,
    FLAG_STORE_KEY,
    FLAG_STORE_OLD_KEY,
    FLAG_NODE,
    FLAG_SESSIONS_MAX,
    FLAG_SESSIONS_RESIDENT,
    FLAG_SESSION_IDLE,
    FLAG_SESSION_LEASE,
    FLAG_SESSION_BYTES,
    FLAG_LOG_LEVEL,
    /* Without a flag. */
    FLAG_REQUEST_BYTES_TOTAL,
    FLAG_EXECUTION_COST_MIN,
    FLAG_MEMORY_STORE_BYTES,
    FLAG_ANSWER_BYTES_TOTAL,
    /* Flags alone. */
    FLAG_READY_FD,
    FLAG_UID_TENANT,
    FLAG_CERT_TENANT,
    FLAG_CONFIG,
    FLAG_CHECK_CONFIG,
    FLAG_HASH_TOKEN,
    FLAG_VERSION,
    FLAG_HELP,
};

/* `value` is NULL for a flag that has none, and must live as long as the
 * options. `what` names it in an error. */
int options_set(struct options *options, enum options_flag flag, const char *what,
                const char *value, struct viv_error *err);

#endif
