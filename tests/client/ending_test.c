/* What viv says and exits with at the end. */
#include <signal.h>
#include <string.h>

#include "client/viv/exit_status.h"
#include "client/viv/report.h"
#include "tests/unit/test.h"

#define MS 1000000LL

/* A response of that outcome and nothing else. */
static struct viv_client_response ended(int outcome)
{
    return (struct viv_client_response){.outcome = outcome, .exit_status = -1, .death_status = -1};
}

static void expect_exit(struct viv_client_response r, int signal, int wanted)
{
    assert_int_equal(viv_exit_status_of(&r, signal), wanted);
}

static void test_exit_status_of_each_outcome(void **state)
{
    expect_exit(ended(VIV_CLIENT_COMPLETED), 0, 0);
    expect_exit(ended(VIV_CLIENT_RAISED), 0, 1);
    expect_exit(ended(VIV_CLIENT_OUTCOME_CANCELLED), 0, 130);
    expect_exit(ended(VIV_CLIENT_WALL_TIME_EXCEEDED), 0, 124);
    expect_exit(ended(VIV_CLIENT_CPU_TIME_EXCEEDED), 0, 124);
    expect_exit(ended(VIV_CLIENT_STEPS_EXCEEDED), 0, 124);
    expect_exit(ended(VIV_CLIENT_MEMORY_EXCEEDED), 0, 137);
    expect_exit(ended(VIV_CLIENT_OUTPUT_EXCEEDED), 0, 153);
    expect_exit(ended(VIV_CLIENT_WORKER_DIED), 0, 137);
    expect_exit(ended(0), 0, 70);
    expect_exit(ended(99), 0, 70);
}

static void test_exit_status_of_sys_exit(void **state)
{
    struct viv_client_response r = ended(VIV_CLIENT_COMPLETED);

    r.exit_status = 3;
    expect_exit(r, 0, 3);
    r.exit_status = 0;
    expect_exit(r, 0, 0);
}

static void test_exit_status_of_a_dead_worker(void **state)
{
    struct viv_client_response r = ended(VIV_CLIENT_WORKER_DIED);

    r.death_signal = SIGSEGV;
    expect_exit(r, 0, 139);
    r.death_signal = 0;
    r.death_status = 7;
    expect_exit(r, 0, 7);
}

static void test_exit_status_names_the_signal_that_cancelled(void **state)
{
    expect_exit(ended(VIV_CLIENT_OUTCOME_CANCELLED), SIGTERM, 143);
    expect_exit(ended(VIV_CLIENT_COMPLETED), SIGINT, 0);
}

static void test_exit_status_of_each_error(void **state)
{
    assert_int_equal(viv_exit_status_of_error(VIV_OK), 0);
    assert_int_equal(viv_exit_status_of_error(VIV_INVALID_ARGUMENT), 2);
    assert_int_equal(viv_exit_status_of_error(VIV_UNAVAILABLE), 69);
    assert_int_equal(viv_exit_status_of_error(VIV_DEADLINE_EXCEEDED), 124);
    assert_int_equal(viv_exit_status_of_error(VIV_CANCELLED), 130);
    assert_int_equal(viv_exit_status_of_error(VIV_RESOURCE_EXHAUSTED), 75);
    assert_int_equal(viv_exit_status_of_error(VIV_PERMISSION_DENIED), 77);
    assert_int_equal(viv_exit_status_of_error(VIV_UNAUTHENTICATED), 77);
    assert_int_equal(viv_exit_status_of_error(VIV_ALREADY_EXISTS), 1);
    assert_int_equal(viv_exit_status_of_error(VIV_INTERNAL), 70);
    assert_int_equal(viv_exit_status_of_error(VIV_UNKNOWN), 70);
}

static void expect_line(struct viv_client_response r, const char *wanted)
{
    char line[VIV_REPORT_MAX];

    viv_report_end(&r, false, line);
    assert_string_equal(line, wanted);
}

static void test_normal_ends_say_nothing(void **state)
{
    expect_line(ended(VIV_CLIENT_COMPLETED), "");
    expect_line(ended(VIV_CLIENT_RAISED), "");
}

static void test_cancel_says_how_the_code_took_it(void **state)
{
    struct viv_client_response r = ended(VIV_CLIENT_OUTCOME_CANCELLED);
    struct viv_client_receipt receipt = {.delivery = VIV_CLIENT_DELIVERY_COOPERATIVE,
                                         .reason = "",
                                         .requested_ns = 1000 * MS,
                                         .unwound_ns = 1000 * MS + 300000};

    r.receipt = &receipt;
    expect_line(r, "cancelled (cooperative, 0.3 ms to unwind)");
    receipt.reason = "too late";
    expect_line(r, "cancelled: too late (cooperative, 0.3 ms to unwind)");
    receipt = (struct viv_client_receipt){.delivery = VIV_CLIENT_DELIVERY_KILLED,
                                          .reason = "",
                                          .requested_ns = 1,
                                          .killed_ns = 1200 * MS};
    expect_line(r, "cancelled (killed after 1.2 s)");
}

static void test_our_own_reason_is_not_repeated(void **state)
{
    struct viv_client_response r = ended(VIV_CLIENT_OUTCOME_CANCELLED);
    struct viv_client_receipt receipt = {.reason = "interrupted at the terminal"};
    char line[VIV_REPORT_MAX];

    r.receipt = &receipt;
    viv_report_end(&r, true, line);
    assert_string_equal(line, "cancelled");
}

static void test_cancel_before_the_start_says_so(void **state)
{
    struct viv_client_response r = ended(VIV_CLIENT_OUTCOME_CANCELLED);
    struct viv_client_receipt receipt = {
        .delivery = VIV_CLIENT_DELIVERY_COOPERATIVE, .reason = "", .requested_ns = 1};

    r.receipt = &receipt;
    expect_line(r, "cancelled (before it began)");
}

static void test_limits_and_deaths_are_named(void **state)
{
    struct viv_client_response r = ended(VIV_CLIENT_WORKER_DIED);

    expect_line(ended(VIV_CLIENT_WALL_TIME_EXCEEDED), "time limit reached");
    expect_line(ended(VIV_CLIENT_MEMORY_EXCEEDED), "memory limit reached");
    r.death_text = "killed by signal 11 (SIGSEGV)";
    expect_line(r, "worker died: killed by signal 11 (SIGSEGV)");
}

static void test_reason_can_not_write_to_the_terminal(void **state)
{
    struct viv_client_response r = ended(VIV_CLIENT_OUTCOME_CANCELLED);
    struct viv_client_receipt receipt = {.reason = "a\033[2Jb\n"};

    r.receipt = &receipt;
    expect_line(r, "cancelled: a?[2Jb?");
}

static void test_long_reason_is_cut(void **state)
{
    struct viv_client_response r = ended(VIV_CLIENT_OUTCOME_CANCELLED);
    char reason[2000];
    struct viv_client_receipt receipt = {.reason = reason,
                                         .delivery = VIV_CLIENT_DELIVERY_KILLED,
                                         .requested_ns = 1,
                                         .killed_ns = MS};
    char line[VIV_REPORT_MAX];

    memset(reason, 'x', sizeof(reason));
    reason[sizeof(reason) - 1] = '\0';
    r.receipt = &receipt;
    viv_report_end(&r, false, line);
    assert_non_null(strstr(line, "x (killed after"));
}

static void test_times(void **state)
{
    static const struct {
        double seconds;
        const char *text;
    } times[] = {
        {0, "0.0 ms"},         {0.0125, "12.5 ms"},
        {1, "1.0 s"},          {59.9, "59.9 s"},
        {60, "1 min"},         {65, "1 min 05 s"},
        {3599, "59 min 59 s"}, {3600, "1 h"},
        {3725, "1 h 02 min"},  {47.5 * 3600, "47 h 30 min"},
        {48 * 3600, "2 d"},    {100.0 * 3600, "4 d 04 h"},
    };
    char text[32];

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        viv_report_time((int64_t)(times[i].seconds * 1e9), text, sizeof(text));
        assert_string_equal(text, times[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit_status_of_each_outcome),
        cmocka_unit_test(test_exit_status_of_sys_exit),
        cmocka_unit_test(test_exit_status_of_a_dead_worker),
        cmocka_unit_test(test_exit_status_names_the_signal_that_cancelled),
        cmocka_unit_test(test_exit_status_of_each_error),
        cmocka_unit_test(test_normal_ends_say_nothing),
        cmocka_unit_test(test_cancel_says_how_the_code_took_it),
        cmocka_unit_test(test_our_own_reason_is_not_repeated),
        cmocka_unit_test(test_cancel_before_the_start_says_so),
        cmocka_unit_test(test_limits_and_deaths_are_named),
        cmocka_unit_test(test_reason_can_not_write_to_the_terminal),
        cmocka_unit_test(test_long_reason_is_cut),
        cmocka_unit_test(test_times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
