/* A Value as a text that a test can compare. */
#ifndef VIVARIUM_TESTS_DESCRIBE_H
#define VIVARIUM_TESTS_DESCRIBE_H

#include "vivarium/v1/scope.pb-c.h"

/* "(none)" for NULL. The caller frees it. */
char *describe(const Vivarium__V1__Value *value);

#endif
