/* Who dies with whom, that nothing of them is left, and what clones share. */
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
#include <unistd.h>

#include "tests/unit/test.h"
#include "tests/worker/group.h"

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

    group_execute(escape, &run);
    assert_non_null(run.result);
    run_free(&run);
    assert_int_equal(count_family(rig.pid, NULL), 2);
}

static void test_orphans_are_reaped(void **state)
{
    char code[2048];
    struct run run;

    group_need_processes();
    snprintf(code, sizeof(code),
             "%sfor i in range(50):\n    if os.fork() == 0: os._exit(os.fork() and 0)\n"
             "try:\n    while True: os.wait()\nexcept ChildProcessError: pass\n"
             "for i in range(3000):\n"
             "    count = sum(1 for p in os.listdir('/proc') if p.isdigit())\n"
             "    if count <= 5: break\n"
             "    time.sleep(0.01)\n"
             "count",
             escape);
    group_execute(code, &run);
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

    group_need_processes();
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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orphans_die_with_init),
        cmocka_unit_test(test_orphans_are_reaped),
        cmocka_unit_test(test_what_clones_share_lies_in_large_pages),
        cmocka_unit_test(test_hang_up_ends_all),
        cmocka_unit_test(test_nobody_to_tell),
        cmocka_unit_test(test_asked_to_end_it_ends_last),
        cmocka_unit_test(test_killed_zygote_takes_all),
        cmocka_unit_test(test_killed_supervisor_takes_all),
    };

    group_find_worker(argc, argv);
    return cmocka_run_group_tests(tests, group_start, group_stop);
}
