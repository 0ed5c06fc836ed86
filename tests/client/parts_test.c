/* The library's small deciding parts: target, retry, request, arena. */
#include <stdalign.h>
#include <string.h>

#include "client/arena.h"
#include "client/reply.h"
#include "client/request.h"
#include "client/retry.h"
#include "client/target.h"
#include "tests/unit/test.h"

/* ---- target ---- */

static void expect_target(const char *given, const char *variable, const char *runtime,
                          const char *wanted)
{
    struct viv_target_environment environment = {variable, runtime, NULL};
    char target[VIV_TARGET_MAX] = "untouched";
    struct viv_error err;
    int result = viv_target_resolve(given, &environment, target, &err);

    assert_int_equal(result, wanted ? 0 : -1);
    assert_string_equal(target, wanted ? wanted : "untouched");
    if (!wanted)
        assert_int_equal(err.status, VIV_INVALID_ARGUMENT);
}

static void test_target_comes_from_the_first_that_says_one(void **state)
{
    expect_target("unix:/a", "unix:/b", "/c", "unix:/a");
    expect_target(NULL, "unix:/b", "/c", "unix:/b");
    expect_target(NULL, NULL, "/c", "unix:/c/vivarium/vivarium.sock");
    expect_target(NULL, "", "/c", "unix:/c/vivarium/vivarium.sock");
    expect_target(NULL, NULL, NULL, "unix:/run/vivarium/vivarium.sock");
    expect_target(NULL, "", "", "unix:/run/vivarium/vivarium.sock");
}

static bool only_the_system_socket(const char *path)
{
    return !strcmp(path, "/run/vivarium/vivarium.sock");
}

static bool every_socket(const char *path)
{
    return true;
}

static bool no_socket(const char *path)
{
    return false;
}

static void test_system_socket_stands_in_where_only_that_exists(void **state)
{
    struct viv_target_environment environment = {NULL, "/c", only_the_system_socket};
    char target[VIV_TARGET_MAX];

    assert_int_equal(viv_target_resolve(NULL, &environment, target, NULL), 0);
    assert_string_equal(target, "unix:/run/vivarium/vivarium.sock");
    environment.exists = every_socket;
    assert_int_equal(viv_target_resolve(NULL, &environment, target, NULL), 0);
    assert_string_equal(target, "unix:/c/vivarium/vivarium.sock");
    environment.exists = no_socket;
    assert_int_equal(viv_target_resolve(NULL, &environment, target, NULL), 0);
    assert_string_equal(target, "unix:/c/vivarium/vivarium.sock");
}

static void test_target_forms(void **state)
{
    expect_target("/a/b", NULL, NULL, "unix:/a/b");
    expect_target("localhost:5000", NULL, NULL, "localhost:5000");
    expect_target("[::1]:5000", NULL, NULL, "[::1]:5000");
    expect_target("ipv4:127.0.0.1:80", NULL, NULL, "ipv4:127.0.0.1:80");
    expect_target("unix-abstract:x", NULL, NULL, "unix-abstract:x");
}

static void test_target_that_can_not_be(void **state)
{
    char path[200];

    memset(path, 'x', sizeof(path));
    memcpy(path, "unix:/", 6);
    path[sizeof(path) - 1] = '\0';
    expect_target("", NULL, NULL, NULL);
    expect_target("unix:", NULL, NULL, NULL);
    expect_target("localhost", NULL, NULL, NULL);
    expect_target(":80", NULL, NULL, NULL);
    expect_target("localhost:", NULL, NULL, NULL);
    expect_target("localhost:http", NULL, NULL, NULL);
    expect_target("localhost:0", NULL, NULL, NULL);
    expect_target("localhost:65536", NULL, NULL, NULL);
    expect_target(path, NULL, NULL, NULL);
    expect_target(NULL, "nonsense", "/c", NULL);
}

static void test_target_path(void **state)
{
    assert_string_equal(viv_target_path("unix:/a"), "/a");
    assert_string_equal(viv_target_path("unix:///a"), "/a");
    assert_string_equal(viv_target_path("unix:a"), "a");
    assert_null(viv_target_path("localhost:1"));
}

/* ---- retry ---- */

static void test_retry_table(void **state)
{
    static const bool wanted[VIV_RETRY_KINDS][VIV_RETRY_EVIDENCES] = {
        /*                      never sent, may be sent */
        [VIV_RETRY_READ] = {true, true},
        [VIV_RETRY_CANCEL] = {true, false},
        [VIV_RETRY_NAMED] = {true, false},
        [VIV_RETRY_UNNAMED] = {false, false},
    };

    for (int kind = 0; kind < VIV_RETRY_KINDS; kind++)
        for (int evidence = 0; evidence < VIV_RETRY_EVIDENCES; evidence++)
            for (int status = 0; status <= VIV_UNAUTHENTICATED; status++)
                assert_int_equal(viv_retry_allowed((enum viv_retry_kind)kind,
                                                   (enum viv_status)status,
                                                   (enum viv_retry_evidence)evidence),
                                 status == VIV_UNAVAILABLE && wanted[kind][evidence]);
}

static void test_retry_delay_doubles_up_to_a_second(void **state)
{
    assert_int_equal(viv_retry_delay_ns(2), 20000000);
    assert_int_equal(viv_retry_delay_ns(3), 40000000);
    assert_int_equal(viv_retry_delay_ns(7), 640000000);
    assert_int_equal(viv_retry_delay_ns(8), 1000000000);
    assert_int_equal(viv_retry_delay_ns(4000000000u), 1000000000);
}

/* ---- request ---- */

static void test_request_leaves_unset_what_is_default(void **state)
{
    struct viv_client_request request = {.code = "1"};
    struct viv_request_message m;

    assert_int_equal(viv_request_fill(&m, &request, NULL), 0);
    assert_string_equal(m.base.execution_id, "");
    assert_string_equal(m.base.filename, "");
    assert_string_equal(m.base.code, "1");
    assert_null(m.base.limits->wall_time);
    assert_int_equal(m.base.limits->memory_bytes, 0);
}

static void expect_timeout(int64_t timeout_ns, int64_t wall_ns, int64_t wanted)
{
    struct viv_client_request request = {.timeout_ns = timeout_ns,
                                         .limits = {.wall_time_ns = wall_ns}};

    assert_true(viv_request_timeout_ns(&request, 4200000000000LL) == wanted);
}

static void test_timeout_leaves_room_for_the_wall_time(void **state)
{
    expect_timeout(0, 0, 4200000000000LL);
    expect_timeout(5, 0, 5);
    expect_timeout(5, 7200000000000LL, 5);
    expect_timeout(0, 7200000000000LL, 7800000000000LL);
    expect_timeout(0, INT64_MAX, INT64_MAX);
    expect_timeout(0, INT64_MIN, 4200000000000LL);
    expect_timeout(-1, 0, -1);
}

static void test_durations_have_one_sign(void **state)
{
    struct viv_client_request request = {
        .limits = {.wall_time_ns = -1500000000LL, .cpu_time_ns = 2000000001LL}};
    struct viv_request_message m;

    assert_int_equal(viv_request_fill(&m, &request, NULL), 0);
    assert_int_equal(m.base.limits->wall_time->seconds, -1);
    assert_int_equal(m.base.limits->wall_time->nanos, -500000000);
    assert_int_equal(m.base.limits->cpu_time->seconds, 2);
    assert_int_equal(m.base.limits->cpu_time->nanos, 1);
}

static void test_duration_that_is_too_long_is_bounded(void **state)
{
    Google__Protobuf__Duration d = GOOGLE__PROTOBUF__DURATION__INIT;

    assert_true(viv_reply_duration_ns(NULL) == 0);
    d.seconds = INT64_MAX;
    assert_true(viv_reply_duration_ns(&d) == INT64_MAX);
    d.seconds = INT64_MIN;
    assert_true(viv_reply_duration_ns(&d) == INT64_MIN);
    d.seconds = INT64_MAX / 1000000000;
    d.nanos = INT32_MAX;
    assert_true(viv_reply_duration_ns(&d) == INT64_MAX);
    d.seconds = INT64_MIN / 1000000000;
    d.nanos = INT32_MIN;
    assert_true(viv_reply_duration_ns(&d) == INT64_MIN);
    d.seconds = 3;
    d.nanos = 5;
    assert_true(viv_reply_duration_ns(&d) == 3000000005LL);
}

/* ---- arena ---- */

static void test_arena_gives_zeroed_aligned_pieces_of_their_own(void **state)
{
    uint8_t *pieces[500];
    void *object = viv_arena_new(24);

    for (size_t i = 0; i < 500; i++) {
        size_t size = i % 50 ? i % 200 : 100000;

        pieces[i] = viv_arena_alloc(object, 1, size);
        assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        for (size_t k = 0; k < size; k++)
            assert_int_equal(pieces[i][k], 0);
        memset(pieces[i], 0xff, size);
    }
    viv_arena_free(object);
}

static void test_arena_refuses_sizes_that_overflow(void **state)
{
    void *object = viv_arena_new(1);

    assert_null(viv_arena_alloc(object, SIZE_MAX / 2, 4));
    assert_null(viv_arena_alloc(object, 1, SIZE_MAX));
    viv_arena_free(object);
    viv_arena_free(NULL);
}

/* ---- what was observed ---- */

static void test_request_asks_to_observe(void **state)
{
    struct viv_client_request request = {.code = "1",
                                         .profile_interval_ns = VIV_CLIENT_PROFILE_DEFAULT};
    struct viv_request_message m;

    assert_int_equal(viv_request_fill(&m, &request, NULL), 0);
    assert_non_null(m.base.profile);
    assert_null(m.base.profile->interval);
    assert_null(m.base.trace);
    request.profile_interval_ns = 2000000;
    request.trace_lines = 5;
    request.trace_libraries = true;
    assert_int_equal(viv_request_fill(&m, &request, NULL), 0);
    assert_int_equal(m.base.profile->interval->nanos, 2000000);
    assert_int_equal(m.base.trace->lines, 5);
    assert_true(m.base.trace->libraries);
}

static void test_observed_that_refers_nowhere_is_left_out(void **state)
{
    Vivarium__V1__Place place = VIVARIUM__V1__PLACE__INIT, *places[] = {&place};
    Vivarium__V1__ProfileStack good = VIVARIUM__V1__PROFILE_STACK__INIT, bad = good, empty = good;
    Vivarium__V1__ProfileStack *stacks[] = {&bad, &empty, &good};
    Vivarium__V1__Profile profile = VIVARIUM__V1__PROFILE__INIT;
    Vivarium__V1__Trace trace = VIVARIUM__V1__TRACE__INIT;
    uint32_t in[] = {0}, out[] = {0, 1}, lines[] = {0, 1, 0, UINT32_MAX};
    struct viv_client_response *r = viv_arena_new(sizeof(*r));

    good.n_places = 1;
    good.places = in;
    bad.n_places = 2;
    bad.places = out;
    good.samples = bad.samples = empty.samples = 1;
    profile.n_places = trace.n_places = 1;
    profile.places = trace.places = places;
    profile.n_stacks = 3;
    profile.stacks = stacks;
    trace.n_lines = 4;
    trace.lines = lines;
    r->profile = viv_reply_profile(r, &profile);
    assert_int_equal(r->profile->stack_count, 1);
    assert_int_equal(r->profile->stacks[0].depth, 1);
    r->trace = viv_reply_trace(r, &trace);
    assert_int_equal(r->trace->line_count, 2);
    viv_client_response_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_target_comes_from_the_first_that_says_one),
        cmocka_unit_test(test_system_socket_stands_in_where_only_that_exists),
        cmocka_unit_test(test_target_forms),
        cmocka_unit_test(test_target_that_can_not_be),
        cmocka_unit_test(test_target_path),
        cmocka_unit_test(test_retry_table),
        cmocka_unit_test(test_retry_delay_doubles_up_to_a_second),
        cmocka_unit_test(test_request_leaves_unset_what_is_default),
        cmocka_unit_test(test_request_asks_to_observe),
        cmocka_unit_test(test_observed_that_refers_nowhere_is_left_out),
        cmocka_unit_test(test_timeout_leaves_room_for_the_wall_time),
        cmocka_unit_test(test_durations_have_one_sign),
        cmocka_unit_test(test_duration_that_is_too_long_is_bounded),
        cmocka_unit_test(test_arena_gives_zeroed_aligned_pieces_of_their_own),
        cmocka_unit_test(test_arena_refuses_sizes_that_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
