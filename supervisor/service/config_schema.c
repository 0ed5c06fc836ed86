#include "supervisor/service/config_schema.h"

#define TEXT_MAX 4096
#define LIST_MAX 1024
#define TENANTS_MAX 65536

#define SCALAR(structure, key)                                                                \
    CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, key, 0, \
                           TEXT_MAX)
#define REQUIRED(structure, key) \
    CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER, structure, key, 0, TEXT_MAX)
#define LIST(structure, key, texts, counted)                                                     \
    CYAML_FIELD_SEQUENCE_COUNT(#key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, texts, \
                               counted, &text, 0, LIST_MAX)
#define MAPPING(structure, key, fields) \
    CYAML_FIELD_MAPPING(#key, CYAML_FLAG_OPTIONAL, structure, key, fields)

static const cyaml_schema_value_t text = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, TEXT_MAX),
};

static const cyaml_schema_field_t limits[] = {
    SCALAR(struct yaml_limits, wall_time),    SCALAR(struct yaml_limits, cpu_time),
    SCALAR(struct yaml_limits, cancel_grace), SCALAR(struct yaml_limits, cleanup_grace),
    SCALAR(struct yaml_limits, memory_bytes), SCALAR(struct yaml_limits, memory_soft_bytes),
    SCALAR(struct yaml_limits, pids),         SCALAR(struct yaml_limits, output_bytes),
    SCALAR(struct yaml_limits, steps),        CYAML_FIELD_END,
};

static const cyaml_schema_field_t token_fields[] = {
    REQUIRED(struct yaml_token, hash),
    SCALAR(struct yaml_token, expires),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t token = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_token, token_fields),
};

static const cyaml_schema_field_t credentials[] = {
    LIST(struct yaml_credentials, certificates, certificates.text, certificates.count),
    LIST(struct yaml_credentials, uids, uids.text, uids.count),
    CYAML_FIELD_SEQUENCE_COUNT("tokens", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                               struct yaml_credentials, tokens, token_count, &token, 0, LIST_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t profile_fields[] = {
    REQUIRED(struct yaml_profile, name),
    LIST(struct yaml_profile, preload, preload.text, preload.count),
    LIST(struct yaml_profile, read_only_paths, read_only_paths.text, read_only_paths.count),
    LIST(struct yaml_profile, environment, environment.text, environment.count),
    SCALAR(struct yaml_profile, network),
    SCALAR(struct yaml_profile, workers_warm),
    SCALAR(struct yaml_profile, isolation),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t profile = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_profile, profile_fields),
};

static const cyaml_schema_field_t tenant_fields[] = {
    REQUIRED(struct yaml_tenant, name),
    SCALAR(struct yaml_tenant, weight),
    SCALAR(struct yaml_tenant, running),
    SCALAR(struct yaml_tenant, queued),
    SCALAR(struct yaml_tenant, rate),
    SCALAR(struct yaml_tenant, burst),
    SCALAR(struct yaml_tenant, memory_bytes),
    SCALAR(struct yaml_tenant, request_bytes),
    SCALAR(struct yaml_tenant, sessions),
    SCALAR(struct yaml_tenant, resident_sessions),
    SCALAR(struct yaml_tenant, stored_bytes),
    /* An empty list would be taken for none. */
    CYAML_FIELD_SEQUENCE_COUNT("profiles", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                               struct yaml_tenant, profiles.text, profiles.count, &text, 1,
                               LIST_MAX),
    SCALAR(struct yaml_tenant, group_memory),
    SCALAR(struct yaml_tenant, group_pids),
    SCALAR(struct yaml_tenant, group_cpus),
    SCALAR(struct yaml_tenant, isolation),
    MAPPING(struct yaml_tenant, defaults, limits),
    MAPPING(struct yaml_tenant, ceilings, limits),
    MAPPING(struct yaml_tenant, credentials, credentials),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t tenant = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_tenant, tenant_fields),
};

static const cyaml_schema_field_t top[] = {
    LIST(struct yaml_config, listen, listen.text, listen.count),
    SCALAR(struct yaml_config, insecure_tcp),
    SCALAR(struct yaml_config, tls_cert),
    SCALAR(struct yaml_config, tls_key),
    SCALAR(struct yaml_config, tls_client_ca),
    SCALAR(struct yaml_config, token_file),
    SCALAR(struct yaml_config, metrics),
    SCALAR(struct yaml_config, audit),
    SCALAR(struct yaml_config, audit_required),
    SCALAR(struct yaml_config, worker),
    LIST(struct yaml_config, preload, preload.text, preload.count),
    SCALAR(struct yaml_config, workers_warm),
    SCALAR(struct yaml_config, workers_max),
    SCALAR(struct yaml_config, queue_max),
    SCALAR(struct yaml_config, tenants_max),
    SCALAR(struct yaml_config, tenant_memory),
    SCALAR(struct yaml_config, tenant_pids),
    SCALAR(struct yaml_config, tenant_cpus),
    SCALAR(struct yaml_config, worker_cpus),
    SCALAR(struct yaml_config, request_bytes_total),
    SCALAR(struct yaml_config, execution_cost_min),
    LIST(struct yaml_config, allow_absent, allow_absent.text, allow_absent.count),
    SCALAR(struct yaml_config, drain_grace),
    SCALAR(struct yaml_config, request_timeout),
    SCALAR(struct yaml_config, output_stall),
    SCALAR(struct yaml_config, max_message),
    SCALAR(struct yaml_config, max_streams),
    SCALAR(struct yaml_config, max_connections),
    SCALAR(struct yaml_config, log_level),
    SCALAR(struct yaml_config, store),
    SCALAR(struct yaml_config, store_key),
    LIST(struct yaml_config, store_old_keys, store_old_keys.text, store_old_keys.count),
    SCALAR(struct yaml_config, node),
    SCALAR(struct yaml_config, sessions_max),
    SCALAR(struct yaml_config, sessions_resident),
    SCALAR(struct yaml_config, session_idle),
    SCALAR(struct yaml_config, session_lease),
    SCALAR(struct yaml_config, session_bytes),
    SCALAR(struct yaml_config, memory_store_bytes),
    SCALAR(struct yaml_config, answer_bytes_total),
    MAPPING(struct yaml_config, defaults, limits),
    MAPPING(struct yaml_config, ceilings, limits),
    CYAML_FIELD_SEQUENCE_COUNT("profiles", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                               struct yaml_config, profiles, profile_count, &profile, 0, LIST_MAX),
    CYAML_FIELD_SEQUENCE_COUNT("tenants", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                               struct yaml_config, tenants, tenant_count, &tenant, 0, TENANTS_MAX),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t config_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct yaml_config, top),
};
