#include "proto/error.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/test.h"

static void fills_status_and_text(void **state)
{
    struct viv_error err = {0};

    assert_int_equal(viv_fail(&err, VIV_NOT_FOUND, "no %s %d", "worker", 7), -1);
    assert_int_equal(err.status, VIV_NOT_FOUND);
    assert_string_equal(err.text, "no worker 7");
}

static void error_may_be_null(void **state)
{
    assert_int_equal(viv_fail(NULL, VIV_INTERNAL, "x"), -1);
    assert_int_equal(viv_fail_errno(NULL, VIV_INTERNAL, "x"), -1);
}

static void adds_errno_and_keeps_it(void **state)
{
    struct viv_error err = {0};

    errno = ENOENT;
    assert_int_equal(viv_fail_errno(&err, VIV_INTERNAL, "can't open %s", "/x"), -1);
    assert_string_equal(err.text, "can't open /x: No such file or directory");
    assert_int_equal(errno, ENOENT);
}

static void cuts_what_is_too_long(void **state)
{
    struct viv_error err;
    char text[2 * VIV_ERROR_TEXT];

    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    memset(&err, 'z', sizeof(err));
    viv_fail(&err, VIV_INTERNAL, "%s", text);
    assert_int_equal(strlen(err.text), VIV_ERROR_TEXT - 1);
    errno = EIO;
    viv_fail_errno(&err, VIV_INTERNAL, "%s", text);
    assert_int_equal(strlen(err.text), VIV_ERROR_TEXT - 1);
}

/* Goes into traces of users: never "(null)", also for a number of no errno. */
static void survives_an_unknown_errno(void **state)
{
    struct viv_error err = {0};

    errno = 99999;
    viv_fail_errno(&err, VIV_INTERNAL, "can't");
    assert_memory_equal(err.text, "can't: ", 7);
    assert_int_equal(errno, 99999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_status_and_text),     cmocka_unit_test(error_may_be_null),
        cmocka_unit_test(adds_errno_and_keeps_it),   cmocka_unit_test(cuts_what_is_too_long),
        cmocka_unit_test(survives_an_unknown_errno),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
