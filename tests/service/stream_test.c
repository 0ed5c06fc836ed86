/* ExecuteStream: order, back-pressure, readers that don't read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/service/fixture.h"
#include "tests/unit/test.h"

#define STREAM FIXTURE_VIVARIUM "ExecuteStream"
#define STREAMS 1000

static void free_event(Vivarium__V1__ExecuteEvent *event)
{
    vivarium__v1__execute_event__free_unpacked(event, NULL);
}

static struct rpc_call *start(const char *code)
{
    return fixture_start(STREAM, NULL, code, (struct rpc_options){0});
}

/* Reads a stream to its end: what was written, and that the order is right. */
static size_t read_all(struct rpc_call *call)
{
    Vivarium__V1__ExecuteEvent *event = fixture_event(call);
    bool finished = false;
    size_t bytes = 0;

    assert_non_null(event);
    assert_int_equal(event->event_case, VIVARIUM__V1__EXECUTE_EVENT__EVENT_STARTED);
    assert_true(strlen(event->started->execution_id) > 0);
    free_event(event);
    while ((event = fixture_event(call)) != NULL) {
        assert_false(finished);
        finished = event->event_case == VIVARIUM__V1__EXECUTE_EVENT__EVENT_FINISHED;
        if (event->event_case == VIVARIUM__V1__EXECUTE_EVENT__EVENT_OUTPUT) {
            assert_int_equal(event->output->stream, VIVARIUM__V1__STREAM__STREAM_STDOUT);
            bytes += event->output->data.len;
        } else {
            assert_true(finished);
            assert_string_equal(event->finished->result_repr, "ok");
        }
        free_event(event);
    }
    assert_true(finished);
    assert_int_equal(rpc_end(call, NULL), GRPC_STATUS_OK);
    return bytes;
}

static void test_events(void **state)
{
    assert_int_equal(read_all(start("pass")), 0);
    assert_int_equal(read_all(start("print 3 10")), 30);
    assert_int_equal(read_all(start("print 1 1000000")), 1000000);
}

/* Many times what may be queued arrives whole. */
static void test_volume(void **state)
{
    assert_int_equal(read_all(start("print 20000 100")), 2000000);
    assert_int_equal(read_all(start("print 2000 16384")), 2000 * 16384);
}

static void test_rejected(void **state)
{
    char text[RPC_TEXT_MAX];
    struct rpc_call *call = start("reject");

    assert_null(fixture_event(call));
    assert_int_equal(rpc_end(call, text), GRPC_STATUS_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(text, "queue is full"));
}

static void test_cancelled(void **state)
{
    struct rpc_call *call = start("loop");

    free_event(fixture_event(call));
    fixture_expect_running(1);
    rpc_cancel(call);
    assert_int_equal(rpc_end(call, NULL), GRPC_STATUS_CANCELLED);
    fixture_expect_running(0);
}

static void test_deadline(void **state)
{
    struct rpc_call *call =
        fixture_start(STREAM, NULL, "loop", (struct rpc_options){.deadline_ms = 800});
    Vivarium__V1__ExecuteEvent *event;

    free_event(fixture_event(call));
    event = fixture_event(call);
    assert_non_null(event);
    assert_int_equal(event->finished->cancellation->cause, VIVARIUM__V1__CAUSE__CAUSE_DEADLINE);
    free_event(event);
    assert_null(fixture_event(call));
    assert_int_equal(rpc_end(call, NULL), GRPC_STATUS_OK);
}

/* 1 GB that nobody reads: the code is held back, the daemon's memory is not
 * filled, the next caller is served, and the end of the call ends the code. */
static void test_reader_stops(void **state)
{
    struct rpc_call *call = start("print 65536 16384");
    long before;

    free_event(fixture_event(call));
    before = daemon_process_resident_kib(&fixture_daemon);
    fixture_sleep_ms(700);
    print_message("unread stream: %ld KiB before, %ld KiB after\n", before,
                  daemon_process_resident_kib(&fixture_daemon));
    assert_in_range(daemon_process_resident_kib(&fixture_daemon), 0, before + 40000);
    fixture_expect_running(1);
    fixture_expect_service();
    rpc_cancel(call);
    assert_int_equal(rpc_end(call, NULL), GRPC_STATUS_CANCELLED);
    fixture_expect_running(0);
}

static void cancel(const char *id)
{
    Vivarium__V1__CancelRequest request = VIVARIUM__V1__CANCEL_REQUEST__INIT;
    ProtobufCMessage *response;
    char text[RPC_TEXT_MAX];

    request.execution_id = (char *)id;
    assert_int_equal(rpc_unary(fixture_channel, FIXTURE_VIVARIUM "Cancel", &request.base,
                               &vivarium__v1__cancel_response__descriptor, (struct rpc_options){0},
                               &response, text),
                     GRPC_STATUS_OK);
    protobuf_c_message_free_unpacked(response, NULL);
}

/* What is printed while it is being cancelled comes nevertheless. */
static void test_reader_stops_and_cancels(void **state)
{
    struct rpc_call *call = start("print 65536 16384");
    Vivarium__V1__ExecuteEvent *event = fixture_event(call);
    size_t bytes = 0;

    fixture_sleep_ms(300);
    cancel(event->started->execution_id);
    free_event(event);
    for (event = fixture_event(call);
         event->event_case == VIVARIUM__V1__EXECUTE_EVENT__EVENT_OUTPUT;
         event = fixture_event(call)) {
        bytes += event->output->data.len;
        free_event(event);
    }
    assert_true(bytes > (256 << 10));
    assert_int_equal(bytes, event->finished->stdout.len);
    free_event(event);
    assert_int_equal(rpc_end(call, NULL), GRPC_STATUS_OK);
}

/* A pause in the reading loses nothing. */
static void test_reader_pauses(void **state)
{
    struct rpc_call *call = start("print 1000 16384");

    fixture_sleep_ms(500);
    assert_int_equal(read_all(call), 1000 * 16384);
}

static void test_many_streams(void **state)
{
    struct rpc_call **calls = test_calloc(STREAMS, sizeof(struct rpc_call *));
    int64_t began = fixture_now_ms();

    for (int i = 0; i < STREAMS; i++)
        calls[i] = start("loop");
    fixture_expect_running(STREAMS);
    fixture_expect_service();
    print_message("%d streams open after %lld ms, %ld KiB\n", STREAMS,
                  (long long)(fixture_now_ms() - began),
                  daemon_process_resident_kib(&fixture_daemon));
    for (int i = 0; i < STREAMS; i++)
        rpc_cancel(calls[i]);
    for (int i = 0; i < STREAMS; i++)
        assert_int_equal(rpc_end(calls[i], NULL), GRPC_STATUS_CANCELLED);
    fixture_expect_running(0);
    test_free(calls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_volume),
        cmocka_unit_test(test_rejected),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_reader_stops),
        cmocka_unit_test(test_reader_stops_and_cancels),
        cmocka_unit_test(test_reader_pauses),
        cmocka_unit_test(test_many_streams),
    };

    static const char *const flags[] = {"--max-streams", "1024", NULL};

    fixture_flags = flags;
    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
