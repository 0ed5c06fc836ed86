#include "supervisor/service/status.h"

#include <string.h>

#include "internal/call_status.pb-c.h"
#include "tests/unit/test.h"

static void test_nothing_to_tell(void **state)
{
    struct viv_error err;
    grpc_slice details;

    viv_fail(&err, VIV_INVALID_ARGUMENT, "no");
    details = status_details(&err);
    assert_int_equal(GRPC_SLICE_LENGTH(details), 0);
    grpc_slice_unref(details);
}

static void expect_delay(int64_t delay_ns, int64_t seconds, int32_t nanos)
{
    Vivarium__Service__RpcRetryInfo *info;
    Vivarium__Service__RpcStatus *status;
    struct viv_error err;
    grpc_slice details;

    viv_fail(&err, VIV_RESOURCE_EXHAUSTED, "full");
    viv_retry_after(&err, delay_ns);
    details = status_details(&err);
    status = vivarium__service__rpc_status__unpack(NULL, GRPC_SLICE_LENGTH(details),
                                                   GRPC_SLICE_START_PTR(details));
    assert_non_null(status);
    assert_int_equal(status->code, 8);
    assert_string_equal(status->message, "full");
    assert_int_equal(status->n_details, 1);
    assert_string_equal(status->details[0]->type_url, "type.googleapis.com/google.rpc.RetryInfo");
    info = vivarium__service__rpc_retry_info__unpack(NULL, status->details[0]->value.len,
                                                     status->details[0]->value.data);
    assert_non_null(info);
    assert_int_equal(info->retry_delay->seconds, seconds);
    assert_int_equal(info->retry_delay->nanos, nanos);
    vivarium__service__rpc_retry_info__free_unpacked(info, NULL);
    vivarium__service__rpc_status__free_unpacked(status, NULL);
    grpc_slice_unref(details);
}

static void test_delays(void **state)
{
    expect_delay(1, 0, 1);
    expect_delay(50000000, 0, 50000000);
    expect_delay(INT64_C(60000000000), 60, 0);
    expect_delay(INT64_MAX, 9223372036, 854775807);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_to_tell),
        cmocka_unit_test(test_delays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
