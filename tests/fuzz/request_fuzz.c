/* An ExecuteRequest from a stranger. */
#include "proto/vivarium/v1/vivarium.pb-c.h"
#include "tests/fuzz/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_message(&vivarium__v1__execute_request__descriptor, 0, data, size);
    return 0;
}
