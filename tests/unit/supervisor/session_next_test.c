/* Every combination of what may be known of a session: what must never come
 * next, and that what is wanted is reached. */
#include "supervisor/session_next.h"

#include "tests/unit/test.h"

#define FACTS 10

static struct session_facts facts_of(unsigned bits)
{
    return (struct session_facts){
        .storing = bits & 1,
        .turn = bits >> 1 & 1,
        .loaded = bits >> 2 & 1,
        .lost = bits >> 3 & 1,
        .warm = bits >> 4 & 1,
        .missing = bits >> 5 & 1,
        .waiting = bits >> 6 & 1,
        .closing = bits >> 7 & 1,
        .leaving = bits >> 8 & 1,
        .unsaved = bits >> 9 & 1,
    };
}

/* What can't be together: a worker holds the scope, or it is missing; a scope
 * is unsaved in a worker only; a worker is there only for what is loaded. */
static bool possible(const struct session_facts *f)
{
    return !(f->warm && f->missing) && !(f->unsaved && !f->warm) && !(f->warm && !f->loaded) &&
           !(f->missing && !f->loaded);
}

static void only_what_may_happen_happens(void **state)
{
    for (unsigned bits = 0; bits < 1u << FACTS; bits++) {
        struct session_facts f = facts_of(bits);
        enum session_next next = session_next(&f);

        if (!possible(&f))
            continue;
        if (f.storing || f.turn)
            assert_int_equal(next, SESSION_WAIT);
        /* No worker is forgotten. */
        if (next == SESSION_FORGET || next == SESSION_DELETE || next == SESSION_LEAVE)
            assert_false(f.warm);
        /* Nothing is written without the lease. */
        if (next == SESSION_DELETE || next == SESSION_LEAVE || next == SESSION_CHECKPOINT)
            assert_true(f.loaded && !f.lost);
        /* No code runs without the scope that belongs to it. */
        if (next == SESSION_TURN)
            assert_true(f.loaded && !f.missing && f.waiting && !f.closing && !f.lost);
        /* No scope is dropped that could have been saved, but at the end. */
        if (next == SESSION_DISMISS && !f.lost)
            assert_false(f.unsaved);
        if (next == SESSION_WAIT && !f.storing && !f.turn)
            assert_false(f.waiting || f.closing || f.lost || f.leaving);
    }
}

/* The facts after a step has succeeded. False: the session is gone. */
static bool carry_out(struct session_facts *f, enum session_next next)
{
    switch (next) {
    case SESSION_LOAD:
        f->loaded = true;
        f->missing = !f->warm;
        return true;
    case SESSION_FETCH:
        f->missing = false;
        return true;
    case SESSION_TURN:
        f->waiting = f->leaving = false;
        f->warm = f->unsaved = true;
        return true;
    case SESSION_CHECKPOINT:
        f->unsaved = false;
        return true;
    case SESSION_FINISH:
    case SESSION_DISMISS:
        f->warm = f->unsaved = false;
        return true;
    case SESSION_DELETE:
    case SESSION_LEAVE:
    case SESSION_FORGET:
    case SESSION_WAIT:
        return false;
    }
    return false;
}

static void whatever_is_wanted_is_reached(void **state)
{
    for (unsigned bits = 0; bits < 1u << FACTS; bits++) {
        struct session_facts f = facts_of(bits & ~3u);
        enum session_next next = SESSION_WAIT;
        int steps = 0;

        if (!possible(&f))
            continue;
        do {
            next = session_next(&f);
            assert_true(++steps < 10);
        } while (carry_out(&f, next));
        if (f.lost)
            assert_int_equal(next, SESSION_FORGET);
        else if (f.closing)
            assert_int_equal(next, SESSION_DELETE);
        else
            assert_false(f.waiting);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_may_happen_happens),
        cmocka_unit_test(whatever_is_wanted_is_reached),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
