/* The screens of viv top and the line of viv run's spinner. */
#include <stdlib.h>
#include <string.h>

#include "client/viv/colour.h"
#include "client/viv/spinner.h"
#include "client/viv/top/screen.h"
#include "tests/unit/test.h"

#define SECOND 1000000000LL

static const struct viv_client_description supervisor = {
    .version = "0.1.0",
    .vm = "CPython 3.11.2",
    .tenant = "default",
    .pool_busy = 3,
    .pool_idle = 2,
    .pool_ceiling = 30,
    .pool_queued = 1,
};

static const struct viv_client_execution executions[] = {
    {.execution_id = "one",
     .state = VIV_CLIENT_RUNNING,
     .running_ns = 1500000000,
     .session_id = "work",
     .filename = "job.py",
     .memory_bytes = 3 << 20},
    {.execution_id = "two",
     .state = VIV_CLIENT_CANCELLING,
     .session_id = "",
     .filename = "\x1b[2J"},
    {.execution_id = "three", .state = VIV_CLIENT_QUEUED, .session_id = "", .filename = "b.py"},
    {.execution_id = "four", .state = VIV_CLIENT_QUEUED, .session_id = "", .filename = "b.py"},
};

static const struct viv_client_session sessions[] = {
    {.session_id = "work", .resident = true, .last_used_ns = 9 * SECOND, .execution_id = "one"},
    {.session_id = "old", .last_used_ns = 7 * SECOND, .snapshot_bytes = 2048, .execution_id = ""},
};

static const struct viv_client_list_reply list = {executions, 4};
static const struct viv_client_sessions_reply session_list = {sessions, 2};

static char *print(struct viv_top_view view)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    view.target = "unix:/s";
    view.now_ns = 10 * SECOND;
    viv_top_print(out, &view);
    fclose(out);
    return text;
}

static struct viv_top_view whole(void)
{
    return (struct viv_top_view){
        .width = 120, .supervisor = &supervisor, .executions = &list, .sessions = &session_list};
}

static void test_whole_screen(void **state)
{
    char *text = print(whole());

    assert_string_equal(
        text, "Vivarium 0.1.0 at unix:/s, CPython 3.11.2, tenant default\n"
              "workers  [##..................] 3 busy, 2 idle, at most 30; 1 waiting\n"
              "yours    1 running, 2 queued, 1 being cancelled; 2 sessions, 1 warm\n"
              "\n"
              "EXECUTION                STATE         RUNNING     MEMORY  SESSION          FILE\n"
              "one                      RUNNING         1.5 s    3.0 MiB  work             job.py\n"
              "two                      CANCELLING     0.0 ms          -  -                ?[2J\n"
              "three                    QUEUED              -          -  -                b.py\n"
              "four                     QUEUED              -          -  -                b.py\n"
              "\n"
              "SESSION                  STATE            IDLE     STORED  EXECUTION\n"
              "work                     WARM                -          -  one\n"
              "old                      STORED          3.0 s    2.0 KiB  -\n");
    free(text);
}

static unsigned lines_of(const char *text, size_t *ret_longest)
{
    unsigned count = 0;

    *ret_longest = 0;
    for (; *text; count++) {
        size_t len = strcspn(text, "\n");

        *ret_longest = len > *ret_longest ? len : *ret_longest;
        assert_int_equal(text[len], '\n');
        text += len + 1;
    }
    return count;
}

/* Whatever the size, nothing scrolls and nothing wraps. */
static void test_every_size_fits(void **state)
{
    for (unsigned height = 1; height <= 20; height++)
        for (unsigned width = 1; width <= 90; width++) {
            struct viv_top_view view = whole();
            size_t longest;
            char *text;

            view.height = height;
            view.width = width;
            text = print(view);
            assert_true(lines_of(text, &longest) <= height);
            assert_true(longest <= width);
            free(text);
        }
}

static void test_low_screen_says_what_it_leaves_out(void **state)
{
    struct viv_top_view view = whole();
    char *text;

    view.height = 8;
    text = print(view);
    assert_non_null(strstr(text, "two "));
    assert_non_null(strstr(text, "... and 2 more\n"));
    assert_null(strstr(text, "SESSION  "
                             "                STATE"));
    free(text);
}

static void test_supervisor_that_has_gone(void **state)
{
    const struct viv_top_view view = {.width = 80, .failure = "no supervisor at unix:/s"};
    char *text = print(view);

    assert_non_null(strstr(text, "unix:/s\nno supervisor at unix:/s\n"));
    free(text);
}

static void test_colours_begin_and_end(void **state)
{
    struct viv_top_view view = whole();
    char *text;

    view.colour = true;
    text = print(view);
    assert_non_null(strstr(text, "\033[1mVivarium"));
    assert_non_null(strstr(text, "\033[32mone"));
    assert_non_null(strstr(text, "job.py\033[0m\n"));
    free(text);
}

static void test_no_colour_off_a_terminal(void **state)
{
    assert_false(viv_colour_wanted(-1));
    assert_string_equal(viv_colour(false, VIV_RED), "");
    assert_string_equal(viv_colour(true, VIV_RED), "\033[31m");
}

static void test_spinner(void **state)
{
    char text[VIV_SPINNER_MAX];

    viv_spinner_text(0, 3200000000, NULL, text);
    assert_string_equal(text, "⠋ running 3.2 s");
    viv_spinner_text(11, 3200000000, &executions[0], text);
    assert_string_equal(text, "⠙ running 3.2 s, 3.0 MiB");
    viv_spinner_text(1, 3200000000, &executions[2], text);
    assert_string_equal(text, "⠙ waiting for a worker, 3.2 s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_screen),
        cmocka_unit_test(test_every_size_fits),
        cmocka_unit_test(test_low_screen_says_what_it_leaves_out),
        cmocka_unit_test(test_supervisor_that_has_gone),
        cmocka_unit_test(test_colours_begin_and_end),
        cmocka_unit_test(test_no_colour_off_a_terminal),
        cmocka_unit_test(test_spinner),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
