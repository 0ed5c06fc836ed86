/* The observed verdict on every system call number, against the list that is
 * committed: a change of a rule, of libseccomp or of the kernel shows as a line.
 *
 * usage: verdicts_test [--write] verdicts.txt */
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/seccomp/verdict.h"
#include "tests/unit/test.h"

#define NUMBERS 480
#define X32 0x40000000L

static const char *path;
static const unsigned long zeros[6];

/* Calls that the filter judges by an argument. */
static const struct {
    const char *name;
    unsigned long args[6];
} cases[] = {
#include "tests/seccomp/cases.inc"
};

/* uretprobe and uprobe are the kernel's own trampolines: it asks no filter, and
 * kills who gets there in another way. */
static bool exempt(long number)
{
    return number == 335 || number == 336;
}

static void line_of_number(long number, char *line, size_t room)
{
    char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)number);

    snprintf(line, room, "%ld %s %s\n", number, name ? name : "-",
             exempt(number) ? "exempt" : verdict_name(verdict(number, zeros)));
    free(name);
}

static void line_of_case(size_t i, char *line, size_t room)
{
    int number = seccomp_syscall_resolve_name(cases[i].name);
    const unsigned long *a = cases[i].args;

    snprintf(line, room, "%s(%#lx, %#lx, %#lx) %s\n", cases[i].name, a[0], a[1], a[2],
             verdict_name(verdict(number, a)));
}

#define CASES (sizeof(cases) / sizeof(cases[0]))

static void line_at(size_t i, char *line, size_t room)
{
    if (i < NUMBERS)
        line_of_number((long)i, line, room);
    else if (i < NUMBERS + CASES)
        line_of_case(i - NUMBERS, line, room);
    else
        snprintf(line, room, "x32 getpid %s\n", verdict_name(verdict(X32 | 39, zeros)));
}

static void every_verdict_is_the_committed_one(void **state)
{
    FILE *file = fopen(path, "re");
    char want[128], got[128];
    unsigned wrong = 0;

    assert_non_null(file);
    for (size_t i = 0; i < NUMBERS + CASES + 1; i++) {
        line_at(i, got, sizeof(got));
        if (fgets(want, sizeof(want), file) && strcmp(want, got) == 0)
            continue;
        fprintf(stderr, "committed: %sobserved:  %s", want, got);
        wrong++;
    }
    assert_null(fgets(want, sizeof(want), file));
    fclose(file);
    assert_int_equal(wrong, 0);
}

static int write_all(void)
{
    FILE *file = fopen(path, "we");
    char line[128];

    if (!file)
        return 1;
    for (size_t i = 0; i < NUMBERS + CASES + 1; i++) {
        line_at(i, line, sizeof(line));
        fputs(line, file);
    }
    return fclose(file);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verdict_is_the_committed_one),
    };

    path = argv[argc - 1];
#if !defined(__x86_64__)
    fprintf(stderr, "SKIPPED: the committed verdicts are those of x86-64\n");
    return 0;
#endif
    if (argc >= 3 && strcmp(argv[argc - 2], "--write") == 0)
        return write_all();
    return cmocka_run_group_tests_name("verdicts", tests, NULL, NULL);
}
