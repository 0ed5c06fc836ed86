/* The configuration file's shape, as libcyaml reads it. Every scalar is kept as
 * text: what it means is read by config_value.h, as a flag's is. */
#ifndef VIVARIUM_SERVICE_CONFIG_SCHEMA_H
#define VIVARIUM_SERVICE_CONFIG_SCHEMA_H

#include <cyaml/cyaml.h>

struct yaml_list {
    char **text;
    unsigned count;
};

struct yaml_limits {
    char *wall_time, *cpu_time, *cancel_grace, *cleanup_grace;
    char *memory_bytes, *memory_soft_bytes, *pids, *output_bytes, *steps;
};

struct yaml_token {
    char *hash, *expires;
};

struct yaml_credentials {
    struct yaml_list certificates, uids;
    struct yaml_token *tokens;
    unsigned token_count;
};

struct yaml_profile {
    char *name, *network, *workers_warm, *isolation;
    struct yaml_list preload, read_only_paths, environment;
};

struct yaml_tenant {
    char *name;
    char *weight, *running, *queued, *rate, *burst;
    char *memory_bytes, *request_bytes;
    char *sessions, *resident_sessions, *stored_bytes;
    struct yaml_list profiles;
    char *group_memory, *group_pids, *group_cpus, *isolation;
    struct yaml_limits defaults, ceilings;
    struct yaml_credentials credentials;
};

struct yaml_config {
    struct yaml_list listen, preload, allow_absent, store_old_keys;
    char *insecure_tcp, *worker, *workers_warm, *workers_max, *queue_max, *tenants_max;
    char *tenant_memory, *tenant_pids, *tenant_cpus, *worker_cpus;
    char *request_bytes_total, *execution_cost_min, *drain_grace, *max_message, *max_streams;
    char *max_connections, *request_timeout, *output_stall, *log_level;
    char *tls_cert, *tls_key, *tls_client_ca, *token_file, *metrics, *audit, *audit_required;
    char *store, *store_key, *node, *sessions_max, *sessions_resident, *session_idle;
    char *session_lease, *session_bytes, *memory_store_bytes, *answer_bytes_total;
    struct yaml_limits defaults, ceilings;
    struct yaml_profile *profiles;
    unsigned profile_count;
    struct yaml_tenant *tenants;
    unsigned tenant_count;
};

extern const cyaml_schema_value_t config_schema;

#endif
