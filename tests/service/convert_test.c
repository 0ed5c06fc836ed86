#include <stdlib.h>
#include <string.h>

#include "supervisor/service/convert.h"
#include "tests/unit/test.h"

static Google__Protobuf__Duration duration(int64_t seconds, int32_t nanos)
{
    Google__Protobuf__Duration d = GOOGLE__PROTOBUF__DURATION__INIT;

    d.seconds = seconds;
    d.nanos = nanos;
    return d;
}

static void expect_duration(int64_t seconds, int32_t nanos, int64_t ns)
{
    Google__Protobuf__Duration d = duration(seconds, nanos);
    struct viv_error err;
    int64_t got = -1;

    assert_int_equal(convert_duration(&d, "f", &got, &err), 0);
    assert_int_equal(got, ns);
}

static void expect_refused(int64_t seconds, int32_t nanos, const char *words)
{
    Google__Protobuf__Duration d = duration(seconds, nanos);
    struct viv_error err = {0};
    int64_t got = 77;

    assert_int_equal(convert_duration(&d, "limits.wall_time", &got, &err), -1);
    assert_int_equal(got, 77);
    assert_int_equal(err.status, VIV_INVALID_ARGUMENT);
    assert_ptr_equal(strstr(err.text, "limits.wall_time: "), err.text);
    assert_non_null(strstr(err.text, words));
}

static void test_duration(void **state)
{
    struct viv_error err;
    int64_t got;

    expect_duration(0, 0, 0);
    expect_duration(0, 1, 1);
    expect_duration(30, 0, INT64_C(30000000000));
    expect_duration(1, 999999999, 1999999999);
    /* The last nanosecond that fits, and the first that doesn't. */
    expect_duration(INT64_C(9223372036), 854775807, INT64_MAX);
    expect_refused(INT64_C(9223372036), 854775808, "too long");
    expect_refused(INT64_MAX, 0, "too long");
    expect_refused(-1, 0, "negative");
    expect_refused(0, -1, "negative");
    expect_refused(INT64_MIN, 0, "negative");
    expect_refused(1, -1, "signs");
    expect_refused(-1, 1, "signs");
    expect_refused(0, 1000000000, "nanos");
    expect_refused(0, INT32_MIN, "nanos");
    assert_int_equal(convert_duration(NULL, "f", &got, &err), 0);
    assert_int_equal(got, 0);
}

static void test_limits(void **state)
{
    Google__Protobuf__Duration wall = duration(1, 5), cpu = duration(2, 0), grace = duration(3, 0),
                               cleanup = duration(4, 0), wrong = duration(-1, 0);
    Vivarium__V1__Limits m = VIVARIUM__V1__LIMITS__INIT;
    struct viv_limits l;
    struct viv_error err;

    m.wall_time = &wall;
    m.cpu_time = &cpu;
    m.cancel_grace = &grace;
    m.cleanup_grace = &cleanup;
    m.memory_bytes = 6;
    m.memory_soft_bytes = 7;
    m.pids = 8;
    m.output_bytes = 9;
    m.steps = 10;
    assert_int_equal(convert_limits(&m, &l, &err), 0);
    assert_int_equal(l.wall_time_ns, 1000000005);
    assert_int_equal(l.cpu_time_ns, 2000000000);
    assert_int_equal(l.cancel_grace_ns, 3000000000);
    assert_int_equal(l.cleanup_grace_ns, 4000000000);
    assert_int_equal(l.memory_bytes, 6);
    assert_int_equal(l.memory_soft_bytes, 7);
    assert_int_equal(l.pids, 8);
    assert_int_equal(l.output_bytes, 9);
    assert_int_equal(l.steps, 10);
    m.cleanup_grace = &wrong;
    assert_int_equal(convert_limits(&m, &l, &err), -1);
    assert_non_null(strstr(err.text, "limits.cleanup_grace"));
    assert_int_equal(convert_limits(NULL, &l, &err), 0);
    assert_int_equal(l.wall_time_ns, 0);
}

static void test_tenant(void **state)
{
    char tenant[VIV_ID_MAX + 1] = "untouched", longest[VIV_ID_MAX + 1];
    struct viv_error err;

    memset(longest, 'a', sizeof(longest));
    assert_int_equal(convert_tenant("", 0, tenant, &err), -1);
    assert_int_equal(convert_tenant("a b", 3, tenant, &err), -1);
    assert_int_equal(convert_tenant("a\0b", 3, tenant, &err), -1);
    assert_int_equal(convert_tenant("\xc3\xa4", 2, tenant, &err), -1);
    assert_int_equal(convert_tenant(longest, VIV_ID_MAX + 1, tenant, &err), -1);
    assert_string_equal(tenant, "untouched");
    assert_non_null(strstr(err.text, "vivarium-tenant"));
    assert_int_equal(convert_tenant(longest, VIV_ID_MAX, tenant, &err), 0);
    assert_int_equal(strlen(tenant), VIV_ID_MAX);
    assert_int_equal(convert_tenant("aZ09._:-xx", 8, tenant, &err), 0);
    assert_string_equal(tenant, "aZ09._:-");
}

static void test_execute(void **state)
{
    Vivarium__V1__ExecuteRequest m = VIVARIUM__V1__EXECUTE_REQUEST__INIT;
    struct viv_request r;
    struct viv_error err;

    m.execution_id = "id";
    m.code = "x\xc3\xa4";
    m.filename = "f.py";
    m.stdin.data = (uint8_t *)"in";
    m.stdin.len = 2;
    m.cancel_on_output_limit = true;
    assert_int_equal(convert_execute(&m, &r, &err), 0);
    assert_string_equal(r.execution_id, "id");
    assert_int_equal(r.code_len, 3);
    assert_ptr_equal(r.code, m.code);
    assert_string_equal(r.filename, "f.py");
    assert_int_equal(r.stdin_len, 2);
    assert_true(r.cancel_on_output_limit);
    m.session_id = "s";
    assert_int_equal(convert_execute(&m, &r, &err), 0);
    assert_string_equal(r.session_id, "s");
    assert_int_equal(r.kind, VIV_REQUEST_EXECUTE);
    m.return_scope = true;
    assert_int_equal(convert_execute(&m, &r, &err), 0);
    assert_true(r.return_scope);
}

static void test_observe(void **state)
{
    Vivarium__V1__ExecuteRequest m = VIVARIUM__V1__EXECUTE_REQUEST__INIT;
    Vivarium__V1__ProfileRequest profile = VIVARIUM__V1__PROFILE_REQUEST__INIT;
    Vivarium__V1__TraceRequest trace = VIVARIUM__V1__TRACE_REQUEST__INIT;
    Google__Protobuf__Duration interval = GOOGLE__PROTOBUF__DURATION__INIT;
    struct viv_request r;
    struct viv_error err;

    assert_int_equal(convert_execute(&m, &r, &err), 0);
    assert_int_equal(r.observe.profile_interval_ns, 0);
    assert_int_equal(r.observe.trace_lines, 0);
    m.profile = &profile;
    m.trace = &trace;
    assert_int_equal(convert_execute(&m, &r, &err), 0);
    assert_int_equal(r.observe.profile_interval_ns, 5000000);
    assert_int_equal(r.observe.trace_lines, 10000);
    assert_false(r.observe.trace_libraries);
    profile.interval = &interval;
    interval.nanos = 7;
    trace.lines = 3;
    trace.libraries = true;
    assert_int_equal(convert_execute(&m, &r, &err), 0);
    assert_int_equal(r.observe.profile_interval_ns, 7);
    assert_int_equal(r.observe.trace_lines, 3);
    assert_true(r.observe.trace_libraries);
    interval.nanos = -7;
    assert_int_equal(convert_execute(&m, &r, &err), -1);
    assert_non_null(strstr(err.text, "profile.interval"));
}

static void test_cancel(void **state)
{
    Vivarium__V1__CancelRequest m = VIVARIUM__V1__CANCEL_REQUEST__INIT;
    char reason[258];
    struct viv_cancel c;
    struct viv_error err;

    assert_int_equal(convert_cancel(&m, &c, &err), -1);
    assert_non_null(strstr(err.text, "execution_id"));
    m.execution_id = "id";
    m.force = m.wait = true;
    assert_int_equal(convert_cancel(&m, &c, &err), 0);
    assert_null(c.reason);
    assert_true(c.force && c.wait);
    memset(reason, 'r', sizeof(reason));
    reason[257] = '\0';
    m.reason = reason;
    assert_int_equal(convert_cancel(&m, &c, &err), -1);
    assert_non_null(strstr(err.text, "reason"));
    reason[256] = '\0';
    assert_int_equal(convert_cancel(&m, &c, &err), 0);
    assert_ptr_equal(c.reason, reason);
}

static void test_deadline(void **state)
{
    const int64_t ms = 1000000, now = 5000 * ms;

    assert_int_equal(convert_deadline(now + 10000 * ms, now), now + 9800 * ms);
    assert_int_equal(convert_deadline(now + 400 * ms, now), now + 300 * ms);
    assert_int_equal(convert_deadline(now + 40 * ms, now), now + 30 * ms);
    assert_int_equal(convert_deadline(now, now), now);
    assert_int_equal(convert_deadline(now - 7, now), now - 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_duration), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_tenant),   cmocka_unit_test(test_execute),
        cmocka_unit_test(test_observe),  cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_deadline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
