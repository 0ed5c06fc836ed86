#include "supervisor/service/config_value.h"

#include <string.h>

#include "tests/unit/test.h"

#define SECOND INT64_C(1000000000)

static void bytes(void **state)
{
    static const struct {
        const char *text;
        uint64_t value;
    } right[] = {
        {"0", 0},
        {"1048576", 1048576},
        {"1KiB", 1024},
        {"1.5MiB", 1572864},
        {"2GiB", UINT64_C(2) << 30},
        {"1TiB", UINT64_C(1) << 40},
    };
    static const char *const wrong[] = {"",    "-1",  "1 MiB", "1MB",  "0.3", "1e99",  "inf",
                                        "nan", "MiB", "1kib",  "2TiB", "-0",  "1MiB ", "0x"};

    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        uint64_t got = 7;

        assert_int_equal(config_bytes("x", right[i].text, UINT64_C(1) << 40, &got, NULL), 0);
        assert_int_equal(got, right[i].value);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct viv_error err;
        uint64_t got = 7;

        assert_int_equal(config_bytes("x", wrong[i], UINT64_C(1) << 40, &got, &err), -1);
        assert_int_equal(err.status, VIV_INVALID_ARGUMENT);
        assert_non_null(strstr(err.text, "x must be"));
        assert_int_equal(got, 7);
    }
}

static void durations(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } right[] = {
        {"0", 0},           {"10", 10 * SECOND},   {"0.5", SECOND / 2},   {"250ms", SECOND / 4},
        {"3s", 3 * SECOND}, {"1.5m", 90 * SECOND}, {"2h", 7200 * SECOND}, {"1d", 86400 * SECOND},
    };
    static const char *const wrong[] = {"", "-1", "1y", "s", "nan", "inf", "2d", "1e30", "1 s"};

    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        int64_t got = 7;

        assert_int_equal(config_duration("x", right[i].text, 86400 * SECOND, &got, NULL), 0);
        assert_int_equal(got, right[i].value);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        int64_t got = 7;

        assert_int_equal(config_duration("x", wrong[i], 86400 * SECOND, &got, NULL), -1);
        assert_int_equal(got, 7);
    }
}

static void integers(void **state)
{
    static const char *const wrong[] = {"", "x", "1x", "0", "11", "99999999999999999999", "1.0"};
    int64_t got = 7;

    assert_int_equal(config_integer("x", "1", 1, 10, &got, NULL), 0);
    assert_int_equal(got, 1);
    assert_int_equal(config_integer("x", "10", 1, 10, &got, NULL), 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(config_integer("x", wrong[i], 1, 10, &got, NULL), -1);
    assert_int_equal(got, 10);
}

static void rates(void **state)
{
    double got = 7;

    assert_int_equal(config_rate("x", "0", 0.5, 9, &got, NULL), 0);
    assert_true(got == 0);
    assert_int_equal(config_rate("x", "0.5", 0.5, 9, &got, NULL), 0);
    assert_true(got == 0.5);
    assert_int_equal(config_rate("x", "0.4", 0.5, 9, &got, NULL), -1);
    assert_int_equal(config_rate("x", "10", 0.5, 9, &got, NULL), -1);
    assert_int_equal(config_rate("x", "1s", 0.5, 9, &got, NULL), -1);
}

static void booleans(void **state)
{
    bool got = false;

    assert_int_equal(config_bool("x", "true", &got, NULL), 0);
    assert_true(got);
    assert_int_equal(config_bool("x", "yes", &got, NULL), -1);
    assert_true(got);
    assert_int_equal(config_bool("x", "false", &got, NULL), 0);
    assert_false(got);
}

static void isolations(void **state)
{
    enum viv_isolation got = VIV_ISOLATION_FORK;

    assert_int_equal(config_isolation("x", "exec", &got, NULL), 0);
    assert_int_equal(got, VIV_ISOLATION_EXEC);
    assert_int_equal(config_isolation("x", "clone", &got, NULL), -1);
    assert_int_equal(got, VIV_ISOLATION_EXEC);
    assert_int_equal(config_isolation("x", "fork", &got, NULL), 0);
    assert_int_equal(got, VIV_ISOLATION_FORK);
}

static void times(void **state)
{
    int64_t got = 7;

    assert_int_equal(config_time("x", "2027-01-31T12:00:00Z", &got, NULL), 0);
    assert_int_equal(got, 1801396800);
    assert_int_equal(config_time("x", "2027-01-31", &got, NULL), -1);
    assert_int_equal(config_time("x", "2027-01-31T12:00:00Zx", &got, NULL), -1);
    assert_int_equal(config_time("x", "tomorrow", &got, NULL), -1);
    assert_int_equal(got, 1801396800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes), cmocka_unit_test(durations), cmocka_unit_test(integers),
        cmocka_unit_test(rates), cmocka_unit_test(booleans),  cmocka_unit_test(isolations),
        cmocka_unit_test(times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
