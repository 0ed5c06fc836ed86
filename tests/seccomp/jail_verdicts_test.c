/* The committed verdicts once more, by a real worker's real calls: every number
 * that is refused says so in the whole jail, too. What is refused does nothing,
 * so it may be called.
 *
 * usage: jail_verdicts_test WORKER verdicts.txt */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"
#include "tests/worker/rig.h"

static const char *worker_path, *verdicts;

static const char before[] = "import ctypes, errno\n"
                             "libc = ctypes.CDLL(None, use_errno=True)\n"
                             "zeros = [ctypes.c_long(0)] * 6\n"
                             "def verdict(number):\n"
                             "    ctypes.set_errno(0)\n"
                             "    if libc.syscall(ctypes.c_long(number), *zeros) != -1:\n"
                             "        return 0\n"
                             "    return ctypes.get_errno()\n"
                             "wrong = []\n"
                             "for number, wanted in [\n";
static const char after[] =
    "]:\n"
    "    if verdict(number) != (wanted != 'pretended' and getattr(errno, wanted)):\n"
    "        wrong.append((number, wanted, verdict(number)))\n"
    "wrong\n";

/* Lines of numbers come first: "101 ptrace EPERM". */
static unsigned add_refused(FILE *from, FILE *code)
{
    char line[128], name[64], verdict[32];
    unsigned count = 0;
    int number;

    while (fgets(line, sizeof(line), from) &&
           sscanf(line, "%d %63s %31s", &number, name, verdict) == 3) {
        if (strcmp(verdict, "allowed") == 0 || strcmp(verdict, "exempt") == 0)
            continue;
        fprintf(code, "(%d, '%s'),\n", number, verdict);
        count++;
    }
    return count;
}

static void every_refusal_is_the_jail_s_too(void **state)
{
    static const char *const none[] = {NULL};
    FILE *file = fopen(verdicts, "re");
    struct order order = {0};
    struct rig rig;
    struct run run;
    size_t len;
    char *text;
    FILE *code = open_memstream(&text, &len);

    assert_non_null(file);
    fputs(before, code);
    assert_in_range(add_refused(file, code), 100, 480);
    fputs(after, code);
    fclose(code);
    fclose(file);
    order.code = text;
    rig_start_with(&rig, worker_path, none);
    rig_execute(&rig, &order, &run);
    assert_non_null(run.answer);
    assert_null(run.answer->error);
    assert_string_equal(run.answer->result_repr, "[]");
    run_free(&run);
    rig_stop(&rig);
    free(text);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_refusal_is_the_jail_s_too)};

    worker_path = argv[1];
    verdicts = argv[argc - 1];
#if !defined(__x86_64__)
    fprintf(stderr, "SKIPPED: the committed verdicts are those of x86-64\n");
    return 0;
#endif
    return cmocka_run_group_tests_name("verdicts in the jail", tests, NULL, NULL);
}
