/* Many bad ends in a row, and a supervisor's own: nothing of them is left. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/hostile/limits.h"
#include "tests/unit/test.h"

#define IN_FLIGHT 4
#define TENANTS 3

static unsigned executions = 1000;
static const char *self;

static const struct end {
    const char *name, *code;
    enum viv_outcome outcome;
} ends[] = {
    {"out of memory", "grab(200)", VIV_OUTCOME_MEMORY_EXCEEDED},
    {"memory error", "x = bytearray(1 << 30)", VIV_OUTCOME_MEMORY_EXCEEDED},
    {"timeout", "while True: pass", VIV_OUTCOME_WALL_TIME_EXCEEDED},
    {"deaf timeout",
     "while True:\n"
     "    try:\n"
     "        while True: pass\n"
     "    except BaseException:\n"
     "        while True: pass",
     VIV_OUTCOME_WALL_TIME_EXCEEDED},
    {"fork bomb",
     "while True:\n"
     "    try:\n"
     "        if os.fork() == 0: os.setsid()\n"
     "    except OSError: pass",
     VIV_OUTCOME_WALL_TIME_EXCEEDED},
    {"crash", "ctypes.string_at(8)", VIV_OUTCOME_WORKER_DIED},
    {"exit", "os._exit(3)", VIV_OUTCOME_WORKER_DIED},
    {"left running",
     "import time\n"
     "for i in range(5):\n"
     "    if os.fork() == 0: os.setsid(); time.sleep(1000); os._exit(0)",
     VIV_OUTCOME_COMPLETED},
    {"fine", "open('/tmp/x', 'w').write('x' * 1000000)", VIV_OUTCOME_COMPLETED},
};

#define ENDS (sizeof(ends) / sizeof(ends[0]))

static struct run *start_one(struct viv_supervisor *s, const struct end *end, unsigned number)
{
    /* A bomb keeps every processor busy: it is the wall that is to end it. */
    const struct viv_limits limits = {.memory_bytes = 64 * MIB,
                                      .pids = 12,
                                      .wall_time_ns = 100 * MS,
                                      .cpu_time_ns = 60000 * MS,
                                      .cancel_grace_ns = 50 * MS};
    const struct viv_limits patient = {
        .memory_bytes = 64 * MIB, .pids = 12, .wall_time_ns = 60000 * MS};
    char tenant[16];

    snprintf(tenant, sizeof(tenant), "t%u", number % TENANTS);
    return limits_run(s, tenant, end->code,
                      end->outcome == VIV_OUTCOME_WALL_TIME_EXCEEDED ? &limits : &patient);
}

static void finish_one(struct run *r, const struct end *end)
{
    harness_wait(r);
    if (r->outcome != end->outcome)
        fail_msg("%s: %s; %s%s%s", end->name, viv_outcome_name(r->outcome), r->death.text,
                 r->receipt.reason, r->error.text);
    harness_free(r);
}

static void storm(struct viv_supervisor *s, unsigned count)
{
    const struct end *kinds[IN_FLIGHT];
    struct run *runs[IN_FLIGHT];
    unsigned seed = 4711;

    for (unsigned i = 0; i < count + IN_FLIGHT; i++) {
        unsigned lane = i % IN_FLIGHT;

        if (i >= IN_FLIGHT)
            finish_one(runs[lane], kinds[lane]);
        if (i >= count)
            continue;
        kinds[lane] = &ends[(unsigned)rand_r(&seed) % ENDS];
        runs[lane] = start_one(s, kinds[lane], i);
    }
}

/* Every worker is a descendant of the one child that the supervisor started, and
 * what that one left would be ours to see. */
static bool have_children(void)
{
    return waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD;
}

static void leaves_nothing(const struct viv_profile *profile, unsigned count)
{
    unsigned fds = harness_open_fds(), mounts = limits_count_mounts();
    struct viv_config config;
    struct viv_supervisor *s;

    limits_config(&config, 8);
    config.profiles = profile;
    config.profile_count = profile ? 1 : 0;
    s = harness_start(&config);
    assert_true(limits_count_groups(getpid()) > 0);
    storm(s, count);
    harness_expect(s, "6 * 7", VIV_OUTCOME_COMPLETED);
    harness_stop(s);
    assert_false(have_children());
    assert_int_equal(limits_count_groups(getpid()), 0);
    assert_int_equal(limits_count_mounts(), mounts);
    assert_in_range(harness_open_fds(), 0, fds);
}

static void a_thousand_bad_ends_leave_nothing(void **state)
{
    leaves_nothing(NULL, executions);
}

/* A zygote for each of them. */
static void nor_do_those_with_zygotes_of_their_own(void **state)
{
    const struct viv_profile profile = {
        .name = "default", .workers_warm = 2, .isolation = VIV_ISOLATION_EXEC};

    leaves_nothing(&profile, executions / 8);
}

/* --- a supervisor that is killed ----------------------------------------- */

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* Says on its stdout that code runs, and waits for its end. */
static int supervise(void)
{
    const char code[] = "import time\nos.fork(); print('here'); time.sleep(1000)";
    struct viv_config config;
    struct viv_supervisor *s;
    struct run *r;

    limits_config(&config, 4);
    s = harness_start(&config);
    r = limits_run(s, NULL, code, NULL);
    while (r->streamed == 0)
        sleep_ms(1);
    return write(STDOUT_FILENO, "x", 1) == 1 ? pause() : 1;
}

static pid_t start_supervisor(void)
{
    int says[2];
    pid_t pid;
    char byte;

    assert_int_equal(pipe(says), 0);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(says[1], STDOUT_FILENO);
        execl(self, self, "supervise", NULL);
        _exit(127);
    }
    close(says[1]);
    assert_int_equal(read(says[0], &byte, 1), 1);
    close(says[0]);
    return pid;
}

static void the_next_supervisor_removes_what_a_killed_one_left(void **state)
{
    pid_t pid = start_supervisor();
    struct viv_config config;
    struct viv_supervisor *s;

    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(limits_count_groups(pid) > 0);
    limits_config(&config, 4);
    s = harness_start(&config);
    assert_int_equal(limits_count_groups(pid), 0);
    harness_expect(s, "6 * 7", VIV_OUTCOME_COMPLETED);
    harness_stop(s);
    assert_int_equal(limits_count_groups(getpid()), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_bad_ends_leave_nothing),
        cmocka_unit_test(nor_do_those_with_zygotes_of_their_own),
        cmocka_unit_test(the_next_supervisor_removes_what_a_killed_one_left),
    };

    const char *count = getenv("VIV_STORM");

    self = argv[0];
    if (argc == 2 && strcmp(argv[1], "supervise") == 0)
        return supervise();
    if (count)
        executions = (unsigned)strtoul(count, NULL, 10);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
