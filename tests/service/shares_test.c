#include "supervisor/service/shares.h"

#include <string.h>

#include "tests/unit/test.h"

#define ANSWERS 10
#define BYTES 1000000

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

static struct share_answer many[4 * ANSWERS];
static unsigned used;
static int64_t now_ns;

static void pass(int64_t ms)
{
    now_ns += ms * 1000000;
}

static bool add(struct share *share, uint64_t bytes, char heaviest[SHARES_NAME_MAX])
{
    return shares_add_answer(shares, share, &many[used++], bytes, now_ns, heaviest);
}

static void expect_fits(struct share *share, uint64_t bytes, int times)
{
    char heaviest[SHARES_NAME_MAX];

    for (int i = 0; i < times; i++)
        assert_false(add(share, bytes, heaviest));
}

static void expect_cut(struct share *share, uint64_t bytes, const char *name)
{
    char heaviest[SHARES_NAME_MAX];

    assert_true(add(share, bytes, heaviest));
    assert_string_equal(heaviest, name);
}

static void drop_all(void)
{
    while (used > 0)
        shares_drop_answer(shares, &many[--used]);
}

static void past_the_most_whose_weigh_most_is_cut(void **state)
{
    expect_fits(a, 0, 3);
    pass(10);
    expect_fits(b, 0, 7);
    pass(1);
    expect_cut(b, 0, "fd:1"); /* 3 x 3 x 11 ms are more than 8 x 7 x 1 */
    expect_fits(c, 0, 2);     /* what that one leaves is nobody's business */
    pass(10);
    expect_cut(c, 0, "fd:2");
    expect_fits(a, 0, 1);
    drop_all();
    expect_fits(c, 0, ANSWERS);
    expect_cut(c, 0, "tenant c");
    drop_all();
}

static void of_half_as_many_who_reads_nothing(void **state)
{
    expect_fits(a, 0, 2);
    expect_fits(b, 0, 5);
    pass(900);
    expect_fits(b, 0, 1); /* 5 x 0.9 s */
    pass(200);
    expect_cut(c, 0, "fd:2");
    drop_all();
}

/* One that takes long beside many that are left again and again. */
static void not_who_reads_slowly(void **state)
{
    expect_fits(c, 0, 1);
    pass(4000);
    expect_fits(a, 0, 5);
    pass(2000);
    expect_cut(b, 0, "fd:1");
    drop_all();
}

static void by_bytes_where_these_are_too_many(void **state)
{
    expect_fits(a, 200000, 1);
    expect_fits(b, 10, 2);
    pass(10);
    expect_fits(b, 200000, 1);
    pass(10);
    expect_cut(c, 700000, "fd:1");
    drop_all();
    pass(SHARES_UNREAD_NS / 1000000 + 1);
    expect_fits(a, 600000, 1);
    pass(SHARES_UNREAD_NS / 1000000 + 1);
    expect_cut(b, 1, "fd:1");
    /* Whom that did not end may be cut once more. */
    expect_fits(b, 1, 1);
    pass(SHARES_UNREAD_NS / 1000000 + 1);
    expect_cut(b, 1, "fd:1");
    drop_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_name_is_one_share, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_finds_room_beside_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_it_all_are_anybodys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(past_the_most_whose_weigh_most_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_half_as_many_who_reads_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(not_who_reads_slowly, set_up, tear_down),
        cmocka_unit_test_setup_teardown(by_bytes_where_these_are_too_many, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
