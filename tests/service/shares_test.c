#include "supervisor/service/shares.h"

#include <string.h>

#include "tests/unit/test.h"

#define ANSWERS 10
#define BYTES 1000

static struct shares *shares;
static struct share *a, *b, *c;

static int set_up(void **state)
{
    shares = shares_new(ANSWERS, BYTES);
    a = shares_enter(shares, "fd:1");
    b = shares_enter(shares, "fd:2");
    c = shares_enter(shares, "tenant c");
    return 0;
}

static int tear_down(void **state)
{
    shares_leave(shares, a);
    shares_leave(shares, b);
    shares_leave(shares, c);
    shares_free(shares);
    return 0;
}

static unsigned take_all(struct share *share, unsigned kind, unsigned max, bool fair)
{
    unsigned count = 0;

    while (shares_take(shares, share, kind, max, fair))
        count++;
    return count;
}

static void give(struct share *share, unsigned kind, unsigned count)
{
    while (count-- > 0)
        shares_give(shares, share, kind);
}

static void one_name_is_one_share(void **state)
{
    struct share *again = shares_enter(shares, "fd:1");

    assert_ptr_equal(again, a);
    assert_ptr_not_equal(a, b);
    shares_leave(shares, again);
}

static void each_finds_room_beside_another(void **state)
{
    assert_int_equal(take_all(a, 1, 100, true), 50);
    assert_int_equal(take_all(b, 1, 100, true), 25);
    assert_int_equal(take_all(c, 1, 100, true), 13);
    assert_int_equal(take_all(a, 2, 100, true), 50); /* of another kind */
    give(a, 1, 50);
    assert_int_equal(take_all(c, 1, 100, true), 25);
    give(b, 1, 25);
    give(c, 1, 38);
    give(a, 2, 50);
}

static void without_it_all_are_anybodys(void **state)
{
    assert_int_equal(take_all(a, 0, 100, false), 100);
    assert_int_equal(take_all(b, 0, 100, false), 0);
    give(a, 0, 100);
    assert_int_equal(take_all(b, 0, 100, false), 100);
    give(b, 0, 100);
}

static void expect_fits(struct share *share, size_t bytes)
{
    char heaviest[SHARES_NAME_MAX];

    assert_false(shares_add_answer(shares, share, bytes, heaviest));
}

static void expect_cut(struct share *share, size_t bytes, const char *name)
{
    char heaviest[SHARES_NAME_MAX];

    assert_true(shares_add_answer(shares, share, bytes, heaviest));
    assert_string_equal(heaviest, name);
}

/* Not the one whose answer was one too many. */
static void who_has_most_is_cut(void **state)
{
    for (int i = 0; i < 7; i++)
        expect_fits(a, 0);
    for (int i = 0; i < 3; i++)
        expect_fits(b, 0);
    expect_cut(b, 0, "fd:1");
    /* What it leaves counts no more, nor what comes on top. */
    expect_fits(a, BYTES + 1);
    for (int i = 0; i < 6; i++)
        expect_fits(b, 0);
    expect_cut(c, 0, "fd:2");
    for (int i = 0; i < 8; i++)
        shares_drop_answer(shares, a, i == 0 ? BYTES + 1 : 0);
    for (int i = 0; i < 10; i++)
        shares_drop_answer(shares, b, 0);
    shares_drop_answer(shares, c, 0);
}

static void by_bytes_where_these_are_too_many(void **state)
{
    expect_fits(b, 1);
    expect_fits(b, 1);
    expect_fits(a, 900);
    expect_cut(b, 99, "fd:1");
    expect_fits(c, 899);
    shares_drop_answer(shares, a, 900);
    expect_cut(b, 1, "tenant c");
    shares_drop_answer(shares, b, 99);
    shares_drop_answer(shares, b, 1);
    shares_drop_answer(shares, b, 1);
    shares_drop_answer(shares, b, 1);
    shares_drop_answer(shares, c, 899);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_name_is_one_share, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_finds_room_beside_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_it_all_are_anybodys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_has_most_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(by_bytes_where_these_are_too_many, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
