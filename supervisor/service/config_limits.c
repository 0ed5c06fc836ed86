#include "supervisor/service/config_limits.h"

#include <stdio.h>

#include "supervisor/service/config_value.h"

#define TIME_MAX_NS (INT64_C(365) * 86400 * 1000000000)
#define BYTES_MAX (UINT64_C(1) << 50)
#define PIDS_MAX 4194304

enum kind { TIME, BYTES, PIDS, STEPS };

static const struct row {
    const char *key;
    enum kind kind;
    size_t from, to;
} rows[] = {
#define ROW(key, kind, to)                                                             \
    {                                                                                  \
#key, kind, offsetof(struct yaml_limits, key), offsetof(struct viv_limits, to) \
    }
    ROW(wall_time, TIME, wall_time_ns),
    ROW(cpu_time, TIME, cpu_time_ns),
    ROW(cancel_grace, TIME, cancel_grace_ns),
    ROW(cleanup_grace, TIME, cleanup_grace_ns),
    ROW(memory_bytes, BYTES, memory_bytes),
    ROW(memory_soft_bytes, BYTES, memory_soft_bytes),
    ROW(output_bytes, BYTES, output_bytes),
    ROW(pids, PIDS, pids),
    ROW(steps, STEPS, steps),
#undef ROW
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const char *given_text(const struct yaml_limits *given, const struct row *row)
{
    return *(char *const *)((const char *)given + row->from);
}

static int read_one(const struct row *row, const char *what, const char *text, void *to,
                    struct viv_error *err)
{
    switch (row->kind) {
    case TIME:
        return config_duration(what, text, TIME_MAX_NS, to, err);
    case BYTES:
        return config_bytes(what, text, BYTES_MAX, to, err);
    case PIDS:
        return config_unsigned(what, text, 1, PIDS_MAX, to, err);
    default:
        return config_integer(what, text, 0, INT64_MAX, to, err);
    }
}

int config_limits_read(const struct config_yaml *yaml, const char *path,
                       const struct yaml_limits *given, struct viv_limits *limits,
                       struct viv_error *err)
{
    for (const struct row *row = rows; row < rows + ROWS; row++) {
        const char *text = given_text(given, row);
        char at[128];

        snprintf(at, sizeof(at), "%s.%s", path, row->key);
        if (text && read_one(row, at, text, (char *)limits + row->to, err) < 0)
            return config_yaml_at(yaml, at, err);
    }
    return 0;
}

static void clip(const struct row *row, const void *ceiling, void *value)
{
    if (row->kind == TIME) {
        if (*(int64_t *)value > *(const int64_t *)ceiling)
            *(int64_t *)value = *(const int64_t *)ceiling;
    } else if (row->kind == PIDS) {
        if (*(uint32_t *)value > *(const uint32_t *)ceiling)
            *(uint32_t *)value = *(const uint32_t *)ceiling;
    } else if (*(uint64_t *)value > *(const uint64_t *)ceiling) {
        *(uint64_t *)value = *(const uint64_t *)ceiling;
    }
}

void config_limits_clip(const struct yaml_limits *given, const struct viv_limits *ceilings,
                        struct viv_limits *defaults)
{
    for (const struct row *row = rows; row < rows + ROWS; row++) {
        /* Steps that have no ceiling may be any number. */
        if (given_text(given, row) || (row->kind == STEPS && ceilings->steps == 0))
            continue;
        clip(row, (const char *)ceilings + row->to, (char *)defaults + row->to);
    }
}
