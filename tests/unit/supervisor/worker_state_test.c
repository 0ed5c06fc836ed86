/* The whole table: what is said of each pair of state and event. */
#include "supervisor/worker_state.h"

#include <stdio.h>

#include "tests/unit/test.h"

struct expected {
    enum worker_state state;
    enum worker_event event;
    enum worker_state next;
    enum worker_action action;
};

#define E(state, event, next, action)                                     \
    {                                                                     \
        WORKER_##state, WORKER_##event, WORKER_##next, WORKER_DO_##action \
    }

/* Every step that may happen. All others are refused. */
static const struct expected steps[] = {
    E(FREE, SPAWN, SPAWNING, NOTHING),
    E(SPAWNING, SPAWNED, STARTING, WATCH),
    E(SPAWNING, SPAWN_FAILED, FREE, RELEASE),
    E(SPAWNING, KILL, SPAWNING, NOTHING),
    E(SPAWNING, ZYGOTE_LOST, FREE, RELEASE),
    E(STARTING, HELLO, IDLE, OFFER),
    E(STARTING, NOTE, ENDING, CONVICT),
    E(STARTING, RESULT, ENDING, CONVICT),
    E(STARTING, SCOPE, ENDING, CONVICT),
    E(STARTING, KEPT, ENDING, CONVICT),
    E(STARTING, VM_EXITED, ENDING, TAKE_STATUS),
    E(STARTING, BAD_FRAME, ENDING, CONVICT),
    E(STARTING, CHANNEL_CLOSED, ENDING, KILL),
    E(STARTING, KILL, ENDING, KILL),
    E(STARTING, EXITED, FREE, RELEASE),
    E(STARTING, ZYGOTE_LOST, FREE, RELEASE),
    E(IDLE, HELLO, ENDING, CONVICT),
    E(IDLE, NOTE, ENDING, CONVICT),
    E(IDLE, RESULT, ENDING, CONVICT),
    E(IDLE, SCOPE, ENDING, CONVICT),
    E(IDLE, KEPT, ENDING, CONVICT),
    E(IDLE, VM_EXITED, ENDING, TAKE_STATUS),
    E(IDLE, BAD_FRAME, ENDING, CONVICT),
    E(IDLE, CHANNEL_CLOSED, ENDING, KILL),
    E(IDLE, RUN, RUNNING, START),
    E(IDLE, KILL, ENDING, KILL),
    E(IDLE, EXITED, FREE, RELEASE),
    E(IDLE, ZYGOTE_LOST, FREE, RELEASE),
    E(RUNNING, HELLO, ENDING, CONVICT),
    E(RUNNING, NOTE, ENDING, CONVICT),
    E(RUNNING, SCOPE, RUNNING, NOTHING),
    E(RUNNING, RESULT, ENDING, TAKE_RESULT),
    E(RUNNING, KEPT, HELD, KEEP),
    E(RUNNING, VM_EXITED, ENDING, TAKE_STATUS),
    E(RUNNING, BAD_FRAME, ENDING, CONVICT),
    E(RUNNING, CHANNEL_CLOSED, ENDING, KILL),
    E(RUNNING, CANCEL, CANCELLING, RING),
    E(RUNNING, KILL, ENDING, KILL),
    E(RUNNING, EXITED, FREE, RELEASE),
    E(RUNNING, ZYGOTE_LOST, FREE, RELEASE),
    E(CANCELLING, HELLO, ENDING, CONVICT),
    E(CANCELLING, NOTE, CANCELLING, TAKE_NOTE),
    E(CANCELLING, SCOPE, CANCELLING, NOTHING),
    E(CANCELLING, RESULT, ENDING, TAKE_RESULT),
    E(CANCELLING, KEPT, HELD, KEEP),
    E(CANCELLING, VM_EXITED, ENDING, TAKE_STATUS),
    E(CANCELLING, BAD_FRAME, ENDING, CONVICT),
    E(CANCELLING, CHANNEL_CLOSED, ENDING, KILL),
    E(CANCELLING, CANCEL, CANCELLING, NOTHING),
    E(CANCELLING, KILL, ENDING, KILL),
    E(CANCELLING, EXITED, FREE, RELEASE),
    E(CANCELLING, ZYGOTE_LOST, FREE, RELEASE),
    E(HELD, HELLO, ENDING, CONVICT),
    E(HELD, NOTE, ENDING, CONVICT),
    E(HELD, SCOPE, ENDING, CONVICT),
    E(HELD, RESULT, ENDING, CONVICT),
    E(HELD, KEPT, ENDING, CONVICT),
    E(HELD, VM_EXITED, ENDING, TAKE_STATUS),
    E(HELD, BAD_FRAME, ENDING, CONVICT),
    E(HELD, CHANNEL_CLOSED, ENDING, KILL),
    E(HELD, RUN, RUNNING, START),
    E(HELD, KILL, ENDING, KILL),
    E(HELD, EXITED, FREE, RELEASE),
    E(HELD, ZYGOTE_LOST, FREE, RELEASE),
    E(ENDING, HELLO, ENDING, NOTHING),
    E(ENDING, SCOPE, ENDING, NOTHING),
    E(ENDING, KEPT, ENDING, NOTHING),
    E(ENDING, NOTE, ENDING, NOTHING),
    E(ENDING, RESULT, ENDING, NOTHING),
    E(ENDING, VM_EXITED, ENDING, TAKE_STATUS),
    E(ENDING, BAD_FRAME, ENDING, NOTHING),
    E(ENDING, CHANNEL_CLOSED, ENDING, NOTHING),
    E(ENDING, CANCEL, ENDING, NOTHING),
    E(ENDING, KILL, ENDING, NOTHING),
    E(ENDING, EXITED, FREE, RELEASE),
    E(ENDING, ZYGOTE_LOST, FREE, RELEASE),
};

static const struct expected *expected_of(enum worker_state state, enum worker_event event)
{
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (steps[i].state == state && steps[i].event == event)
            return &steps[i];
    return NULL;
}

static void every_pair_does_what_the_list_says(void **state)
{
    unsigned refused = 0;

    for (unsigned s = 0; s < WORKER_STATES; s++) {
        for (unsigned e = 0; e < WORKER_EVENTS; e++) {
            const struct expected *x = expected_of((enum worker_state)s, (enum worker_event)e);
            struct worker_step step = worker_step((enum worker_state)s, (enum worker_event)e);
            enum worker_state next = x ? x->next : (enum worker_state)s;
            enum worker_action action = x ? x->action : WORKER_DO_REFUSE;

            refused += !x;
            if (step.next != next || step.action != action)
                fail_msg("%s x %s -> %s, action %d", worker_state_name((enum worker_state)s),
                         worker_event_name((enum worker_event)e), worker_state_name(step.next),
                         step.action);
        }
    }
    assert_int_equal(refused + sizeof(steps) / sizeof(steps[0]), WORKER_STATES * WORKER_EVENTS);
}

/* From every state but FREE the end of the process leads to FREE, at once or
 * after the zygote has spoken: no slot is ever lost. */
static void every_worker_can_end(void **state)
{
    for (unsigned s = WORKER_STARTING; s < WORKER_STATES; s++) {
        struct worker_step killed = worker_step((enum worker_state)s, WORKER_KILL);

        assert_int_equal(killed.next, WORKER_ENDING);
        assert_int_equal(worker_step(killed.next, WORKER_EXITED).next, WORKER_FREE);
        assert_int_equal(worker_step((enum worker_state)s, WORKER_EXITED).next, WORKER_FREE);
        assert_int_equal(worker_step((enum worker_state)s, WORKER_ZYGOTE_LOST).next, WORKER_FREE);
    }
}

/* No sequence of frames gives a worker a second execution or a second answer. */
static void no_frame_brings_a_worker_back_to_idle(void **state)
{
    static const enum worker_event frames[] = {WORKER_HELLO,     WORKER_NOTE,
                                               WORKER_RESULT,    WORKER_VM_EXITED,
                                               WORKER_BAD_FRAME, WORKER_CHANNEL_CLOSED};

    for (unsigned s = WORKER_IDLE; s < WORKER_STATES; s++)
        for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++)
            assert_true(worker_step((enum worker_state)s, frames[i]).next != WORKER_IDLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_does_what_the_list_says),
        cmocka_unit_test(every_worker_can_end),
        cmocka_unit_test(no_frame_brings_a_worker_back_to_idle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
