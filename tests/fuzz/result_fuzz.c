/* The message of a RESULT frame, from a hostile worker. */
#include "proto/internal/worker.pb-c.h"
#include "tests/fuzz/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_message(&vivarium__internal__run_result__descriptor, 0, data, size);
    return 0;
}
