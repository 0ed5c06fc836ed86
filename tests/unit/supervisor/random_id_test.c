#include "supervisor/random_id.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test.h"

#define MANY 1000

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void no_two_are_the_same(void **state)
{
    static char drawn[MANY][VIV_ID_MAX + 1];
    struct random_ids *ids = NULL;

    for (int i = 0; i < MANY; i++) {
        random_id(&ids, drawn[i]);
        assert_int_equal(strlen(drawn[i]), 32);
        assert_int_equal(strspn(drawn[i], "0123456789abcdef"), 32);
    }
    qsort(drawn, MANY, sizeof(drawn[0]), by_text);
    for (int i = 1; i < MANY; i++)
        assert_string_not_equal(drawn[i - 1], drawn[i]);
    random_ids_free(ids);
}

static void nor_in_a_child(void **state)
{
    char ours[VIV_ID_MAX + 1], theirs[VIV_ID_MAX + 1];
    struct random_ids *ids = NULL;
    int ends[2];
    pid_t pid;

    random_id(&ids, ours);
    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        random_id(&ids, theirs);
        _exit(write(ends[1], theirs, sizeof(theirs)) != sizeof(theirs));
    }
    assert_int_equal(read(ends[0], theirs, sizeof(theirs)), sizeof(theirs));
    waitpid(pid, NULL, 0);
    random_id(&ids, ours);
    assert_string_not_equal(ours, theirs);
    close(ends[0]);
    close(ends[1]);
    random_ids_free(ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_two_are_the_same),
        cmocka_unit_test(nor_in_a_child),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
