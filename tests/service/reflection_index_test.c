#include <string.h>

#include "supervisor/service/reflection_index.h"
#include "tests/unit/test.h"

static struct reflection_index *idx;

static int set_up(void **state)
{
    return reflection_index_create_embedded(&idx, NULL);
}

static int tear_down(void **state)
{
    reflection_index_destroy(idx);
    return 0;
}

static void test_services(void **state)
{
    static const char *const names[] = {
        "vivarium.v1.Vivarium",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    };
    size_t found = 0;

    for (size_t n = 0; reflection_index_service(idx, n); n++)
        for (size_t i = 0; i < 4; i++)
            found += strcmp(names[i], reflection_index_service(idx, n)) == 0;
    assert_int_equal(found, 4);
    assert_null(reflection_index_service(idx, 4));
}

static void test_symbols(void **state)
{
    static const struct {
        const char *symbol, *file;
    } cases[] = {
        {"vivarium.v1.Vivarium", "vivarium/v1/vivarium.proto"},
        {"vivarium.v1.Vivarium.Execute", "vivarium/v1/vivarium.proto"},
        {"vivarium.v1.ExecuteRequest", "vivarium/v1/vivarium.proto"},
        {"vivarium.v1.ExecuteRequest.code", "vivarium/v1/vivarium.proto"},
        {"vivarium.v1.ExecuteEvent.event", "vivarium/v1/vivarium.proto"},
        {"vivarium.v1.Outcome", "vivarium/v1/vivarium.proto"},
        {"vivarium.v1.OUTCOME_RAISED", "vivarium/v1/vivarium.proto"},
        {"vivarium.v1.Value", "vivarium/v1/scope.proto"},
        {"google.protobuf.Duration", "google/protobuf/duration.proto"},
        {"google.protobuf.Timestamp.nanos", "google/protobuf/timestamp.proto"},
        {"grpc.health.v1.Health.Watch", "grpc/health/v1/health.proto"},
        {"grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc/health/v1/health.proto"},
        {"grpc.health.v1.HealthCheckResponse.SERVING", "grpc/health/v1/health.proto"},
        {"grpc.reflection.v1.ServerReflection", "grpc/reflection/v1/reflection.proto"},
        {"grpc.reflection.v1alpha.ServerReflection", "grpc/reflection/v1alpha/reflection.proto"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int file = reflection_index_by_symbol(idx, cases[i].symbol);

        if (file < 0)
            fail_msg("%s is not found", cases[i].symbol);
        assert_int_equal(file, reflection_index_by_name(idx, cases[i].file));
    }
}

static void test_absent(void **state)
{
    static const char *const absent[] = {
        "",
        ".",
        "vivarium",
        "vivarium.v1",
        "vivarium.v1.",
        "vivarium.v1.Nothing",
        "vivarium.v1.Vivarium.",
        "vivarium.v1.Vivarium.Execute.x",
        "vivarium.v1.Vivarium.Nothing",
        "vivarium.v1.ExecuteRequest.code.x",
        "vivarium.v1.ExecuteRequestx",
        "vivarium.v10.ExecuteRequest",
        "vivarium.v1xExecuteRequest",
        "ExecuteRequest",
        "grpc.health.v1.SERVING",
    };

    for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
        if (reflection_index_by_symbol(idx, absent[i]) >= 0)
            fail_msg("'%s' is found", absent[i]);
    assert_int_equal(reflection_index_by_name(idx, "vivarium.proto"), -1);
    assert_int_equal(reflection_index_by_name(idx, ""), -1);
}

static void test_closure(void **state)
{
    ProtobufCBinaryData files[32];
    int file = reflection_index_by_name(idx, "vivarium/v1/vivarium.proto");

    assert_in_range(reflection_index_files(idx), 7, 32);
    assert_int_equal(reflection_index_closure(idx, file, files), 4);
    /* FileDescriptorProto.name comes first, and the file asked for too. */
    assert_memory_equal(files[0].data, "\x0a\x1avivarium/v1/vivarium.proto", 28);
    file = reflection_index_by_name(idx, "google/protobuf/duration.proto");
    assert_int_equal(reflection_index_closure(idx, file, files), 1);
}

static void test_malformed(void **state)
{
    struct reflection_index *bad = NULL;
    struct viv_error err = {0};

    assert_int_equal(reflection_index_create("\x0a\x05xx", 4, &bad, &err), -1);
    assert_int_equal(reflection_index_create("\x0a\x01\xff", 3, &bad, &err), -1);
    assert_int_equal(reflection_index_create("\x0a\x00", 2, &bad, &err), -1);
    assert_null(bad);
    assert_int_equal(err.status, VIV_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_services),  cmocka_unit_test(test_symbols),
        cmocka_unit_test(test_absent),    cmocka_unit_test(test_closure),
        cmocka_unit_test(test_malformed),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
