#include "supervisor/output.h"

#include <string.h>

#include "supervisor/control.h"
#include "supervisor/inbox.h"
#include "tests/unit/test.h"

#include <sys/mman.h>

static void both_streams_share_one_cap_to_the_byte(void **state)
{
    struct output o;

    output_init(&o, 10);
    assert_int_equal(output_take(&o, 0, "abcdef", 6), 6);
    assert_int_equal(output_take(&o, 1, "ABCDEF", 6), 4);
    assert_int_equal(output_take(&o, 0, "x", 1), 0);
    assert_int_equal(o.streams[0].len, 6);
    assert_memory_equal(o.streams[0].data, "abcdef", 6);
    assert_int_equal(o.streams[1].len, 4);
    assert_memory_equal(o.streams[1].data, "ABCD", 4);
    assert_true(o.streams[0].truncated && o.streams[1].truncated);
    assert_int_equal(o.streams[0].seen, 7);
    assert_int_equal(o.streams[1].seen, 6);
    output_free(&o);
}

static void exactly_the_cap_is_not_truncated(void **state)
{
    struct output o;

    output_init(&o, 5);
    assert_int_equal(output_take(&o, 0, "abcde", 5), 5);
    assert_false(o.streams[0].truncated);
    output_free(&o);
}

static void it_grows_with_what_comes(void **state)
{
    static char block[100000];
    struct output o;

    output_init(&o, 10 * sizeof(block));
    memset(block, 'z', sizeof(block));
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(output_take(&o, 0, block, sizeof(block)), sizeof(block));
    assert_int_equal(o.streams[0].len, 10 * sizeof(block));
    assert_int_equal(o.streams[0].data[999999], 'z');
    output_free(&o);
}

/* What a worker could try with the descriptor that it is given. */
static void the_control_page_can_only_be_read_by_others(void **state)
{
    struct control c;
    struct viv_control_page *theirs;

    assert_int_equal(control_open(&c, NULL), 0);
    assert_ptr_equal(mmap(NULL, VIV_CONTROL_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, c.fd, 0),
                     MAP_FAILED);
    theirs = mmap(NULL, VIV_CONTROL_PAGE_SIZE, PROT_READ, MAP_SHARED, c.fd, 0);
    assert_ptr_not_equal(theirs, MAP_FAILED);
    assert_int_equal(mprotect(theirs, VIV_CONTROL_PAGE_SIZE, PROT_READ | PROT_WRITE), -1);
    control_cancel(&c, 7, VIV_CAUSE_DEADLINE, "too late");
    assert_int_equal(atomic_load(&theirs->cancel_seq), 7);
    assert_int_equal(atomic_load(&theirs->cancel_cause), VIV_CAUSE_DEADLINE);
    assert_string_equal(theirs->reason, "too late");
    control_reset(&c);
    assert_int_equal(atomic_load(&theirs->cancel_seq), 0);
    munmap(theirs, VIV_CONTROL_PAGE_SIZE);
    control_close(&c);
}

static void commands_come_out_in_order(void **state)
{
    struct inbox inbox;
    struct command a = {0}, b = {0};

    assert_int_equal(inbox_init(&inbox, NULL), 0);
    inbox_post(&inbox, &a);
    inbox_post(&inbox, &b);
    assert_ptr_equal(inbox_take(&inbox), &a);
    assert_ptr_equal(a.next, &b);
    assert_null(b.next);
    assert_null(inbox_take(&inbox));
    inbox_free(&inbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_streams_share_one_cap_to_the_byte),
        cmocka_unit_test(exactly_the_cap_is_not_truncated),
        cmocka_unit_test(it_grows_with_what_comes),
        cmocka_unit_test(the_control_page_can_only_be_read_by_others),
        cmocka_unit_test(commands_come_out_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
