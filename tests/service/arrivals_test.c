#include "supervisor/service/arrivals.h"

#include <stdio.h>

#include "supervisor/service/admission.h"
#include "tests/unit/test.h"

#define MAX 8

static struct arrivals *arrivals;
static struct arrival all[100];

static int set_up(void **state)
{
    for (int i = 0; i < 100; i++)
        all[i] = (struct arrival){.tenant = NULL};
    arrivals = arrivals_new(MAX);
    return 0;
}

static int tear_down(void **state)
{
    for (int i = 0; i < 100; i++)
        arrivals_remove(arrivals, &all[i]);
    assert_null(arrivals_oldest(arrivals));
    arrivals_free(arrivals);
    return 0;
}

static void test_order(void **state)
{
    for (int i = 0; i < MAX; i++)
        assert_null(arrivals_add(arrivals, &all[i], i % 2 ? "odd" : "even", i));
    arrivals_remove(arrivals, &all[0]);
    arrivals_remove(arrivals, &all[0]);
    arrivals_remove(arrivals, &all[2]);
    assert_ptr_equal(arrivals_oldest(arrivals), &all[1]);
    assert_int_equal(all[1].since_ns, 1);
    arrivals_remove(arrivals, &all[1]);
    assert_ptr_equal(arrivals_oldest(arrivals), &all[3]);
}

/* The oldest of who has most goes; another's stay, however old. */
static void test_flood(void **state)
{
    arrivals_add(arrivals, &all[0], "other", 0);
    for (int i = 1; i < MAX; i++)
        arrivals_add(arrivals, &all[i], "flood", i);
    for (int i = MAX; i < 50; i++) {
        assert_ptr_equal(arrivals_add(arrivals, &all[i], "flood", i), &all[i - MAX + 1]);
        assert_null(all[i - MAX + 1].tenant);
    }
    /* One more of the other's costs the flood another one. */
    assert_ptr_equal(arrivals_add(arrivals, &all[50], "other", 50), &all[50 - MAX + 1]);
    assert_ptr_equal(arrivals_oldest(arrivals), &all[0]);
}

/* Each has a name of its own: then it is age that counts, and the newest stays. */
static void test_invented(void **state)
{
    for (int i = 0; i < 100; i++) {
        char name[8];
        const struct arrival *gone;

        snprintf(name, sizeof(name), "t%d", i);
        gone = arrivals_add(arrivals, &all[i], name, i);
        assert_ptr_equal(gone, i < MAX ? NULL : &all[i - MAX]);
    }
}

/* A rush of calls that all may be taken is no flood, however few of their requests have been read. */
static void test_room(void **state)
{
    assert_int_equal(admission_arrivals_max(36), 1024);
    assert_int_equal(admission_arrivals_max(11032), 11032);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room),
        cmocka_unit_test_setup_teardown(test_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_flood, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_invented, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
