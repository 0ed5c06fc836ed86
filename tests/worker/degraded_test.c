/* Machines that lack something: what is missing stops the start by name; where
 * it may be absent, code runs, and nothing of it is left all the same. */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/layer.h"
#include "tests/unit/test.h"
#include "tests/worker/rig.h"

static const char *worker_path;

#define ALLOW(name) "--allow-absent", name

/* All that needs a user namespace. */
static const char *const no_namespaces[] = {ALLOW("user_namespace"),
                                            ALLOW("pid_namespace"),
                                            ALLOW("mount_namespace"),
                                            ALLOW("ipc_namespace"),
                                            ALLOW("network_namespace"),
                                            ALLOW("uts_namespace"),
                                            ALLOW("private_tmpfs"),
                                            ALLOW("cgroup_namespace"),
                                            ALLOW("read_only_root"),
                                            ALLOW("private_proc"),
                                            NULL};

static const char *const without_namespaces[] = {"--without", "user_namespace", NULL};
static const char *const without_seccomp[] = {"--without", "user_namespace", "--without", "seccomp",
                                              NULL};

/* --- for real: a user namespace whose own limit of further ones is 0 ------ */

static void forbid_namespaces(void)
{
    int limit;

    if (unshare(CLONE_NEWUSER) < 0)
        _exit(2);
    limit = open("/proc/sys/user/max_user_namespaces", O_WRONLY);
    if (limit < 0 || write(limit, "0", 1) != 1)
        _exit(3);
}

static _Noreturn void start_without_permission(void)
{
    static const char *const none[] = {NULL};
    struct rig rig;

    forbid_namespaces();
    unsetenv("RIG_ARGS");
    rig_start_with(&rig, worker_path, none);
    if (rig.ready.type != VIV_ZYGOTE_FAILED ||
        !strstr(rig.ready.text, "missing: user_namespace, pid_namespace, ") ||
        !strstr(rig.ready.text, "private_proc (--allow-absent NAME allows it for each): ") ||
        !strstr(rig.ready.text, "raise sysctl user.max_user_namespaces")) {
        fprintf(stderr, "said %u %s\n", rig.ready.type, rig.ready.text);
        _exit(4);
    }
    _exit(0);
}

static _Noreturn void start_with_permission(void)
{
    const struct order order = {.code = "import os; os.getcwd(), 6 * 7"};
    struct rig rig;
    struct run run;

    forbid_namespaces();
    unsetenv("RIG_ARGS");
    rig_start_with(&rig, worker_path, no_namespaces);
    if (rig.ready.type != VIV_ZYGOTE_READY ||
        (rig.ready.layers & VIV_LAYER_BIT(VIV_LAYER_USER_NAMESPACE)) ||
        !(rig.ready.layers & VIV_LAYER_BIT(VIV_LAYER_SECCOMP)))
        _exit(4);
    rig_execute(&rig, &order, &run);
    if (strcmp(run.answer->result_repr, "('/', 42)") != 0)
        _exit(5);
    run_free(&run);
    rig_stop(&rig);
    _exit(0);
}

static void in_child(void (*what)(void))
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        what();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* Where there are none, or /proc/sys is read-only, the test can't forbid them. */
static bool can_forbid(void)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        forbid_namespaces();
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return status == 0;
}

static void test_missing_stops_the_start(void **state)
{
    if (!can_forbid())
        skip();
    in_child(start_without_permission);
}

static void test_allowed_it_starts(void **state)
{
    if (!can_forbid())
        skip();
    in_child(start_with_permission);
}

/* --- nothing is left, without a pid namespace ----------------------------- */

static void assert_ends(int pidfd)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};

    assert_int_equal(poll(&end, 1, 20000), 1);
}

static void run_for_ever(struct rig *rig, struct worker *worker)
{
    const struct order order = {.code = "import time\nprint('x', end='')\ntime.sleep(1000)"};
    char byte;

    rig_spawn(rig, worker);
    rig_begin(worker, &order);
    assert_int_equal(read(worker->out, &byte, 1), 1);
}

static void test_vm_dies_with_its_init(void **state)
{
    struct worker worker;
    struct rig rig;
    int vm;

    rig_start_with(&rig, worker_path, without_namespaces);
    run_for_ever(&rig, &worker);
    vm = dup(worker.vm);
    rig_reap(&rig, &worker, true);
    /* EXITED came, so this is not to be waited for. */
    assert_int_equal(poll(&(struct pollfd){.fd = vm, .events = POLLIN}, 1, 0), 1);
    close(vm);
    rig_stop(&rig);
}

static void test_all_die_with_the_link(void **state)
{
    struct worker worker;
    struct rig rig;

    rig_start_with(&rig, worker_path, without_namespaces);
    run_for_ever(&rig, &worker);
    rig_stop(&rig);
    assert_ends(worker.vm);
    assert_ends(worker.init);
}

static void test_all_die_with_the_first_process(void **state)
{
    struct worker worker;
    struct rig rig;

    rig_start_with(&rig, worker_path, without_namespaces);
    run_for_ever(&rig, &worker);
    kill(rig.pid, SIGKILL);
    assert_ends(worker.vm);
    assert_ends(worker.init);
    rig_stop(&rig);
}

#define DAEMONS                             \
    "import os, time\n"                     \
    "for i in range(5):\n"                  \
    "    if os.fork() == 0:\n"              \
    "        os.setsid()\n"                 \
    "        if os.fork() == 0:\n"          \
    "            if i == 4:\n"              \
    "                while True:\n"         \
    "                    try:\n"            \
    "                        os.fork()\n"   \
    "                    except OSError:\n" \
    "                        pass\n"        \
    "            time.sleep(1000)\n"        \
    "        os._exit(0)\n"

/* They hold stdout, whose end rig_run() waits for, and one is a fork bomb. */
static void test_daemons_are_hunted_down(void **state)
{
    const struct order order = {.code = DAEMONS "os._exit(0)"};
    struct worker worker;
    struct rig rig;
    struct run run;

    rig_start_with(&rig, worker_path, without_seccomp);
    rig_spawn(&rig, &worker);
    rig_run(&worker, &order, &run);
    rig_reap(&rig, &worker, false);
    run_free(&run);
    rig_stop(&rig);
}

/* --- what takes a namespace's place --------------------------------------- */

static const struct {
    const char *code, *repr;
} instead[] = {
    {"import os; os.fork()", "PermissionError"},
    {"import os; os.kill(os.getppid(), 0)", "PermissionError"},
    {"import os; os.kill(-1, 0)", "PermissionError"},
    {"import os; os.kill(os.getpid(), 0)", ""},
    {"import os; os.killpg(0, 0)", "PermissionError"},
    {"import ctypes; ctypes.CDLL(None).prctl(1, 0)", "-1"},
    {"import fcntl, os; fcntl.fcntl(os.pipe()[0], 8, os.getppid())", "PermissionError"},
    {"import resource, os; resource.prlimit(os.getppid(), resource.RLIMIT_CORE)",
     "PermissionError"},
    {"import socket; socket.socket(socket.AF_UNIX)", "OSError"},
    {"import socket; socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)", "OSError"},
    {"import socket; len(socket.socketpair())", "2"},
    {"import asyncio; asyncio.run(asyncio.sleep(0, 7))", "7"},
    {"import threading\nx = []\nt = threading.Thread(target=x.append, args=(1,))\n"
     "t.start(); t.join(); x",
     "[1]"},
    {"open('/etc/passwd')", "PermissionError"},
    {"open('/proc/self/status')", "PermissionError"},
    {"open('/tmp/viv-degraded', 'w')", "PermissionError"},
    {"import os; os.listdir('/')", "PermissionError"},
    {"import os; os.execv('/bin/true', ['true'])", "PermissionError"},
};

static void test_what_stands_in(void **state)
{
    struct rig rig;
    int wrong = 0;

    rig_start_with(&rig, worker_path, without_namespaces);
    for (size_t i = 0; i < sizeof(instead) / sizeof(instead[0]); i++) {
        const struct order order = {.code = instead[i].code};
        const char *got;
        struct run run;

        rig_execute(&rig, &order, &run);
        got = !run.answer         ? "no answer"
              : run.answer->error ? run.answer->error->type
                                  : run.answer->result_repr;
        if (strcmp(got, instead[i].repr) != 0) {
            print_error("%s\n  expected %s, got %s\n", instead[i].code, instead[i].repr, got);
            wrong++;
        }
        run_free(&run);
    }
    rig_stop(&rig);
    assert_int_equal(wrong, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_missing_stops_the_start),
        cmocka_unit_test(test_allowed_it_starts),
        cmocka_unit_test(test_vm_dies_with_its_init),
        cmocka_unit_test(test_all_die_with_the_link),
        cmocka_unit_test(test_all_die_with_the_first_process),
        cmocka_unit_test(test_daemons_are_hunted_down),
        cmocka_unit_test(test_what_stands_in),
    };

    worker_path = argc > 1 ? argv[1] : "worker/vivarium-worker";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
