/* What user code finds when it looks around: not much, and all of it its own. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test.h"
#include "tests/worker/group.h"

static const struct {
    const char *code;
    const char *repr; /* of what it gives, or the type of what it raises */
} table[] = {
    /* files */
    {"import os; sorted(os.listdir('/'))", "['dev', 'etc', 'lib', 'lib64', 'proc', 'tmp', 'usr']"},
    {"import os; sorted(os.listdir('/etc'))", "['group', 'ld.so.cache', 'localtime', 'passwd']"},
    {"import os; sorted(os.listdir('/dev'))",
     "['fd', 'null', 'random', 'shm', 'stderr', 'stdin', 'stdout', 'urandom', 'zero']"},
    {"import os; os.listdir('/usr/share')", "['zoneinfo']"},
    {"open('/etc/shadow')", "FileNotFoundError"},
    {"open('/usr/x', 'w')", "OSError"},
    {"open('/etc/passwd', 'a')", "OSError"},
    {"open('/usr/lib/python3.11/os.py', 'a')", "PermissionError"},
    {"import os; os.mkdir('/x')", "OSError"},
    {"import os; os.chmod('/etc/passwd', 0o777)", "OSError"},
    {"import os; os.mknod('/tmp/sda', 0o60600, os.makedev(8, 0))", "PermissionError"},
    {"import os; [f'{p}:{int(os.access(p, os.X_OK))}' for p in ('/bin/sh', '/usr/bin/id')]",
     "['/bin/sh:0', '/usr/bin/id:0']"},
    {"import os; os.getcwd(), os.listdir('/tmp'), os.listdir('/dev/shm')", "('/tmp', [], [])"},
    {"open('/tmp/x', 'w').write('y' * (65 << 20))", "OSError"},
    {"import os; os.statvfs('/tmp').f_files <= 16384", "True"},
    {"len(open('/dev/urandom', 'rb').read(8)), open('/dev/zero', 'rb').read(1), "
     "open('/dev/null', 'w').write('x')",
     "(8, b'\\x00', 1)"},
    {"import pwd; pwd.getpwuid(1000).pw_name", "'vivarium'"},
    /* who it is */
    {"import os; os.getresuid(), os.getresgid(), set(os.getgroups()) <= {1000}",
     "((1000, 1000, 1000), (1000, 1000, 1000), True)"},
    {"[l.split()[1] for l in open('/proc/self/status') if l[:3] == 'Cap']",
     "['0000000000000000', '0000000000000000', '0000000000000000', '0000000000000000', "
     "'0000000000000000']"},
    {"[l.split()[1] for l in open('/proc/self/status') if l.startswith('NoNewPrivs')]", "['1']"},
    {"open('/proc/self/uid_map').read().split(), open('/proc/self/setgroups').read()",
     "(['1000', '1000', '1'], 'deny\\n')"},
    {"{l.split(':', 2)[2] for l in open('/proc/self/cgroup')}", "{'/\\n'}"},
    {"import os; os.setuid(0)", "PermissionError"},
    {"import os; os.uname().nodename", "'vivarium'"},
    {"import ctypes; ctypes.CDLL(None, use_errno=True).unshare(0x10000000)", "-1"},
    {"import ctypes; ctypes.CDLL(None, use_errno=True).mount(b'tmpfs', b'/tmp', b'tmpfs', 0, 0)",
     "-1"},
    {"import ctypes; ctypes.CDLL(None, use_errno=True).prctl(23, 21)", "0"},
    /* processes */
    {"import os; os.getpid(), os.getppid(), os.getpgrp(), os.getsid(0)", "(2, 1, 1, 1)"},
    {"import os; sorted(p for p in os.listdir('/proc/') if p[0].isdigit())", "['1', '2']"},
    {"import os; [p for p in os.listdir('/proc/') if not p[0].isdigit()]",
     "['self', 'thread-self']"},
    {"import os; os.kill(1, 9); 'alive'", "'alive'"},
    {"import os; sorted(os.listdir('/proc/self/fd'))[:4], len(os.listdir('/proc/self/fd'))",
     "(['0', '1', '2', '3'], 5)"},
    {"import os; [os.readlink(f'/proc/self/fd/{i}').split(':')[0] for i in range(4)]",
     "['/dev/null', 'pipe', 'pipe', 'socket']"},
    {"import signal; signal.pthread_kill(__import__('threading').get_ident(), 0); "
     "signal.pthread_sigmask(0, [])",
     "set()"},
    {"import threading, signal\nt = threading.Thread(target=lambda: "
     "signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1))\n"
     "got = []\nsignal.signal(signal.SIGUSR1, lambda *a: got.append(1))\nt.start()\nt.join()\n"
     "got",
     "[1]"},
    {"import resource as r\nr.getrlimit(r.RLIMIT_CORE), r.getrlimit(r.RLIMIT_NOFILE)[1], "
     "r.getrlimit(r.RLIMIT_AS) == (r.RLIM_INFINITY,) * 2",
     "((0, 0), 1024, True)"},
    {"import os, time\nn = 0\ntry:\n  while n < 5000:\n    if os.fork() == 0: time.sleep(60)\n"
     "    n += 1\nexcept BlockingIOError: pass\nn < 1024",
     "True"},
    /* the control page */
    {"import ctypes\npages = [l for l in open('/proc/self/maps') if 'memfd' in l]\n"
     "[l.split()[1] for l in pages]",
     "['r--s']"},
    {"import ctypes\npage = int([l for l in open('/proc/self/maps') if 'memfd' in "
     "l][0].split('-')[0], 16)\n"
     "ctypes.CDLL(None).mprotect(ctypes.c_void_p(page), 4096, 3)",
     "-1"},
    /* network */
    {"import socket; socket.create_connection(('127.0.0.1', 80), 1)", "OSError"},
    {"import socket; socket.if_nameindex()", "OSError"},
    {"import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)", "OSError"},
    {"import socket; len(socket.socketpair())", "2"},
    /* system calls: filtered, not merely without rights */
    {"[l.split()[1] for l in open('/proc/self/status') if l.startswith('Seccomp:')]", "['2']"},
    {"import ctypes; ctypes.CDLL(None).unshare(0x10000000)", "-1"},
    {"import os\nopen('/tmp/p', 'w').write('#!/bin/sh')\nos.chmod('/tmp/p', 0o755)\n"
     "os.execv('/tmp/p', ['p'])",
     "PermissionError"},
    /* the environment */
    {"import os; sorted(os.environ)", "['HOME', 'LC_CTYPE', 'PATH']"},
    {"import sys; sys.getfilesystemencoding(), sys.stdout.encoding, open('/tmp/x', "
     "'w').encoding",
     "('utf-8', 'utf-8', 'utf-8')"},
};

static bool matches(const struct run *run, const char *expected)
{
    const Vivarium__V1__ExecuteResponse *answer = run->answer;

    if (!run->result)
        return false;
    return strcmp(answer->error ? answer->error->type : answer->result_repr, expected) == 0;
}

/* A container may hide parts of its own /proc: then there is none inside. */
static bool has_proc(void)
{
    const struct order order = {.code = "import os; os.path.exists('/proc/self')"};
    struct run run;
    bool there;

    rig_execute(&rig, &order, &run);
    there = strcmp(run.answer->result_repr, "True") == 0;
    run_free(&run);
    if (!there)
        print_message("there is no /proc inside\n");
    return there;
}

static void test_looking_around(void **state)
{
    bool proc = has_proc();
    int wrong = 0;

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const struct order order = {.code = table[i].code, .patience_ms = 90000};
        struct run run;

        if (!proc && strstr(table[i].code, "/proc/"))
            continue;
        if (!(rig.ready.layers & VIV_LAYER_BIT(VIV_LAYER_UTS_NAMESPACE)) &&
            strstr(table[i].code, "nodename"))
            continue;
        rig_execute(&rig, &order, &run);
        if (!matches(&run, table[i].repr)) {
            print_error("%s\n  expected %s\n  got %s %s\n", table[i].code, table[i].repr,
                        run.result ? run.answer->result_repr : "no answer",
                        run.result && run.answer->error ? run.answer->error->traceback : run.err);
            wrong++;
        }
        run_free(&run);
    }
    assert_int_equal(wrong, 0);
}

/* Two workers know nothing of each other. */
static void test_private_places(void **state)
{
    const struct order write = {.code = "open('/tmp/x', 'w'); open('/dev/shm/x', 'w'); import "
                                        "socket; s = socket.socket(socket.AF_UNIX); "
                                        "s.bind('\\0x'); s.listen()"};
    const struct order look = {.code = "import os, socket\n"
                                       "s = socket.socket(socket.AF_UNIX)\n"
                                       "os.listdir('/tmp'), os.listdir('/dev/shm'), "
                                       "s.connect_ex('\\0x')"};
    struct worker first, second;
    struct run run;

    rig_spawn(&rig, &first);
    rig_spawn(&rig, &second);
    rig_run(&first, &write, &run);
    run_free(&run);
    rig_reap(&rig, &first, false);
    rig_run(&second, &look, &run);
    assert_string_equal(run.answer->result_repr, "([], [], 111)");
    run_free(&run);
    rig_reap(&rig, &second, false);
}

static void network_of(struct worker *worker, const char *code, char ret[64])
{
    /* It lives on: an end that nobody asked for would come between two answers. */
    const struct order order = {.code = code, .keep = true};
    struct run run;

    rig_run(worker, &order, &run);
    snprintf(ret, 64, "%s", run.answer ? run.answer->result_repr : "?");
    run_free(&run);
}

/* One for each worker that lives; the next one may have it, and finds nothing. */
static void test_networks(void **state)
{
    static const char *const bind = "import os, socket\ns = socket.socket(socket.AF_UNIX)\n"
                                    "s.bind('\\0x'); s.listen()\n"
                                    "os.stat('/proc/self/ns/net').st_ino";
    char one[64], two[64], three[64];
    struct worker first, second, third;

    /* Without /proc none can be told from another. */
    if (!has_proc())
        skip();
    rig_spawn(&rig, &first);
    rig_spawn(&rig, &second);
    network_of(&first, bind, one);
    network_of(&second, bind, two);
    assert_string_not_equal(one, two);
    rig_reap(&rig, &first, true);
    rig_spawn(&rig, &third);
    network_of(&third, bind, three);
    assert_string_equal(three, one);
    rig_reap(&rig, &second, true);
    rig_reap(&rig, &third, true);
}

/* The kernel counts descriptors that are on their way by user, and all workers
 * are one user's: who has many on theirs must not keep the next worker from
 * sending its own. */
static void test_descriptors_on_their_way(void **state)
{
    const struct order order = {
        .code =
            "import array, os, socket\n"
            "a, b = socket.socketpair()\n"
            "got = []\n"
            "def attempt(what):\n"
            "    try:\n        got.append(what())\n"
            "    except OSError as e:\n        got.append(e.errno)\n"
            "attempt(lambda: socket.send_fds(a, [b'x'], [0]))\n"
            "attempt(lambda: os.dup2(a.fileno(), 3))\n"
            "attempt(lambda: os.close(3))\n"
            "os.closerange(3, 100)\n"
            "attempt(lambda: os.readlink('/proc/self/fd/3')[:6] if os.path.exists('/proc/self') "
            "else 'socket')\n"
            "got"};
    struct run run;

    rig_execute(&rig, &order, &run);
    assert_non_null(run.answer);
    assert_string_equal(run.answer->result_repr, "[1, 1, 1, 'socket']");
    run_free(&run);
}

/* What must differ between clones of one zygote does. */
static void test_random(void **state)
{
    const struct order order = {.code = "import random, uuid; (random.random(), uuid.uuid4())"};
    struct run one, two;

    rig_execute(&rig, &order, &one);
    rig_execute(&rig, &order, &two);
    assert_string_not_equal(one.answer->result_repr, two.answer->result_repr);
    run_free(&one);
    run_free(&two);
}

static void test_layers(void **state)
{
    if (!getenv("RIG_ARGS"))
        assert_int_equal(rig.ready.layers, VIV_LAYERS_JAIL);
    assert_string_equal(rig.ready.text, "CPython 3.11.2");
}

static void test_bad_preload(void **state)
{
    static const char *const preload[] = {"nosuchmodule", NULL};
    struct rig bad;

    rig_start(&bad, worker_path, preload);
    assert_int_equal(bad.ready.type, VIV_ZYGOTE_FAILED);
    assert_string_equal(bad.ready.text, "can't preload module nosuchmodule: ModuleNotFoundError: "
                                        "No module named 'nosuchmodule'");
    rig_stop(&bad);
}

/* /proc/sys is read-only. */
#define CAN_NOT_FORBID 3

/* In a user namespace of its own, whose limit is its own as well. */
static _Noreturn void start_where_forbidden(void)
{
    int limit;
    struct rig bad;

    if (unshare(CLONE_NEWUSER) < 0)
        _exit(2);
    limit = open("/proc/sys/user/max_user_namespaces", O_WRONLY);
    if (limit < 0 || write(limit, "0", 1) != 1)
        _exit(CAN_NOT_FORBID);
    rig_start(&bad, worker_path, NULL);
    if (bad.ready.type == VIV_ZYGOTE_FAILED &&
        strstr(bad.ready.text, "raise sysctl user.max_user_namespaces"))
        _exit(0);
    fprintf(stderr, "said %s\n", bad.ready.text);
    _exit(4);
}

static void test_forbidden_namespaces(void **state)
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        start_where_forbidden();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WEXITSTATUS(status) == CAN_NOT_FORBID)
        skip();
    assert_int_equal(status, 0);
}

static int start(void **state)
{
    static const char *const preload[] = {"random", "json", NULL};

    rig_start(&rig, worker_path, preload);
    return rig.ready.type == VIV_ZYGOTE_READY ? 0 : -1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_looking_around), cmocka_unit_test(test_private_places),
        cmocka_unit_test(test_networks),       cmocka_unit_test(test_descriptors_on_their_way),
        cmocka_unit_test(test_random),         cmocka_unit_test(test_layers),
        cmocka_unit_test(test_bad_preload),    cmocka_unit_test(test_forbidden_namespaces),
    };

    group_find_worker(argc, argv);
    return cmocka_run_group_tests(tests, start, group_stop);
}
