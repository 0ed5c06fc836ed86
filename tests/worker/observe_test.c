/* Profiles and traces: what the worker answers with. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/test.h"
#include "tests/worker/rig.h"

#define MS 1000000u

static struct rig rig;

typedef Vivarium__V1__Profile Profile;
typedef Vivarium__V1__Place Place;

static void execute(const struct order *order, struct run *run)
{
    rig_execute(&rig, order, run);
    assert_non_null(run->result);
    if (run->answer->error && !order->cancel_after_ms)
        print_error("%s", run->answer->error->traceback);
}

/* ---- profile ---- */

/* Samples of stacks that hold the function; of those that end in it. */
static uint64_t samples_of(const Profile *p, const char *function, bool innermost)
{
    uint64_t count = 0;

    for (size_t i = 0; i < p->n_stacks; i++) {
        const Vivarium__V1__ProfileStack *s = p->stacks[i];
        bool found = false;

        for (size_t j = innermost ? s->n_places - 1 : 0; j < s->n_places; j++) {
            assert_true(s->places[j] < p->n_places);
            found |= !strcmp(p->places[s->places[j]]->function, function);
        }
        count += found ? s->samples : 0;
    }
    return count;
}

static uint64_t all_samples(const Profile *p)
{
    uint64_t count = 0;

    for (size_t i = 0; i < p->n_stacks; i++)
        count += p->stacks[i]->samples;
    return count;
}

/* Runs until it has had its share of the processor, however busy the machine. */
#define BURN                                    \
    "import time\n"                             \
    "def burn(seconds):\n"                      \
    "    end = time.process_time() + seconds\n" \
    "    while time.process_time() < end:\n"    \
    "        sum(range(200))\n"                 \
    "def outer(): burn(0.4)\n"

static void test_profile_says_where_time_went(void **state)
{
    const struct order order = {.code = BURN "outer()", .profile_interval_ns = 2 * MS};
    struct run run;
    const Profile *p;

    execute(&order, &run);
    p = run.answer->profile;
    assert_non_null(p);
    assert_int_equal(p->interval->nanos, 2 * MS);
    assert_true(samples_of(p, "outer", false) >= 100);
    assert_true(samples_of(p, "burn", false) >= 100);
    assert_true(samples_of(p, "burn", true) * 2 > all_samples(p));
    assert_int_equal(p->dropped, 0);
    run_free(&run);
}

static void test_profile_names_lines_and_qualified_functions(void **state)
{
    const struct order order = {.code = "import time\n"
                                        "class A:\n"
                                        "    def go(self):\n"
                                        "        time.sleep(0.3)\n"
                                        "A().go()\n",
                                .filename = "job.py",
                                .profile_interval_ns = 2 * MS};
    struct run run;
    bool found = false;

    execute(&order, &run);
    for (size_t i = 0; i < run.answer->profile->n_places; i++) {
        const Place *place = run.answer->profile->places[i];

        found |= !strcmp(place->function, "A.go") && !strcmp(place->filename, "job.py") &&
                 place->line == 4;
    }
    assert_true(found);
    assert_true(samples_of(run.answer->profile, "A.go", true) >= 100);
    run_free(&run);
}

static void test_profile_sees_other_threads(void **state)
{
    const struct order order = {.code = BURN "import threading\n"
                                             "def work(): burn(0.3)\n"
                                             "t = threading.Thread(target=work)\n"
                                             "t.start(); t.join()\n",
                                .profile_interval_ns = 2 * MS};
    struct run run;

    execute(&order, &run);
    assert_true(samples_of(run.answer->profile, "work", false) > 10);
    run_free(&run);
}

static void test_c_code_that_does_not_poll_counts_for_its_caller(void **state)
{
    const struct order order = {.code = "def f():\n    return sum(range(20_000_000))\nf()\n",
                                .profile_interval_ns = MS};
    struct run run;

    execute(&order, &run);
    assert_true(samples_of(run.answer->profile, "f", true) >= 20);
    run_free(&run);
}

static void test_deep_stack_keeps_its_innermost(void **state)
{
    const struct order order = {.code = BURN "def f(n):\n"
                                             "    return f(n - 1) if n else burn(0.2)\n"
                                             "f(500)\n",
                                .profile_interval_ns = 2 * MS};
    struct run run;

    execute(&order, &run);
    assert_true(samples_of(run.answer->profile, "burn", true) >= 20);
    for (size_t i = 0; i < run.answer->profile->n_stacks; i++)
        assert_true(run.answer->profile->stacks[i]->n_places <= 128);
    run_free(&run);
}

static void test_cancelled_run_answers_with_its_profile(void **state)
{
    const struct order order = {.code = "try:\n    while True: pass\nfinally:\n    print('clean')",
                                .cancel_after_ms = 300,
                                .profile_interval_ns = 2 * MS};
    struct run run;

    execute(&order, &run);
    assert_int_equal(run.result->end, VIVARIUM__INTERNAL__RUN_END__RUN_END_CANCELLED);
    assert_int_equal(run.result->raise_count, 1);
    assert_memory_equal(run.out, "clean\n", 6);
    assert_true(samples_of(run.answer->profile, "<module>", true) > 10);
    run_free(&run);
}

static void test_odd_names_are_escaped(void **state)
{
    const struct order order = {
        .code = "import time\n"
                "def f(): time.sleep(0.1)\n"
                "f.__code__ = f.__code__.replace(co_qualname='a\\udc80b', co_filename='x\\ny')\n"
                "f()\n",
        .profile_interval_ns = MS,
        .trace_lines = 100};
    struct run run;

    execute(&order, &run);
    assert_true(samples_of(run.answer->profile, "a\\udc80b", true) > 10);
    assert_string_equal(run.answer->trace->places[run.answer->trace->n_places - 1]->filename,
                        "x\ny");
    run_free(&run);
}

static void test_nobody_asks_nothing_comes(void **state)
{
    const struct order order = {.code = "1"};
    struct run run;

    execute(&order, &run);
    assert_null(run.answer->profile);
    assert_null(run.answer->trace);
    run_free(&run);
}

/* Finalizers of what was traced are the run's, and so is what they write. */
static void test_what_the_taking_prints_is_seen(void **state)
{
    const struct order order = {
        .code = "import sys, weakref\n"
                "other = compile('x = 1', '<other>', 'exec')\n"
                "gone = weakref.ref(other, lambda ref: sys.stderr.write('gone'))\n"
                "exec(other)\n"
                "del other\n",
        .trace_lines = 100};
    struct run run;

    execute(&order, &run);
    assert_string_equal(run.err, "gone");
    run_free(&run);
}

static void test_next_run_is_its_own(void **state)
{
    const struct order first = {
        .code = BURN "burn(0.1)", .profile_interval_ns = MS, .keep = true, .trace_lines = 10};
    const struct order second = {.code = "def g(): burn(0.1)\ng()",
                                 .profile_interval_ns = MS,
                                 .keep = true,
                                 .trace_lines = 10};
    const struct order third = {.code = "import sys\nsys.gettrace()", .keep = true};
    struct worker worker;
    struct run run;

    rig_spawn(&rig, &worker);
    rig_run(&worker, &first, &run);
    assert_true(samples_of(run.answer->profile, "burn", false) > 10);
    run_free(&run);
    rig_run(&worker, &second, &run);
    assert_true(samples_of(run.answer->profile, "burn", false) <=
                samples_of(run.answer->profile, "g", false));
    run_free(&run);
    rig_run(&worker, &third, &run);
    assert_null(run.answer->profile);
    assert_null(run.answer->trace);
    assert_null(run.answer->result);
    run_free(&run);
    rig_reap(&rig, &worker, true);
}

/* ---- trace ---- */

/* "f:2 f:3 " */
static void describe_trace(const Vivarium__V1__Trace *t, char *text, size_t size)
{
    *text = '\0';
    for (size_t i = 0; i < t->n_lines; i++) {
        const Place *place;
        size_t used = strlen(text);

        assert_true(t->lines[i] < t->n_places);
        place = t->places[t->lines[i]];
        snprintf(text + used, size - used, "%s:%u ", place->function, place->line);
    }
}

static void expect_trace(const struct order *order, const char *wanted, uint64_t dropped)
{
    char text[2000];
    struct run run;

    execute(order, &run);
    assert_non_null(run.answer->trace);
    describe_trace(run.answer->trace, text, sizeof(text));
    assert_string_equal(text, wanted);
    assert_int_equal(run.answer->trace->dropped, dropped);
    run_free(&run);
}

static void test_trace_is_the_lines_in_order(void **state)
{
    const struct order order = {.code = "def f(n):\n"
                                        "    if n:\n"
                                        "        return f(n - 1)\n"
                                        "    return 0\n"
                                        "x = f(1)\n"
                                        "for i in (1, 2):\n"
                                        "    x += i\n",
                                .trace_lines = 100};

    expect_trace(&order,
                 "<module>:1 <module>:5 f:2 f:3 f:2 f:4 <module>:6 <module>:7 <module>:6 "
                 "<module>:7 <module>:6 ",
                 0);
}

static void test_trace_has_a_cap(void **state)
{
    const struct order order = {.code = "a = 1\nb = 2\nc = 3\nd = 4", .trace_lines = 2};

    expect_trace(&order, "<module>:1 <module>:2 ", 2);
}

/* In a worker the standard library must be known for what it is: cancels are held
 * back in parts of it, too. */
static void test_trace_leaves_libraries_out(void **state)
{
    const struct order order = {.code = "import textwrap\ntextwrap.dedent('x')\n1",
                                .trace_lines = 1000};
    struct order all = order;
    struct run run;

    expect_trace(&order, "<module>:1 <module>:2 <module>:3 ", 0);
    all.trace_libraries = true;
    execute(&all, &run);
    assert_true(run.answer->trace->n_lines > 5);
    run_free(&run);
}

static void test_trace_of_an_exception(void **state)
{
    const struct order order = {.code = "def f():\n    1/0\ntry:\n    f()\nexcept Exception:\n"
                                        "    y = 1\nfinally:\n    z = 2",
                                .trace_lines = 100};

    expect_trace(&order, "<module>:1 <module>:3 <module>:4 f:2 <module>:5 <module>:6 <module>:8 ",
                 0);
}

static void test_steps_are_counted_beside_a_trace(void **state)
{
    struct order order = {.code = "x = 0\nfor i in range(50):\n    x += i", .steps = 1000000};
    uint64_t steps;
    struct run run;

    execute(&order, &run);
    steps = run.result->steps;
    run_free(&run);
    order.trace_lines = 1000;
    execute(&order, &run);
    assert_true(steps > 100);
    assert_int_equal(run.result->steps, steps);
    assert_int_equal(run.answer->trace->n_lines, 1 + 51 + 50);
    run_free(&run);
}

static void test_cancel_while_tracing(void **state)
{
    const struct order order = {
        .code = "try:\n    while True:\n        pass\nfinally:\n    for i in range(3): print(i)",
        .cancel_after_ms = 200,
        .trace_lines = 100};
    struct run run;

    execute(&order, &run);
    assert_int_equal(run.result->end, VIVARIUM__INTERNAL__RUN_END__RUN_END_CANCELLED);
    assert_memory_equal(run.out, "0\n1\n2\n", 6);
    assert_int_equal(run.answer->trace->n_lines, 100);
    assert_true(run.answer->trace->dropped > 0);
    run_free(&run);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_profile_says_where_time_went),
        cmocka_unit_test(test_profile_names_lines_and_qualified_functions),
        cmocka_unit_test(test_profile_sees_other_threads),
        cmocka_unit_test(test_c_code_that_does_not_poll_counts_for_its_caller),
        cmocka_unit_test(test_deep_stack_keeps_its_innermost),
        cmocka_unit_test(test_cancelled_run_answers_with_its_profile),
        cmocka_unit_test(test_odd_names_are_escaped),
        cmocka_unit_test(test_nobody_asks_nothing_comes),
        cmocka_unit_test(test_what_the_taking_prints_is_seen),
        cmocka_unit_test(test_next_run_is_its_own),
        cmocka_unit_test(test_trace_is_the_lines_in_order),
        cmocka_unit_test(test_trace_has_a_cap),
        cmocka_unit_test(test_trace_leaves_libraries_out),
        cmocka_unit_test(test_trace_of_an_exception),
        cmocka_unit_test(test_steps_are_counted_beside_a_trace),
        cmocka_unit_test(test_cancel_while_tracing),
    };
    int failed;

    if (argc < 2)
        return 2;
    rig_start(&rig, argv[1], NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    rig_stop(&rig);
    return failed;
}
