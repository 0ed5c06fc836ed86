#include "supervisor/limits.h"

#include <string.h>

#include "tests/unit/test.h"

#define SECOND INT64_C(1000000000)

static struct viv_config config;
static struct viv_error error;

static int begin(void **state)
{
    viv_config_init(&config);
    memset(&error, 0, sizeof(error));
    return 0;
}

static int resolve(const struct viv_limits *asked, struct viv_limits *ret)
{
    return limits_resolve(asked, &config.defaults, &config.ceilings, ret, &error);
}

static void nothing_asked_is_the_contract_s_default(void **state)
{
    struct viv_limits asked = {0}, got;

    assert_int_equal(resolve(&asked, &got), 0);
    assert_int_equal(got.wall_time_ns, 30 * SECOND);
    assert_int_equal(got.cpu_time_ns, 30 * SECOND);
    assert_int_equal(got.cancel_grace_ns, SECOND);
    assert_int_equal(got.cleanup_grace_ns, 5 * SECOND);
    assert_int_equal(got.memory_bytes, 512u << 20);
    assert_int_equal(got.memory_soft_bytes, (512u << 20) / 8 * 7);
    assert_int_equal(got.pids, 64);
    assert_int_equal(got.output_bytes, 8u << 20);
    assert_int_equal(got.steps, 0);
}

static void cpu_time_follows_wall_time(void **state)
{
    struct viv_limits asked = {.wall_time_ns = 100 * SECOND}, got;

    assert_int_equal(resolve(&asked, &got), 0);
    assert_int_equal(got.cpu_time_ns, 100 * SECOND);
}

static void soft_memory_follows_memory(void **state)
{
    struct viv_limits asked = {.memory_bytes = 80 << 20}, got;

    assert_int_equal(resolve(&asked, &got), 0);
    assert_int_equal(got.memory_soft_bytes, 70 << 20);
}

static void refuses(const struct viv_limits *asked, const char *field)
{
    struct viv_limits got = {.pids = 7};

    assert_int_equal(resolve(asked, &got), -1);
    assert_int_equal(error.status, VIV_INVALID_ARGUMENT);
    assert_non_null(strstr(error.text, field));
    assert_int_equal(got.pids, 7); /* untouched */
}

static void every_field_has_its_ceiling(void **state)
{
    const struct viv_limits *c = &config.ceilings;

    refuses(&(struct viv_limits){.wall_time_ns = c->wall_time_ns + 1}, "wall_time");
    refuses(&(struct viv_limits){.cpu_time_ns = c->cpu_time_ns + 1}, "cpu_time");
    refuses(&(struct viv_limits){.cancel_grace_ns = c->cancel_grace_ns + 1}, "cancel_grace");
    refuses(&(struct viv_limits){.cleanup_grace_ns = c->cleanup_grace_ns + 1}, "cleanup_grace");
    refuses(&(struct viv_limits){.memory_bytes = c->memory_bytes + 1}, "memory_bytes");
    refuses(&(struct viv_limits){.pids = c->pids + 1}, "pids");
    refuses(&(struct viv_limits){.output_bytes = c->output_bytes + 1}, "output_bytes");
}

static void the_ceiling_itself_is_fine(void **state)
{
    struct viv_limits asked = config.ceilings, got;

    assert_int_equal(resolve(&asked, &got), 0);
    assert_int_equal(got.wall_time_ns, 3600 * SECOND);
}

static void negative_times_are_refused(void **state)
{
    refuses(&(struct viv_limits){.wall_time_ns = -1}, "wall_time");
    refuses(&(struct viv_limits){.cpu_time_ns = -1}, "cpu_time");
    refuses(&(struct viv_limits){.cancel_grace_ns = INT64_MIN}, "cancel_grace");
    refuses(&(struct viv_limits){.cleanup_grace_ns = -5}, "cleanup_grace");
}

static void soft_memory_above_memory_is_refused(void **state)
{
    refuses(&(struct viv_limits){.memory_bytes = 1 << 20, .memory_soft_bytes = 2 << 20},
            "memory_soft_bytes");
}

static void a_configuration_must_not_contradict_itself(void **state)
{
    assert_int_equal(viv_config_check(&config, &error), 0);
    config.workers_warm = config.workers_max + 1;
    assert_int_equal(viv_config_check(&config, &error), -1);
    viv_config_init(&config);
    config.defaults.wall_time_ns = config.ceilings.wall_time_ns + 1;
    assert_int_equal(viv_config_check(&config, &error), -1);
    assert_non_null(strstr(error.text, "wall_time"));
    viv_config_init(&config);
    config.workers_max = 0;
    assert_int_equal(viv_config_check(&config, &error), -1);
}

static void ids_are_of_a_safe_alphabet(void **state)
{
    char longest[VIV_ID_MAX + 2];

    memset(longest, 'a', sizeof(longest));
    longest[VIV_ID_MAX] = '\0';
    assert_int_equal(limits_check_id("id", longest, &error), 0);
    longest[VIV_ID_MAX] = 'a';
    longest[VIV_ID_MAX + 1] = '\0';
    assert_int_equal(limits_check_id("id", longest, &error), -1);
    assert_int_equal(limits_check_id("id", "Az09._:-", &error), 0);
    assert_int_equal(limits_check_id("id", "", &error), -1);
    assert_int_equal(limits_check_id("id", "a/b", &error), -1);
    assert_int_equal(limits_check_id("id", "a b", &error), -1);
    assert_int_equal(limits_check_id("id", "\xc3\xa9", &error), -1);
}

static void requests_are_held_against_size_and_encoding(void **state)
{
    struct viv_request r = {.code = "1", .code_len = 1};

    assert_int_equal(limits_check_request(&r, 10, &error), 0);
    r.stdin_len = 10;
    assert_int_equal(limits_check_request(&r, 10, &error), -1);
    r.stdin_len = SIZE_MAX;
    assert_int_equal(limits_check_request(&r, 10, &error), -1);
    r = (struct viv_request){.code = "\xff", .code_len = 1};
    assert_int_equal(limits_check_request(&r, 10, &error), -1);
    assert_non_null(strstr(error.text, "UTF-8"));
    r = (struct viv_request){.code = "", .filename = "\xff"};
    assert_int_equal(limits_check_request(&r, 10, &error), -1);
}

static void what_is_observed_is_held_against_its_bounds(void **state)
{
    struct viv_request r = {.code = "1", .code_len = 1};

    r.observe.profile_interval_ns = VIV_PROFILE_INTERVAL_MIN_NS;
    r.observe.trace_lines = VIV_TRACE_LINES_MAX;
    assert_int_equal(limits_check_request(&r, 10, &error), 0);
    r.observe.trace_lines++;
    assert_int_equal(limits_check_request(&r, 10, &error), -1);
    assert_non_null(strstr(error.text, "trace.lines"));
    r.observe.trace_lines = 0;
    r.observe.profile_interval_ns = VIV_PROFILE_INTERVAL_MIN_NS - 1;
    assert_int_equal(limits_check_request(&r, 10, &error), -1);
    r.observe.profile_interval_ns = VIV_PROFILE_INTERVAL_MAX_NS + 1;
    assert_int_equal(limits_check_request(&r, 10, &error), -1);
    assert_non_null(strstr(error.text, "profile.interval"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_asked_is_the_contract_s_default, begin),
        cmocka_unit_test_setup(cpu_time_follows_wall_time, begin),
        cmocka_unit_test_setup(soft_memory_follows_memory, begin),
        cmocka_unit_test_setup(every_field_has_its_ceiling, begin),
        cmocka_unit_test_setup(the_ceiling_itself_is_fine, begin),
        cmocka_unit_test_setup(negative_times_are_refused, begin),
        cmocka_unit_test_setup(soft_memory_above_memory_is_refused, begin),
        cmocka_unit_test_setup(a_configuration_must_not_contradict_itself, begin),
        cmocka_unit_test_setup(ids_are_of_a_safe_alphabet, begin),
        cmocka_unit_test_setup(requests_are_held_against_size_and_encoding, begin),
        cmocka_unit_test_setup(what_is_observed_is_held_against_its_bounds, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
