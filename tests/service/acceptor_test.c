#include "supervisor/service/acceptor.h"
#include "tests/unit/test.h"

static void expect_range(long limit, int wanted, int first, int count)
{
    struct acceptor_range range = acceptor_range(limit, wanted);

    assert_int_equal(range.first, first);
    assert_int_equal(range.count, count);
}

/* Connections never take what the workers need, nor more than there is. */
static void test_range(void **state)
{
    expect_range(65536, 4096, 4096, 4096);
    expect_range(65536, 60000, 4096, 32768);
    expect_range(1024, 4096, 512, 512);
    expect_range(1024, 100, 924, 100);
    expect_range(8192, 4096, 4096, 4096);
    expect_range(1048576, 1, 4096, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_range)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
