#include "supervisor/service/acceptor.h"
#include "tests/unit/test.h"

static void expect_range(long limit, int wanted, int first, int count)
{
    struct acceptor_range range = acceptor_range(limit, wanted, 32);

    assert_int_equal(range.first, first);
    assert_int_equal(range.count, count);
}

/* Connections never take what the workers need, nor more than there is. */
static void test_range(void **state)
{
    expect_range(65536, 4096, 4096, 4096);
    expect_range(65536, 60000, 4096, 32768);
    expect_range(1024, 4096, 768, 256);
    expect_range(1024, 100, 924, 100);
    expect_range(8192, 4096, 4096, 4096);
    expect_range(1048576, 1, 4096, 1);
}

/* Workers don't run into the connections' descriptors, and those into nobody's. */
static void test_many_workers(void **state)
{
    struct acceptor_range range = acceptor_range(1048576, 2048, 1100);

    assert_true(range.first >= 20 * 1100);
    assert_int_equal(range.count, 2048);
    range = acceptor_range(20000, 2048, 946);
    assert_int_equal(range.first + range.count, 20000);
    assert_true(range.count > 0 && range.first >= 20 * 946);
    assert_int_equal(acceptor_range(20000, 2048, 1100).count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_range),
        cmocka_unit_test(test_many_workers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
