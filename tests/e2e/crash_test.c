/* Workers that die, and the daemon that does not. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/e2e.h"

/* The worker dies of it, and the next execution is none the worse. */
static void expect_death(const char *code, int signal, int status)
{
    struct viv_client_response *r = e2e_run(code);

    if (r->outcome != VIV_CLIENT_WORKER_DIED)
        fail_msg("outcome %s", viv_client_outcome_name(r->outcome));
    assert_int_equal(r->death_signal, signal);
    assert_int_equal(r->death_status, status);
    assert_non_null(r->death_text);
    assert_true(strlen(r->death_text) > 5);
    assert_int_equal(viv_value_kind(r->result), VIV_VALUE_ABSENT);
    viv_client_response_free(r);
    e2e_expect_alive();
}

static void test_abort(void **state)
{
    expect_death("import os; os.abort()", SIGABRT, -1);
}

static void test_kill_of_itself(void **state)
{
    expect_death("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", SIGKILL, -1);
}

static void test_null_pointer(void **state)
{
    expect_death("import ctypes; ctypes.string_at(0)", SIGSEGV, -1);
}

static void test_stack_overflow(void **state)
{
    expect_death("import sys\nsys.setrecursionlimit(10**9)\n"
                 "class A:\n    def __repr__(self): return repr(self)\nrepr(A())",
                 SIGSEGV, -1);
}

static void test_exit_behind_python_s_back(void **state)
{
    expect_death("import os; os._exit(7)", 0, 7);
}

static void test_exit_with_zero_is_a_death_too(void **state)
{
    expect_death("import os; os._exit(0)", 0, 0);
}

static void test_kill_of_every_process_in_sight(void **state)
{
    struct viv_client_response *r;

    e2e_need("pid_namespace");
    r = e2e_run("import os\ntry:\n    os.kill(-1, 9)\n"
                "except ProcessLookupError:\n    pass\n"
                "os.kill(os.getpid(), 9)");
    assert_int_equal(r->outcome, VIV_CLIENT_WORKER_DIED);
    viv_client_response_free(r);
    e2e_expect_alive();
}

static void test_closing_every_descriptor_costs_this_execution_only(void **state)
{
    struct viv_client_response *r = e2e_run("import os\nos.closerange(0, 65536)");

    assert_true(r->outcome == VIV_CLIENT_COMPLETED || r->outcome == VIV_CLIENT_WORKER_DIED);
    viv_client_response_free(r);
    e2e_expect_alive();
}

static void test_garbage_on_every_descriptor_costs_this_execution_only(void **state)
{
    struct viv_client_response *r = e2e_run("import os\nfor fd in range(3, 256):\n    try:\n"
                                            "        os.write(fd, b'\\xff' * 4096)\n"
                                            "    except OSError:\n        pass");

    assert_true(r->outcome == VIV_CLIENT_COMPLETED || r->outcome == VIV_CLIENT_WORKER_DIED);
    viv_client_response_free(r);
    e2e_expect_alive();
}

static void test_processes_of_the_code_die_with_it(void **state)
{
    struct viv_client_request request = {
        .code = "import os, time\nif os.fork() == 0:\n    time.sleep(1000)\n7",
        .timeout_ns = 20 * E2E_SECOND};
    struct viv_client_response *r;

    e2e_need("pid_namespace");
    r = e2e_run_request(&request);
    assert_int_equal(r->outcome, VIV_CLIENT_COMPLETED);
    assert_int_equal(viv_value_int64(r->result), 7);
    viv_client_response_free(r);
}

static void test_forked_child_does_not_answer_for_its_parent(void **state)
{
    struct viv_client_response *r;

    e2e_need("pid_namespace");
    r = e2e_run("import os, time\npid = os.fork()\n"
                "if pid:\n    _ = os.waitpid(pid, 0)\n"
                "'parent' if pid else 'child'");
    assert_true(r->outcome == VIV_CLIENT_COMPLETED || r->outcome == VIV_CLIENT_WORKER_DIED);
    if (r->outcome == VIV_CLIENT_COMPLETED)
        assert_string_equal(r->result_repr, "'parent'");
    viv_client_response_free(r);
    e2e_expect_alive();
}

static void test_nothing_stays_from_one_execution_to_the_next(void **state)
{
    viv_client_response_free(e2e_run("import builtins, os\nbuiltins.left = 1\nleft_too = 2\n"
                                     "open('/tmp/left', 'w').close()"));
    e2e_expect_repr("import os\n'left' in dir(__builtins__), 'left_too' in globals(), "
                    "os.path.exists('/tmp/left')",
                    "(False, False, False)");
}

static void run_one_of_each(void)
{
    static const char *const codes[] = {"1", "1/0", "import os; os.abort()",
                                        "import os; os._exit(1)", "print('x' * 100000)"};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        viv_client_response_free(e2e_run(codes[i]));
}

/* Once the pool is full again and nothing is being cleaned up: the count stays. */
static int settled_fds(void)
{
    int last = -1, same = 0;

    for (int i = 0; i < 200 && same < 20; i++) {
        int now = daemon_count_fds(&e2e.daemon);

        same = now == last ? same + 1 : 0;
        last = now;
        usleep(50000);
    }
    return last;
}

static void test_descriptors_are_given_back(void **state)
{
    enum { ROUNDS = 40 }; /* more than a worker that the pool has once and not the other time */
    int before;

    for (int i = 0; i < ROUNDS; i++)
        run_one_of_each(); /* pools have grown as far as they will */
    before = settled_fds();
    for (int i = 0; i < ROUNDS; i++)
        run_one_of_each();
    assert_in_range(settled_fds(), 0, before + ROUNDS - 1); /* a leak has one each round */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_abort),
        cmocka_unit_test(test_kill_of_itself),
        cmocka_unit_test(test_null_pointer),
        cmocka_unit_test(test_stack_overflow),
        cmocka_unit_test(test_exit_behind_python_s_back),
        cmocka_unit_test(test_exit_with_zero_is_a_death_too),
        cmocka_unit_test(test_kill_of_every_process_in_sight),
        cmocka_unit_test(test_closing_every_descriptor_costs_this_execution_only),
        cmocka_unit_test(test_garbage_on_every_descriptor_costs_this_execution_only),
        cmocka_unit_test(test_processes_of_the_code_die_with_it),
        cmocka_unit_test(test_forked_child_does_not_answer_for_its_parent),
        cmocka_unit_test(test_nothing_stays_from_one_execution_to_the_next),
        cmocka_unit_test(test_descriptors_are_given_back),
    };

    return cmocka_run_group_tests(tests, e2e_set_up, e2e_tear_down);
}
