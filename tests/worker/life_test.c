/* How workers end, and that nothing of them is left. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/test.h"
#include "tests/worker/rig.h"

static struct rig rig;
static const char *worker_path;

/* Without a pid namespace code can't start any, nor signal others. */
static void need_processes(void)
{
    if (!(rig.ready.layers & VIV_LAYER_BIT(VIV_LAYER_PID_NAMESPACE)))
        skip();
}

static void execute(const char *code, struct run *run)
{
    const struct order order = {.code = code};

    rig_execute(&rig, &order, run);
}

/* --- ends ---------------------------------------------------------------- */

/* No answer, but what init says of the VM's end. */
static void assert_dies(const char *code, int sig)
{
    struct run run;

    execute(code, &run);
    assert_null(run.result);
    assert_true(run.vm_ended);
    assert_true(WIFSIGNALED(run.vm_status));
    assert_int_equal(WTERMSIG(run.vm_status), sig);
    assert_string_equal(run.out, "before\n");
    run_free(&run);
}

static void test_crashes(void **state)
{
    need_processes();
    assert_dies("print('before'); import os; os.abort()", SIGABRT);
    assert_dies("print('before'); import os; os.kill(os.getpid(), 9)", SIGKILL);
    assert_dies("print('before'); import os; os.kill(os.getpid(), 15)", SIGTERM);
    assert_dies("print('before'); import os; os.kill(0, 9)", SIGKILL);
    assert_dies("print('before'); import ctypes; ctypes.string_at(0)", SIGSEGV);
}

static void test_exit_at_once(void **state)
{
    struct run run;

    execute("print('before'); import os; os._exit(7)", &run);
    assert_null(run.result);
    assert_true(run.vm_ended);
    assert_true(WIFEXITED(run.vm_status));
    assert_int_equal(WEXITSTATUS(run.vm_status), 7);
    run_free(&run);
}

static const struct {
    const char *code;
    unsigned status;
    const char *err;
} exits[] = {
    {"import sys; sys.exit()", 0, ""},
    {"import sys; sys.exit(3)", 3, ""},
    {"raise SystemExit(256 + 5)", 5, ""},
    {"raise SystemExit(-1)", 255, ""},
    {"raise SystemExit('why')", 1, "why\n"},
    {"raise SystemExit(None)", 0, ""},
    {"exit(4)", 4, ""},
    {"raise SystemExit(2**100)", 255, ""},
    {"raise SystemExit([1])", 1, "[1]\n"},
    {"raise SystemExit(True)", 1, ""},
};

static void test_exits(void **state)
{
    for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++) {
        struct run run;

        execute(exits[i].code, &run);
        assert_non_null(run.result);
        assert_int_equal(run.result->end, VIVARIUM__INTERNAL__RUN_END__RUN_END_COMPLETED);
        assert_true(run.result->exited);
        assert_int_equal(run.result->exit_status, exits[i].status);
        assert_string_equal(run.err, exits[i].err);
        assert_null(run.answer->error);
        run_free(&run);
    }
}

/* As python3 ends a script: threads, then atexit, then the streams. */
static void test_what_is_left_to_do(void **state)
{
    struct run run;

    execute("import atexit, threading, time\n"
            "atexit.register(print, 'atexit')\n"
            "def work():\n"
            "    time.sleep(0.1)\n"
            "    print('thread', end=' ')\n"
            "threading.Thread(target=work).start()\n"
            "threading.Thread(target=time.sleep, args=(100,), daemon=True).start()\n"
            "print('main', end=' ')\n"
            "1/0\n",
            &run);
    assert_string_equal(run.out, "main thread atexit\n");
    assert_string_equal(run.answer->error->type, "ZeroDivisionError");
    run_free(&run);
}

static void test_excepthook(void **state)
{
    struct run run;

    execute("import sys\nsys.excepthook = lambda t, v, b: print('hook', v)\n1/0", &run);
    assert_string_equal(run.out, "hook division by zero\n");
    assert_string_equal(run.answer->error->type, "ZeroDivisionError");
    run_free(&run);
}

/* What objects do when they end is the run's, and can be cancelled with it. */
static void test_finalizers(void **state)
{
    struct run run;

    execute("class F:\n    def __del__(self): print('gone')\n    def __repr__(self): return "
            "'F'\nF()",
            &run);
    assert_string_equal(run.out, "gone\n");
    assert_string_equal(run.answer->result_repr, "F");
    run_free(&run);
}

/* What the code used, without what the worker had used before it. */
static void test_usage(void **state)
{
    struct run run;

    execute("import time\nt = time.process_time()\nwhile time.process_time() < t + 0.2: pass\n"
            "b = b'x' * (100 << 20)",
            &run);
    assert_in_range(run.result->user_cpu_ns + run.result->system_cpu_ns, 200000000, 2000000000);
    assert_in_range(run.result->peak_rss_bytes, 100 << 20, 200 << 20);
    run_free(&run);
}

static int64_t clock_of(struct worker *worker)
{
    char path[64], line[128];
    int pid = 0;
    clockid_t clock;
    struct timespec ts = {0};
    FILE *info;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", worker->vm);
    info = fopen(path, "re");
    assert_non_null(info);
    while (fgets(line, sizeof(line), info))
        sscanf(line, "Pid: %d", &pid);
    fclose(info);
    assert_int_equal(clock_getcpuclockid(pid, &clock), 0);
    assert_int_equal(clock_gettime(clock, &ts), 0);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* A thread that waits for the interpreter's lock takes a little. */
static void wait_until_idle(struct worker *worker)
{
    int64_t before, now = clock_of(worker);

    do {
        before = now;
        usleep(100000);
        now = clock_of(worker);
    } while (now - before > 20000000);
}

/* What a thread uses between two runs is nobody's, and least of all the next's. */
static void test_usage_of_a_thread_between_runs(void **state)
{
    static const struct order
        first = {.code = "import hashlib, threading, time\n"
                         "hash = hashlib.pbkdf2_hmac, ('sha256', b'', b'', 1000000)\n"
                         "threading.Thread(target=hash[0], args=hash[1]).start()\n"
                         "time.sleep(0.05)", /* it is in C now, without the GIL */
                 .keep = true},
        second = {.code = "pass", .keep = true};
    struct worker worker;
    struct run run;

    rig_spawn(&rig, &worker);
    rig_run(&worker, &first, &run);
    assert_non_null(run.result);
    run_free(&run);
    wait_until_idle(&worker);
    assert_true(clock_of(&worker) > 200000000);
    rig_run(&worker, &second, &run);
    assert_non_null(run.result);
    assert_in_range(run.result->user_cpu_ns + run.result->system_cpu_ns, 0, 100000000);
    run_free(&run);
    rig_reap(&rig, &worker, true);
}

/* User code that breaks whatever it can reach of ours. */
static void test_sabotage(void **state)
{
    static const char *const codes[] = {
        "import sys; sys.modules.clear(); 1/0",
        "import sys; sys.stdout = sys.stderr = None; 1/0",
        "import sys; del sys.stdout, sys.stderr, sys.path, sys.excepthook; 1/0",
        "import sys; sys.stdout.close(); sys.stderr.close(); 1/0",
        "import sys; sys.stdout.detach(); 1/0",
        "import builtins; builtins.__dict__.clear(); 1/0",
        "import io; io.open = None; io.StringIO = None; 1/0",
        "import threading; threading._shutdown = None; 1/0",
        "import linecache; linecache.cache = None; 1/0",
        "import os; os.close(0); os.close(1); os.close(2); 1/0",
        "import sys; sys.setrecursionlimit(5); 1/0",
        "import gc; gc.disable(); gc.freeze(); 1/0",
        "import os; os.chdir('/proc'); 1/0",
        "import sys; sys.settrace(lambda *a: 1/0); 1/0",
        "globals().clear(); 1/0",
        "import vivarium, sys; vivarium.__dict__.clear(); sys.modules.pop('vivarium'); 1/0",
    };

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        struct run run;

        execute(codes[i], &run);
        if (!run.result)
            fail_msg("%s: no answer, status %#x, stderr %s", codes[i], run.vm_status, run.err);
        else if (!run.answer->error || strcmp(run.answer->error->type, "ZeroDivisionError") != 0)
            fail_msg("%s: %s", codes[i],
                     run.answer->error ? run.answer->error->type : "no exception");
        run_free(&run);
    }
}

/* --- output and input ---------------------------------------------------- */

static void test_output(void **state)
{
    struct run run;

    execute("import os, sys, ctypes\n"
            "print('no newline', end='', flush=True)\n"
            "os.write(1, b' \\xff')\n"
            "ctypes.CDLL(None).printf(b' from C')\n"
            "sys.stderr.write('err')\n",
            &run);
    assert_int_equal(run.out_len, strlen("no newline \xff from C"));
    assert_memory_equal(run.out, "no newline \xff from C", run.out_len);
    assert_string_equal(run.err, "err");
    run_free(&run);
}

/* As one does that a signal's handler has interrupted. */
static void test_a_flush_that_fails_is_tried_again(void **state)
{
    struct run run;

    execute("import os, sys\n"
            "class Stream:\n"
            "    flushed = 0\n"
            "    def flush(self):\n"
            "        self.flushed += 1\n"
            "        os.write(1, b'flush %d\\n' % self.flushed)\n"
            "        if self.flushed == 1: raise OSError\n"
            "sys.stderr = Stream()\n",
            &run);
    assert_string_equal(run.out, "flush 1\nflush 2\n");
    run_free(&run);
}

static void test_large_output(void **state)
{
    struct run run;

    execute("import sys\nfor i in range(200000): print(i, end=' ')\n"
            "sys.stdout.write('x' * (8 << 20))\nprint('end')",
            &run);
    assert_int_equal(run.result->end, VIVARIUM__INTERNAL__RUN_END__RUN_END_COMPLETED);
    assert_int_equal(run.out_len, 1288890 + (8 << 20) + 4);
    assert_string_equal(run.out + run.out_len - 5, "xend\n");
    run_free(&run);
}

/* Seen while the script sleeps: only its start, or the end comes with it. */
static void test_output_is_live(void **state)
{
    const struct order order = {
        .code = "import time\nfor i in range(100): print('.', end='')\ntime.sleep(60)",
        .patience_ms = 1000};
    struct worker worker;
    struct run run;

    rig_spawn(&rig, &worker);
    rig_run(&worker, &order, &run);
    rig_reap(&rig, &worker, false);
    assert_null(run.result);
    assert_int_equal(run.out_len, 100);
    run_free(&run);
}

/* Both processes of a fork come to the end of the script: one answers, the
 * other ends as python3 would, and neither writes what the other had to. */
static void test_fork(void **state)
{
    struct run run;

    need_processes();

    execute("import os\nfor i in range(1000): print('a', end='')\n"
            "pid = os.fork()\n"
            "if pid == 0:\n    print('b', end='')\n    1/0\n"
            "status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])\n"
            "print('c', end='')\nstatus",
            &run);
    assert_int_equal(run.result_count, 1);
    assert_string_equal(run.answer->result_repr, "1");
    assert_int_equal(run.out_len, 1002);
    assert_string_equal(run.err, "Traceback (most recent call last):\n"
                                 "  File \"<execution>\", line 6, in <module>\n"
                                 "    1/0\n    ~^~\n"
                                 "ZeroDivisionError: division by zero\n");
    run_free(&run);
}

static void test_input(void **state)
{
    struct order order = {.code = "import sys; sys.stdin.read()"};
    struct run run;

    rig_execute(&rig, &order, &run);
    assert_string_equal(run.answer->result_repr, "''");
    run_free(&run);
    order.code = "input(), input()";
    order.in = "one\ntwo\n";
    order.in_len = 8;
    rig_execute(&rig, &order, &run);
    assert_string_equal(run.answer->result_repr, "('one', 'two')");
    run_free(&run);
}

static void test_large_code(void **state)
{
    size_t len = 10 << 20;
    char *code = malloc(len + 32);
    struct order order = {.code = code, .patience_ms = 60000};
    struct run run;

    assert_non_null(code);
    for (size_t i = 0; i < len; i += 128)
        sprintf(code + i, "x = '%0121d'\n", 5);
    strcpy(code + len, "int(x) + 1");
    rig_execute(&rig, &order, &run);
    assert_non_null(run.result);
    assert_string_equal(run.answer->result_repr, "6");
    run_free(&run);
    free(code);
}

/* --- nothing is left ----------------------------------------------------- */

#define FAMILY_MAX 64

static pid_t parent_of(pid_t pid)
{
    char path[32];
    FILE *stat;
    int parent = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    stat = fopen(path, "re");
    if (!stat)
        return 0;
    if (fscanf(stat, "%*d (%*[^)]) %*c %d", &parent) != 1)
        parent = 0;
    fclose(stat);
    return parent;
}

static bool is_below(pid_t pid, pid_t ancestor)
{
    while (pid > 1 && pid != ancestor)
        pid = parent_of(pid);
    return pid == ancestor;
}

/* A process and all its descendants; pidfds of them, unless NULL. */
static int count_family(pid_t ancestor, int *pidfds)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    int count = 0;

    assert_non_null(proc);
    while ((entry = readdir(proc))) {
        pid_t pid = atoi(entry->d_name);

        if (pid > 0 && is_below(pid, ancestor) && count < FAMILY_MAX) {
            if (pidfds)
                pidfds[count] = pidfd_open(pid, 0);
            count++;
        }
    }
    closedir(proc);
    return count;
}

static void assert_end(const int *pidfds, int count)
{
    for (int i = 0; i < count; i++) {
        struct pollfd fd = {pidfds[i], POLLIN, 0};

        assert_int_equal(poll(&fd, 1, 30000), 1);
        close(pidfds[i]);
    }
}

static const char escape[] = "import os, signal, time\n"
                             "for i in range(3):\n"
                             "    if os.fork() == 0:\n"
                             "        os.setsid()\n"
                             "        if os.fork() == 0:\n"
                             "            for s in range(1, 32):\n"
                             "                if s not in (9, 19): signal.signal(s, "
                             "signal.SIG_IGN)\n"
                             "            for fd in range(3, 10):\n"
                             "                try: os.close(fd)\n"
                             "                except OSError: pass\n"
                             "            time.sleep(1000)\n"
                             "        os._exit(0)\n";

/* Double-forked, in sessions of their own, deaf to signals: gone with init. */
static void test_orphans_die_with_init(void **state)
{
    struct run run;

    execute(escape, &run);
    assert_non_null(run.result);
    run_free(&run);
    assert_int_equal(count_family(rig.pid, NULL), 2);
}

static void test_orphans_are_reaped(void **state)
{
    char code[2048];
    struct run run;

    need_processes();
    snprintf(code, sizeof(code),
             "%sfor i in range(50):\n    if os.fork() == 0: os._exit(os.fork() and 0)\n"
             "try:\n    while True: os.wait()\nexcept ChildProcessError: pass\n"
             "for i in range(3000):\n"
             "    count = sum(1 for p in os.listdir('/proc') if p.isdigit())\n"
             "    if count <= 5: break\n"
             "    time.sleep(0.01)\n"
             "count",
             escape);
    execute(code, &run);
    assert_non_null(run.result);
    /* 0: no /proc inside, so nothing to count. */
    if (run.answer->result->integer != 0)
        assert_int_equal(run.answer->result->integer, 2 + 3);
    run_free(&run);
}

/* --- what clones share ------------------------------------------------------ */

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* Not before Linux 6.1, nor where it has none. */
static bool kernel_collapses(void)
{
    size_t large = (size_t)2 << 20;
    char *room = mmap(NULL, 2 * large, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *at = room + (-(uintptr_t)room & (large - 1));
    bool does;

    assert_ptr_not_equal(room, MAP_FAILED);
    memset(at, 1, large);
    does = madvise(at, large, MADV_COLLAPSE) == 0;
    munmap(room, 2 * large);
    return does;
}

static FILE *open_proc(pid_t pid, const char *file)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
    f = fopen(path, "re");
    assert_non_null(f);
    return f;
}

/* What was started is the stub; below it is the zygote. */
static pid_t zygote_pid(void)
{
    char file[64];
    pid_t pid = 0;
    FILE *f;

    snprintf(file, sizeof(file), "task/%d/children", rig.pid);
    f = open_proc(rig.pid, file);
    assert_int_equal(fscanf(f, "%d", &pid), 1);
    fclose(f);
    return pid;
}

static void test_what_clones_share_lies_in_large_pages(void **state)
{
    char line[128];
    long kib = 0;
    FILE *f;

    need_processes();
    if (!kernel_collapses())
        skip();
    f = open_proc(zygote_pid(), "smaps_rollup");
    while (fgets(line, sizeof(line), f))
        sscanf(line, "AnonHugePages: %ld", &kib);
    fclose(f);
    assert_true(kib >= 2048);
}

/* Processes of a second family, beside the ones of the group's own zygote. */
static void start_two(struct rig *family, struct worker *workers)
{
    rig_start(family, worker_path, NULL);
    assert_int_equal(family->ready.type, VIV_ZYGOTE_READY);
    rig_spawn(family, &workers[0]);
    rig_spawn(family, &workers[1]);
}

/* Stub, zygote, two workers of two processes each. */
#define FAMILY 6

static void test_hang_up_ends_all(void **state)
{
    struct worker workers[2];
    struct rig family;
    int pidfds[FAMILY_MAX] = {0};

    start_two(&family, workers);
    assert_int_equal(count_family(family.pid, pidfds), FAMILY);
    rig_stop(&family);
    assert_end(pidfds, FAMILY);
}

/* What the family that is started meanwhile writes to stderr goes to *ret_fd. */
static void start_two_heard(struct rig *family, struct worker *workers, int *ret_fd)
{
    int fds[2], mine = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    dup2(fds[1], STDERR_FILENO);
    start_two(family, workers);
    dup2(mine, STDERR_FILENO);
    close(mine);
    close(fds[1]);
    *ret_fd = fds[0];
}

static void read_all(int fd, char *text, size_t size)
{
    size_t len = 0;
    ssize_t n;

    while (len < size - 1 && (n = read(fd, text + len, size - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
}

static void signal_all(const int *pidfds, int sig)
{
    for (int i = 0; i < FAMILY; i++)
        assert_int_equal(pidfd_send_signal(pidfds[i], sig, NULL, 0), 0);
}

/* A worker ends and the supervisor is gone, before the zygote has seen either: there
 * is nobody to tell, and nothing to complain of. */
static void test_nobody_to_tell(void **state)
{
    int pidfds[FAMILY_MAX] = {0}, heard;
    struct worker workers[2];
    struct pollfd end;
    struct rig family;
    char text[65536];

    start_two_heard(&family, workers, &heard);
    assert_int_equal(count_family(family.pid, pidfds), FAMILY);
    signal_all(pidfds, SIGSTOP);
    end = (struct pollfd){.fd = workers[0].init, .events = POLLIN};
    assert_int_equal(pidfd_send_signal(workers[0].init, SIGKILL, NULL, 0), 0);
    assert_int_equal(poll(&end, 1, -1), 1);
    close(family.link);
    for (int i = 0; i < FAMILY; i++)
        pidfd_send_signal(pidfds[i], SIGCONT, NULL, 0);
    assert_int_equal(waitpid(family.pid, NULL, 0), family.pid);
    assert_end(pidfds, FAMILY);
    read_all(heard, text, sizeof(text));
    if (strstr(text, "vivarium-worker: ")) /* a sanitizer may have something to say */
        fail_msg("%s", text);
    close(heard);
}

/* Whoever has reaped what he started has nothing of it left. Without a pid namespace the
 * kernel tells the workers' processes one after the other that the one above is gone. */
static void test_asked_to_end_it_ends_last(void **state)
{
    struct worker workers[2];
    struct rig family;
    int pidfds[FAMILY_MAX] = {0}, status, patience_ms;

    start_two(&family, workers);
    patience_ms = family.ready.layers & VIV_LAYER_BIT(VIV_LAYER_PID_NAMESPACE) ? 0 : 10000;
    assert_int_equal(count_family(family.pid, pidfds), FAMILY);
    assert_int_equal(kill(family.pid, SIGTERM), 0);
    assert_int_equal(waitpid(family.pid, &status, 0), family.pid);
    for (int i = 0; i < FAMILY; i++) {
        struct pollfd end = {.fd = pidfds[i], .events = POLLIN};

        assert_int_equal(poll(&end, 1, patience_ms), 1);
        close(pidfds[i]);
    }
}

static void test_killed_zygote_takes_all(void **state)
{
    struct worker workers[2];
    struct rig family;
    int pidfds[FAMILY_MAX] = {0}, status;

    start_two(&family, workers);
    assert_int_equal(count_family(family.pid, pidfds), FAMILY);
    assert_int_equal(kill(family.pid, SIGKILL), 0);
    assert_int_equal(waitpid(family.pid, &status, 0), family.pid);
    assert_end(pidfds, FAMILY);
}

/* A supervisor whose descriptors live on in a child of its own, so that only
 * the death signal can tell of its end. */
static _Noreturn void be_supervisor(int ready, int hold)
{
    struct worker workers[2];
    struct rig family;

    start_two(&family, workers);
    if (fork() == 0)
        _exit((int)read(hold, &(char){0}, 1));
    if (write(ready, &family.pid, sizeof(family.pid)) > 0)
        pause();
    _exit(1);
}

static void test_killed_supervisor_takes_all(void **state)
{
    int pidfds[FAMILY_MAX] = {0}, ready[2], hold[2], status;
    pid_t supervisor, family;

    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
    supervisor = fork();
    if (supervisor == 0) {
        close(hold[1]);
        be_supervisor(ready[1], hold[0]);
    }
    close(hold[0]);
    assert_int_equal(read(ready[0], &family, sizeof(family)), sizeof(family));
    assert_int_equal(count_family(family, pidfds), FAMILY);
    kill(supervisor, SIGKILL);
    waitpid(supervisor, &status, 0);
    assert_end(pidfds, FAMILY);
    close(ready[0]);
    close(ready[1]);
    close(hold[1]);
}

static int start(void **state)
{
    rig_start(&rig, worker_path, NULL);
    return rig.ready.type == VIV_ZYGOTE_READY ? 0 : -1;
}

static int stop(void **state)
{
    rig_stop(&rig);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crashes),
        cmocka_unit_test(test_exit_at_once),
        cmocka_unit_test(test_exits),
        cmocka_unit_test(test_what_is_left_to_do),
        cmocka_unit_test(test_excepthook),
        cmocka_unit_test(test_finalizers),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_usage_of_a_thread_between_runs),
        cmocka_unit_test(test_sabotage),
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_a_flush_that_fails_is_tried_again),
        cmocka_unit_test(test_large_output),
        cmocka_unit_test(test_output_is_live),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_input),
        cmocka_unit_test(test_large_code),
        cmocka_unit_test(test_orphans_die_with_init),
        cmocka_unit_test(test_orphans_are_reaped),
        cmocka_unit_test(test_what_clones_share_lies_in_large_pages),
        cmocka_unit_test(test_hang_up_ends_all),
        cmocka_unit_test(test_nobody_to_tell),
        cmocka_unit_test(test_asked_to_end_it_ends_last),
        cmocka_unit_test(test_killed_zygote_takes_all),
        cmocka_unit_test(test_killed_supervisor_takes_all),
    };

    worker_path = argc > 1 ? argv[1] : "worker/vivarium-worker";
    return cmocka_run_group_tests(tests, start, stop);
}
