#include "supervisor/service/answers.h"

#include <string.h>

#include "tests/unit/test.h"

#define BYTES 1000
#define CALLS 10

static struct answers *answers;

static int set_up(void **state)
{
    answers = answers_new(BYTES, CALLS);
    return 0;
}

static int tear_down(void **state)
{
    answers_free(answers);
    return 0;
}

static void hold(const char *tenant, size_t bytes)
{
    assert_int_equal(answers_hold(answers, tenant, bytes, NULL), 0);
}

/* It counts with no bytes then. */
static void expect_too_large(const char *tenant, size_t bytes, const char *words)
{
    struct viv_error err = {0};

    assert_int_equal(answers_hold(answers, tenant, bytes, &err), -1);
    assert_int_equal(err.status, VIV_RESOURCE_EXHAUSTED);
    assert_int_equal(err.retry_after_ns, 0); /* the code ran: not again */
    assert_non_null(strstr(err.text, words));
    answers_drop(answers, tenant, 0);
}

static void expect_refused(const char *tenant, const char *words)
{
    struct viv_error err = {0};

    assert_int_equal(answers_check(answers, tenant, &err), -1);
    assert_int_equal(err.status, VIV_RESOURCE_EXHAUSTED);
    assert_true(err.retry_after_ns > 0);
    assert_non_null(strstr(err.text, words));
}

static void expect_taken(const char *tenant)
{
    assert_int_equal(answers_check(answers, tenant, NULL), 0);
}

/* One alone may have half, as another still finds room beside it. */
static void test_half(void **state)
{
    hold("a", 500);
    expect_taken("a");
    expect_too_large("a", 1, "answer of 1 bytes doesn't fit beside the 500 bytes");
    hold("b", 250);
    expect_too_large("b", 1, "beside the 250 bytes");
    expect_too_large("c", 126, "beside the 0 bytes");
    hold("c", 125);
    expect_refused("a", "1 answers with 500 bytes");
    expect_refused("b", "1 answers with 250 bytes");
    expect_taken("c");
    expect_taken("d");
    answers_drop(answers, "a", 500);
    expect_taken("b");
    answers_drop(answers, "b", 250);
    answers_drop(answers, "c", 125);
    hold("d", 500);
    answers_drop(answers, "d", 500);
}

static void test_too_large_for_anybody(void **state)
{
    expect_too_large("a", 501, "answer of 501 bytes");
    expect_too_large("a", SIZE_MAX, "doesn't fit");
    hold("a", 500);
    answers_drop(answers, "a", 500);
}

/* Also those without bytes, as they hold calls. */
static void test_calls(void **state)
{
    for (int i = 0; i < CALLS; i++) {
        expect_taken("a");
        hold("a", 0);
    }
    expect_refused("a", "10 answers with 0 bytes");
    expect_taken("b");
    answers_drop(answers, "a", 0);
    expect_taken("a");
    for (int i = 1; i < CALLS; i++)
        answers_drop(answers, "a", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_half, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_large_for_anybody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_calls, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
