/* cmocka, with the headers that it wants before it. */
#ifndef VIVARIUM_TESTS_UNIT_TEST_H
#define VIVARIUM_TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
