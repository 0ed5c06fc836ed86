/* What every fuzzer of serialized messages does. */
#ifndef VIVARIUM_TESTS_FUZZ_MESSAGE_H
#define VIVARIUM_TESTS_FUZZ_MESSAGE_H

#include "proto/wire_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Checks, and unpacks what passed: that must succeed, within the memory that
 * the check allowed, and be serializable again. Aborts where it isn't so. */
void fuzz_message(const ProtobufCMessageDescriptor *descriptor, uint64_t top_fields,
                  const uint8_t *data, size_t size);

#endif
