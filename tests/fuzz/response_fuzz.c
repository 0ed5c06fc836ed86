/* The worker's part of an ExecuteResponse, from a hostile worker. */
#include "proto/vivarium/v1/vivarium.pb-c.h"
#include "tests/fuzz/message.h"

/* result, result_repr, error, scope, manifest, restore_manifest, profile, trace */
#define WORKERS_FIELDS \
    (1u << 3 | 1u << 4 | 1u << 9 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 19 | 1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_message(&vivarium__v1__execute_response__descriptor, WORKERS_FIELDS, data, size);
    return 0;
}
