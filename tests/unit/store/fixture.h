/* A folder for each test, and the store in it. */
#ifndef VIVARIUM_TESTS_UNIT_STORE_FIXTURE_H
#define VIVARIUM_TESTS_UNIT_STORE_FIXTURE_H

#include "tests/unit/store/conformance.h"

/* Makes the folder and names the key file in it. */
void fixture_folder(struct fixture *fixture);
void fixture_remove_folder(const struct fixture *fixture);

#endif
