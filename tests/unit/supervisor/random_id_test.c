#include "supervisor/random_id.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"

#define MANY 1000

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void no_two_are_the_same(void **state)
{
    static char drawn[MANY][VIV_ID_MAX + 1];
    struct random_ids ids = {0};

    for (int i = 0; i < MANY; i++) {
        random_id(&ids, drawn[i]);
        assert_int_equal(strlen(drawn[i]), 32);
        assert_int_equal(strspn(drawn[i], "0123456789abcdef"), 32);
    }
    qsort(drawn, MANY, sizeof(drawn[0]), by_text);
    for (int i = 1; i < MANY; i++)
        assert_string_not_equal(drawn[i - 1], drawn[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_two_are_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
