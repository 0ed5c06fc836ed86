/* What the code writes and reads, byte for byte. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/e2e/e2e.h"

#define MIB ((size_t)1024 * 1024)

static void expect_output(const char *code, const void *out, size_t out_len, const void *err,
                          size_t err_len)
{
    struct viv_client_response *r = e2e_run(code);

    assert_int_equal(r->outcome, VIV_CLIENT_COMPLETED);
    assert_int_equal(r->stdout_len, out_len);
    assert_memory_equal(r->stdout_data, out, out_len);
    assert_int_equal(r->stderr_len, err_len);
    assert_memory_equal(r->stderr_data, err, err_len);
    assert_false(r->stdout_truncated);
    assert_false(r->stderr_truncated);
    viv_client_response_free(r);
}

static void test_stdout_and_stderr_are_apart(void **state)
{
    expect_output("import sys\nprint('o1')\nprint('e1', file=sys.stderr)\nprint('o2')", "o1\no2\n",
                  6, "e1\n", 3);
}

static void test_no_final_newline_is_added(void **state)
{
    expect_output("print('x', end='')", "x", 1, "", 0);
}

static void test_bytes_that_are_no_text(void **state)
{
    expect_output("import os; _ = os.write(1, b'\\xff\\x00\\xfe'); _ = os.write(2, b'\\x80')",
                  "\xff\0\xfe", 3, "\x80", 1);
}

static void test_surrogates_do_not_stop_a_print(void **state)
{
    struct viv_client_response *r = e2e_run("print('\\ud800')");

    /* python3 raises UnicodeEncodeError here, unless its stdout escapes */
    assert_true(r->outcome == VIV_CLIENT_COMPLETED || r->outcome == VIV_CLIENT_RAISED);
    viv_client_response_free(r);
    e2e_expect_alive();
}

static void test_what_c_code_writes(void **state)
{
    expect_output("import ctypes\n_ = ctypes.CDLL(None).dprintf(1, b'from C\\n')", "from C\n", 7,
                  "", 0);
}

static void test_print_and_raw_writes_keep_their_order(void **state)
{
    e2e_expect_stdout("import os\nprint('a', flush=True)\n_ = os.write(1, b'b\\n')\nprint('c')",
                      "a\nb\nc\n");
}

static void expect_size(size_t size, const struct viv_client_limits *limits)
{
    char code[200];
    struct viv_client_request request = {.code = code, .limits = *limits};
    struct viv_client_response *r;

    snprintf(code, sizeof(code),
             "import sys\nfor i in range(%zu):\n    _ = sys.stdout.write('%%01023d\\n' %% i)",
             size / 1024);
    r = e2e_run_request(&request);
    assert_int_equal(r->outcome, VIV_CLIENT_COMPLETED);
    assert_int_equal(r->stdout_len, size);
    for (size_t i = 0; i < size / 1024; i++) {
        char tail[14] = "";

        memcpy(tail, r->stdout_data + i * 1024 + 1010, 13);
        assert_int_equal(atoi(tail), (int)i);
    }
    viv_client_response_free(r);
}

static void test_one_mib(void **state)
{
    expect_size(MIB, &(struct viv_client_limits){0});
}

static void test_sixteen_mib(void **state)
{
    expect_size(16 * MIB, &(struct viv_client_limits){.output_bytes = 32 * MIB});
}

static void test_output_past_the_limit_is_dropped_and_said_so(void **state)
{
    struct viv_client_request request = {.code = "print('x' * 5000)\n7",
                                         .limits = {.output_bytes = 1000}};
    struct viv_client_response *r = e2e_run_request(&request);

    assert_int_equal(r->outcome, VIV_CLIENT_COMPLETED);
    assert_int_equal(r->stdout_len, 1000);
    assert_true(r->stdout_truncated);
    assert_int_equal(viv_value_int64(r->result), 7);
    viv_client_response_free(r);
}

static void test_output_limit_cancels_where_asked(void **state)
{
    struct viv_client_request request = {.code = "while True: print('x' * 100)",
                                         .limits = {.output_bytes = 1000},
                                         .cancel_on_output_limit = true};
    struct viv_client_response *r = e2e_run_request(&request);

    assert_int_equal(r->outcome, VIV_CLIENT_OUTPUT_EXCEEDED);
    assert_int_equal(r->stdout_len, 1000);
    assert_int_equal(r->receipt->cause, VIV_CLIENT_CAUSE_OUTPUT);
    viv_client_response_free(r);
}

static void test_output_of_a_worker_that_dies_is_kept(void **state)
{
    struct viv_client_response *r = e2e_run("import os\nprint('last words', flush=True)\n"
                                            "os.kill(os.getpid(), 9)");

    assert_int_equal(r->outcome, VIV_CLIENT_WORKER_DIED);
    assert_int_equal(r->stdout_len, 11);
    assert_memory_equal(r->stdout_data, "last words\n", 11);
    viv_client_response_free(r);
}

/* ---- stdin ---- */

static void expect_read(const char *code, const void *input, size_t len, const char *wanted)
{
    struct viv_client_request request = {.code = code, .stdin_data = input, .stdin_len = len};
    struct viv_client_response *r = e2e_run_request(&request);

    assert_int_equal(r->outcome, VIV_CLIENT_COMPLETED);
    assert_string_equal(r->result_repr, wanted);
    viv_client_response_free(r);
}

static void test_stdin_is_read_to_its_end(void **state)
{
    expect_read("import sys; [input(), sys.stdin.read()]", "a\nb\nc", 5, "['a', 'b\\nc']");
}

static void test_stdin_takes_any_bytes(void **state)
{
    expect_read("import sys; sys.stdin.buffer.read()", "\0\xff\n", 3, "b'\\x00\\xff\\n'");
}

static void test_no_stdin_is_an_empty_one(void **state)
{
    expect_read("import sys; sys.stdin.read()", NULL, 0, "''");
}

static void test_five_mib_of_stdin(void **state)
{
    char *input = malloc(5 * MIB);

    memset(input, 'x', 5 * MIB);
    expect_read("import sys; len(sys.stdin.read())", input, 5 * MIB, "5242880");
    free(input);
}

/* ---- as it is written ---- */

struct heard {
    char text[4096];
    unsigned events;
    bool started_first;
};

static bool on_started(void *arg, const char *execution_id)
{
    struct heard *h = arg;

    h->started_first = h->events++ == 0 && *execution_id;
    return true;
}

static bool on_output(void *arg, enum viv_client_stream stream, const void *data, size_t len)
{
    struct heard *h = arg;

    h->events++;
    strncat(h->text, data, len);
    return true;
}

static const struct viv_client_events EVENTS = {on_started, on_output};

static void test_stream_begins_with_started_and_ends_with_the_response(void **state)
{
    struct viv_client_request request = {.code = "for i in range(5): print(i)\n'end'"};
    struct viv_client_response *r = NULL;
    struct heard heard = {0};

    assert_int_equal(viv_client_execute_stream(e2e.client, &request, &EVENTS, &heard, &r, NULL), 0);
    assert_true(heard.started_first);
    assert_string_equal(heard.text, "0\n1\n2\n3\n4\n");
    assert_string_equal(r->result_repr, "'end'");
    assert_int_equal(r->stdout_len, 10);
    viv_client_response_free(r);
}

static void test_output_comes_while_the_code_runs(void **state)
{
    struct e2e_running running;
    struct viv_client_cancel_reply *reply;

    e2e_begin(&running, e2e.client, "live",
              "import time\nprint('now', flush=True)\n"
              "time.sleep(60)");
    e2e_wait_output(&running, "now\n");
    assert_false(running.done);
    reply = e2e_cancel("live", false, true);
    viv_client_cancel_reply_free(reply);
    e2e_end(&running);
}

static void test_character_cut_by_two_writes_arrives_whole(void **state)
{
    struct viv_client_request request = {
        .code = "import os, time\n_ = os.write(1, b'\\xc3'); time.sleep(0.05)\n"
                "_ = os.write(1, b'\\xa9')"};
    struct viv_client_response *r = NULL;
    struct heard heard = {0};

    assert_int_equal(viv_client_execute_stream(e2e.client, &request, &EVENTS, &heard, &r, NULL), 0);
    assert_string_equal(heard.text, "\xc3\xa9");
    viv_client_response_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stdout_and_stderr_are_apart),
        cmocka_unit_test(test_no_final_newline_is_added),
        cmocka_unit_test(test_bytes_that_are_no_text),
        cmocka_unit_test(test_surrogates_do_not_stop_a_print),
        cmocka_unit_test(test_what_c_code_writes),
        cmocka_unit_test(test_print_and_raw_writes_keep_their_order),
        cmocka_unit_test(test_one_mib),
        cmocka_unit_test(test_sixteen_mib),
        cmocka_unit_test(test_output_past_the_limit_is_dropped_and_said_so),
        cmocka_unit_test(test_output_limit_cancels_where_asked),
        cmocka_unit_test(test_output_of_a_worker_that_dies_is_kept),
        cmocka_unit_test(test_stdin_is_read_to_its_end),
        cmocka_unit_test(test_stdin_takes_any_bytes),
        cmocka_unit_test(test_no_stdin_is_an_empty_one),
        cmocka_unit_test(test_five_mib_of_stdin),
        cmocka_unit_test(test_stream_begins_with_started_and_ends_with_the_response),
        cmocka_unit_test(test_output_comes_while_the_code_runs),
        cmocka_unit_test(test_character_cut_by_two_writes_arrives_whole),
    };

    return cmocka_run_group_tests(tests, e2e_set_up, e2e_tear_down);
}
