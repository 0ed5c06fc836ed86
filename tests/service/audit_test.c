/* The audit's file: a disk that takes a line in part, or none for a while. */
#include "supervisor/service/audit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/service/metrics.h"
#include "tests/unit/test.h"

#define TAKEN 20000 /* executions, more than lines may wait */

static char folder[] = "/tmp/viv-audit-XXXXXX";
static char path[64], moved[64];
static struct audit *audit;
static unsigned ended;

/* From here on a file takes so many bytes: the disk is full. */
static void set_room(rlim_t bytes)
{
    struct rlimit limit;

    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int set_up(void **state)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/audit", folder);
    snprintf(moved, sizeof(moved), "%s/moved", folder);
    signal(SIGXFSZ, SIG_IGN);
    ended = 0;
    return 0;
}

static int tear_down(void **state)
{
    set_room(RLIM_INFINITY);
    unlink(path);
    unlink(moved);
    return rmdir(folder);
}

static void start(const char *file, bool required)
{
    struct viv_error err;

    if (audit_open(file, required, &audit, &err) < 0)
        fail_msg("%s", err.text);
}

static void end_one(void)
{
    struct audit_record record = {.method = "Execute"};
    const struct viv_error error = {.status = VIV_CANCELLED};

    snprintf(record.execution_id, sizeof(record.execution_id), "e%06u", ended++);
    audit_ended(audit, &record, NULL, &error);
}

static off_t size_of(const char *file)
{
    struct stat st;

    return stat(file, &st) == 0 ? st.st_size : -1;
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){0, ms * 1000000}, NULL);
}

static unsigned long failures(void)
{
    static const char name[] = "\nvivarium_audit_failures_total ";
    char *page = NULL;
    const char *found;
    unsigned long count;
    size_t len;
    struct viv_error err;

    assert_int_equal(metrics_text(&(struct metrics_now){0}, &page, &len, &err), 0);
    found = strstr(page, name);
    assert_non_null(found);
    count = strtoul(found + strlen(name), NULL, 10);
    free(page);
    return count;
}

static void expect_ready(bool wanted)
{
    for (int i = 0; i < 1000 && audit_ready(audit) != wanted; i++)
        sleep_ms(10);
    assert_int_equal(audit_ready(audit), wanted);
}

static void expect_lines_written(const char *file, unsigned lines, off_t line_size)
{
    for (int i = 0; i < 1000 && size_of(file) != (off_t)lines * line_size; i++)
        sleep_ms(10);
    assert_int_equal(size_of(file), (off_t)lines * line_size);
}

/* All lines of the file are whole, and those of the executions from `first` on. */
static void expect_whole(const char *file, unsigned first, unsigned count)
{
    FILE *f = fopen(file, "re");
    char line[AUDIT_LINE_MAX], id[32];
    unsigned found = 0;

    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        snprintf(id, sizeof(id), "\"e%06u\"", first + found);
        if (line[0] != '{' || strchr(line + 1, '{') ||
            strcmp(line + strlen(line) - 2, "}\n") != 0 || !strstr(line, id))
            fail_msg("line %u: %s", found + 1, line);
        found++;
    }
    fclose(f);
    assert_int_equal(found, count);
}

/* One is written, and of the next one the disk takes a half; the line's length. */
static off_t write_one_and_half(const char *file)
{
    off_t size;

    end_one();
    for (int i = 0; i < 1000 && size_of(file) == 0; i++)
        sleep_ms(10);
    size = size_of(file);
    set_room((rlim_t)size * 3 / 2);
    end_one();
    return size;
}

static void test_part_required(void **state)
{
    start(path, true);
    write_one_and_half(path);
    expect_ready(false);
    set_room(RLIM_INFINITY);
    expect_ready(true);
    end_one();
    audit_close(audit);
    expect_whole(path, 0, 3);
}

/* That line is dropped, and what follows is whole. */
static void test_part_dropped(void **state)
{
    unsigned long before = failures();
    off_t size;

    start(path, false);
    size = write_one_and_half(path);
    for (int i = 0; i < 1000 && failures() == before; i++)
        sleep_ms(10);
    set_room(RLIM_INFINITY);
    ended = 1;
    end_one();
    expect_lines_written(path, 2, size);
    audit_close(audit);
    expect_whole(path, 0, 2);
}

/* Neither file has a part of a line, whichever it was that was full. */
static void test_part_rotated(void **state)
{
    start(path, true);
    write_one_and_half(path);
    expect_ready(false);
    assert_int_equal(rename(path, moved), 0);
    audit_reopen(audit);
    expect_ready(true);
    set_room(RLIM_INFINITY);
    end_one();
    audit_close(audit);
    expect_whole(moved, 0, 1);
    expect_whole(path, 1, 2);
}

/* Opened again by the same name, as each SIGHUP does. */
static void test_part_reopened(void **state)
{
    start(path, true);
    write_one_and_half(path);
    expect_ready(false);
    audit_reopen(audit);
    set_room(RLIM_INFINITY);
    expect_ready(true);
    audit_close(audit);
    expect_whole(path, 0, 2);
}

/* The daemon ends while the disk is full; the next one begins a line. */
static void test_part_at_the_end(void **state)
{
    start(path, true);
    write_one_and_half(path);
    expect_ready(false);
    audit_close(audit);
    set_room(RLIM_INFINITY);
    ended = 1;
    start(path, true);
    end_one();
    audit_close(audit);
    expect_whole(path, 0, 2);
}

/* A file that can only be appended to, and its name. */
static int make_sealed(char ret_name[64])
{
    int fd = memfd_create("audit", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    snprintf(ret_name, 64, "/proc/self/fd/%d", fd);
    return fd;
}

/* It keeps the part, as a line of its own. */
static void expect_part_stays(bool reopened)
{
    char sealed[64], text[8 * AUDIT_LINE_MAX] = "", *second;
    int fd = make_sealed(sealed);
    off_t size;

    ended = 0;
    start(sealed, true);
    size = write_one_and_half(sealed);
    expect_ready(false);
    if (reopened)
        audit_reopen(audit);
    set_room(RLIM_INFINITY);
    expect_ready(true);
    audit_close(audit);
    assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
    close(fd);
    assert_int_equal(text[size - 1], '\n');
    second = text + size + size / 2;
    assert_int_equal(*second, '\n');
    assert_int_equal(second[1], '{');
    assert_non_null(strstr(second, "\"e000001\""));
    assert_int_equal(strlen(second + 1), size);
}

static void test_part_stays(void **state)
{
    expect_part_stays(false);
    expect_part_stays(true);
}

/* What the file before has kept is no matter of a new one. */
static void test_part_left_behind(void **state)
{
    char sealed[64];
    int fd = make_sealed(sealed);

    assert_int_equal(symlink(sealed, path), 0);
    start(path, true);
    write_one_and_half(path);
    expect_ready(false);
    unlink(path);
    audit_reopen(audit);
    set_room(RLIM_INFINITY);
    expect_ready(true);
    audit_close(audit);
    close(fd);
    expect_whole(path, 1, 1);
}

/* More executions than lines may wait, all let in before the disk failed. */
static void test_all_taken(void **state)
{
    assert_int_equal(symlink("/dev/full", path), 0);
    start(path, true);
    assert_true(audit_ready(audit));
    for (unsigned i = 0; i < TAKEN; i++)
        end_one();
    expect_ready(false);
    assert_int_equal(unlink(path), 0);
    audit_reopen(audit);
    expect_ready(true);
    audit_close(audit);
    expect_whole(path, 0, TAKEN);
}

/* Else the queue is bounded: what doesn't fit is dropped, and nobody waits. */
static void test_bounded(void **state)
{
    int pipe_fds[2];
    char name[64];
    unsigned found = 0;
    ssize_t n;
    char text[4096];

    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    snprintf(name, sizeof(name), "/proc/self/fd/%d", pipe_fds[1]);
    start(name, false);
    close(pipe_fds[1]);
    for (unsigned i = 0; i < TAKEN; i++)
        end_one();
    assert_true(audit_ready(audit));
    fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
    for (int quiet = 0; quiet < 30;) {
        n = read(pipe_fds[0], text, sizeof(text));
        for (ssize_t i = 0; i < n; i++)
            found += text[i] == '\n';
        quiet = n > 0 ? 0 : quiet + 1;
        if (n <= 0)
            sleep_ms(10);
    }
    audit_close(audit);
    close(pipe_fds[0]);
    assert_true(found >= AUDIT_QUEUE_MAX && found < TAKEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_part_required, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_part_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_part_rotated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_part_reopened, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_part_at_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_part_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_part_left_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_all_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bounded, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
