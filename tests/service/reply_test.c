#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/slice.h>
#include <string.h>

#include "supervisor/service/message.h"
#include "supervisor/service/reply.h"
#include "tests/unit/test.h"

static grpc_slice flatten(grpc_byte_buffer *buffer)
{
    grpc_byte_buffer_reader reader;
    grpc_slice all;

    assert_true(grpc_byte_buffer_reader_init(&reader, buffer));
    all = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    grpc_byte_buffer_destroy(buffer);
    return all;
}

/* What a worker may have answered. */
static size_t make_body(uint8_t *body, const char *repr)
{
    Vivarium__V1__ExecuteResponse part = VIVARIUM__V1__EXECUTE_RESPONSE__INIT;
    Vivarium__V1__Value value = VIVARIUM__V1__VALUE__INIT;
    Vivarium__V1__Error error = VIVARIUM__V1__ERROR__INIT;

    value.kind_case = VIVARIUM__V1__VALUE__KIND_INTEGER;
    value.integer = -42;
    error.type = "ValueError";
    part.result = &value;
    part.result_repr = (char *)repr;
    part.error = &error;
    return vivarium__v1__execute_response__pack(&part, body);
}

static const struct viv_receipt receipt = {
    .cause = VIV_CAUSE_DEADLINE,
    .delivery = VIV_DELIVERY_KILLED,
    .reason = "why",
    .requested_ns = 1,
    .flag_set_ns = 2,
    .hook_reached_ns = 3,
    .raised_ns = 4,
    .unwound_ns = 5,
    .killed_ns = 6,
    .cleanup_deferred_ns = 7,
    .raise_count = 8,
    .processes_killed = 9,
};

static struct viv_result make_result(const uint8_t *body, size_t len)
{
    return (struct viv_result){
        .execution_id = "id",
        .outcome = VIV_OUTCOME_WORKER_DIED,
        .body = body,
        .body_len = len,
        .stdout_data = (const uint8_t *)"o\0ut",
        .stdout_len = 4,
        .stderr_data = (const uint8_t *)"\xff",
        .stderr_len = 1,
        .stderr_truncated = true,
        .exit_status = 0,
        .usage = {.wall_ns = 1000000001,
                  .user_cpu_ns = 2,
                  .system_cpu_ns = 3,
                  .queue_ns = 4,
                  .peak_memory_bytes = 5,
                  .steps = 6,
                  .stdout_bytes = 7,
                  .stderr_bytes = 8},
        .receipt = &receipt,
        .death = {.signal = 0, .exit_status = 3, .text = "exit status 3"},
        .layers = 5,
        .absent = 10,
        .isolation = VIV_ISOLATION_EXEC,
    };
}

static void check_cancellation(const Vivarium__V1__Cancellation *c)
{
    assert_int_equal(c->cause, VIVARIUM__V1__CAUSE__CAUSE_DEADLINE);
    assert_int_equal(c->delivery, VIVARIUM__V1__DELIVERY__DELIVERY_KILLED);
    assert_string_equal(c->reason, "why");
    assert_int_equal(c->requested_ns, 1);
    assert_int_equal(c->flag_set_ns, 2);
    assert_int_equal(c->hook_reached_ns, 3);
    assert_int_equal(c->raised_ns, 4);
    assert_int_equal(c->unwound_ns, 5);
    assert_int_equal(c->killed_ns, 6);
    assert_int_equal(c->cleanup_deferred_ns, 7);
    assert_int_equal(c->raise_count, 8);
    assert_int_equal(c->processes_killed, 9);
}

static void check_response(const Vivarium__V1__ExecuteResponse *r)
{
    assert_string_equal(r->execution_id, "id");
    assert_int_equal(r->outcome, VIVARIUM__V1__OUTCOME__OUTCOME_WORKER_DIED);
    assert_int_equal(r->result->integer, -42);
    assert_string_equal(r->error->type, "ValueError");
    assert_int_equal(r->stdout.len, 4);
    assert_memory_equal(r->stdout.data, "o\0ut", 4);
    assert_int_equal(r->stderr.len, 1);
    assert_false(r->stdout_truncated);
    assert_true(r->stderr_truncated);
    assert_int_equal(r->exit_case, VIVARIUM__V1__EXECUTE_RESPONSE__EXIT_EXIT_STATUS);
    assert_int_equal(r->exit_status, 0);
    assert_int_equal(r->usage->wall_time->seconds, 1);
    assert_int_equal(r->usage->wall_time->nanos, 1);
    assert_int_equal(r->usage->user_cpu->nanos, 2);
    assert_int_equal(r->usage->system_cpu->nanos, 3);
    assert_int_equal(r->usage->queue_time->nanos, 4);
    assert_int_equal(r->usage->peak_memory_bytes, 5);
    assert_int_equal(r->usage->steps, 6);
    assert_int_equal(r->usage->stdout_bytes, 7);
    assert_int_equal(r->usage->stderr_bytes, 8);
    assert_int_equal(r->death->status_case, VIVARIUM__V1__DEATH__STATUS_EXIT_STATUS);
    assert_int_equal(r->death->exit_status, 3);
    assert_int_equal(r->enforcement->n_layers, 2);
    assert_string_equal(r->enforcement->layers[1], viv_layer_name(2));
    assert_int_equal(r->enforcement->n_absent, 2);
    assert_string_equal(r->enforcement->absent[1], viv_layer_name(3));
    assert_int_equal(r->enforcement->isolation, VIVARIUM__V1__ISOLATION__ISOLATION_EXEC);
    check_cancellation(r->cancellation);
}

static void test_response(void **state)
{
    uint8_t body[256];
    struct viv_result result = make_result(body, make_body(body, "-42"));
    grpc_slice all = flatten(reply_response(&result));
    Vivarium__V1__ExecuteResponse *r = vivarium__v1__execute_response__unpack(
        NULL, GRPC_SLICE_LENGTH(all), GRPC_SLICE_START_PTR(all));

    assert_non_null(r);
    check_response(r);
    assert_string_equal(r->result_repr, "-42");
    vivarium__v1__execute_response__free_unpacked(r, NULL);
    grpc_slice_unref(all);
}

/* Around each length at which the prefix grows by a byte. */
static void check_finished(size_t repr_len)
{
    char *repr = test_calloc(1, repr_len + 1);
    uint8_t *body = test_malloc(repr_len + 256);
    struct viv_result result;
    Vivarium__V1__ExecuteEvent *event;
    grpc_slice all;

    memset(repr, 'r', repr_len);
    result = make_result(body, make_body(body, repr));
    all = flatten(reply_finished(&result));
    event = vivarium__v1__execute_event__unpack(NULL, GRPC_SLICE_LENGTH(all),
                                                GRPC_SLICE_START_PTR(all));
    assert_non_null(event);
    assert_int_equal(event->event_case, VIVARIUM__V1__EXECUTE_EVENT__EVENT_FINISHED);
    check_response(event->finished);
    assert_int_equal(strlen(event->finished->result_repr), repr_len);
    vivarium__v1__execute_event__free_unpacked(event, NULL);
    grpc_slice_unref(all);
    test_free(repr);
    test_free(body);
}

static void test_finished(void **state)
{
    for (size_t len = 0; len < 300; len++)
        check_finished(len);
    for (size_t len = 16000; len < 16400; len += 7)
        check_finished(len);
    check_finished((2 << 20) - 100);
    check_finished(3 << 20);
}

static void test_prefix(void **state)
{
    uint8_t p[REPLY_PREFIX_MAX];

    assert_int_equal(reply_prefix(p, 3, 0), 2);
    assert_memory_equal(p, "\x1a\x00", 2);
    assert_int_equal(reply_prefix(p, 3, 127), 2);
    assert_int_equal(reply_prefix(p, 3, 128), 3);
    assert_memory_equal(p, "\x1a\x80\x01", 3);
    assert_int_equal(reply_prefix(p, 16, 300), 4);
    assert_memory_equal(p, "\x82\x01\xac\x02", 4);
    assert_int_equal(reply_prefix(p, UINT32_MAX >> 3, UINT64_MAX), 15);
}

static void test_plain(void **state)
{
    struct viv_result plain = {
        .execution_id = "e", .outcome = VIV_OUTCOME_COMPLETED, .exit_status = -1};
    struct message_response m;

    message_response(&m, &plain);
    assert_null(m.root.death);
    assert_null(m.root.cancellation);
    assert_int_equal(m.root.exit_case, VIVARIUM__V1__EXECUTE_RESPONSE__EXIT__NOT_SET);
    assert_int_equal(m.root.enforcement->n_layers, 0);
}

static void test_death_without_status(void **state)
{
    struct viv_result r = {.outcome = VIV_OUTCOME_WORKER_DIED,
                           .exit_status = -1,
                           .death = {.signal = 0, .exit_status = -1, .text = "broke protocol"}};
    struct message_response m;

    message_response(&m, &r);
    assert_int_equal(m.death.status_case, VIVARIUM__V1__DEATH__STATUS__NOT_SET);
    assert_string_equal(m.death.description, "broke protocol");
    r.death.signal = 11;
    message_response(&m, &r);
    assert_int_equal(m.death.status_case, VIVARIUM__V1__DEATH__STATUS_SIGNAL);
    assert_int_equal(m.death.signal, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_response),
        cmocka_unit_test(test_finished),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_death_without_status),
    };
    int failed;

    grpc_init();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    grpc_shutdown();
    return failed;
}
