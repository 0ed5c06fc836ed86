#include "supervisor/worker_state.h"

#define STEP(next, action)                \
    {                                     \
        WORKER_##next, WORKER_DO_##action \
    }

/* What every state from STARTING on shares: the ways of losing a worker. */
#define LOSSES                                                                                  \
    [WORKER_BAD_FRAME] = STEP(ENDING, CONVICT), [WORKER_VM_EXITED] = STEP(ENDING, TAKE_STATUS), \
    [WORKER_CHANNEL_CLOSED] = STEP(ENDING, KILL), [WORKER_KILL] = STEP(ENDING, KILL),           \
    [WORKER_EXITED] = STEP(FREE, RELEASE), [WORKER_ZYGOTE_LOST] = STEP(FREE, RELEASE)

/* What only an execution may lead to. */
#define UNASKED                                                                    \
    [WORKER_NOTE] = STEP(ENDING, CONVICT), [WORKER_SCOPE] = STEP(ENDING, CONVICT), \
    [WORKER_RESULT] = STEP(ENDING, CONVICT), [WORKER_KEPT] = STEP(ENDING, CONVICT)

/* An entry that is left out is {WORKER_FREE, WORKER_DO_NOTHING}, a step that no
 * entry has: worker_step() turns it into a refusal. */
static const struct worker_step table[WORKER_STATES][WORKER_EVENTS] =
    {
        [WORKER_FREE] =
            {
                [WORKER_SPAWN] = STEP(SPAWNING, NOTHING),
            },
        [WORKER_SPAWNING] =
            {
                /* The channel isn't read before SPAWNED, so no frame comes here. */
                [WORKER_SPAWNED] = STEP(STARTING, WATCH),
                [WORKER_SPAWN_FAILED] = STEP(FREE, RELEASE),
                [WORKER_ZYGOTE_LOST] = STEP(FREE, RELEASE),
                [WORKER_KILL] = STEP(SPAWNING, NOTHING),
            },
        [WORKER_STARTING] =
            {
                LOSSES,
                [WORKER_HELLO] = STEP(IDLE, OFFER),
                UNASKED,
            },
        [WORKER_IDLE] =
            {
                LOSSES,
                UNASKED,
                [WORKER_RUN] = STEP(RUNNING, START),
                [WORKER_HELLO] = STEP(ENDING, CONVICT),
            },
        [WORKER_RUNNING] =
            {
                LOSSES,
                [WORKER_SCOPE] = STEP(RUNNING, NOTHING),
                [WORKER_RESULT] = STEP(ENDING, TAKE_RESULT),
                [WORKER_KEPT] = STEP(HELD, KEEP),
                [WORKER_CANCEL] = STEP(CANCELLING, RING),
                [WORKER_HELLO] = STEP(ENDING, CONVICT),
                /* Nothing was cancelled, so there is nothing to note. */
                [WORKER_NOTE] = STEP(ENDING, CONVICT),
            },
        [WORKER_CANCELLING] =
            {
                LOSSES,
                [WORKER_SCOPE] = STEP(CANCELLING, NOTHING),
                [WORKER_RESULT] = STEP(ENDING, TAKE_RESULT),
                [WORKER_KEPT] = STEP(HELD, KEEP),
                [WORKER_NOTE] = STEP(CANCELLING, TAKE_NOTE),
                /* The first cause is latched. */
                [WORKER_CANCEL] = STEP(CANCELLING, NOTHING),
                [WORKER_HELLO] = STEP(ENDING, CONVICT),
            },
        [WORKER_HELD] =
            {
                LOSSES,
                UNASKED,
                [WORKER_RUN] = STEP(RUNNING, START),
                [WORKER_HELLO] = STEP(ENDING, CONVICT),
            },
        [WORKER_ENDING] =
            {
                [WORKER_HELLO] = STEP(ENDING, NOTHING),
                [WORKER_NOTE] = STEP(ENDING, NOTHING),
                [WORKER_SCOPE] = STEP(ENDING, NOTHING),
                [WORKER_RESULT] = STEP(ENDING, NOTHING),
                [WORKER_KEPT] = STEP(ENDING, NOTHING),
                [WORKER_VM_EXITED] = STEP(ENDING, TAKE_STATUS),
                [WORKER_BAD_FRAME] = STEP(ENDING, NOTHING),
                [WORKER_CHANNEL_CLOSED] = STEP(ENDING, NOTHING),
                [WORKER_CANCEL] = STEP(ENDING, NOTHING),
                [WORKER_KILL] = STEP(ENDING, NOTHING),
                [WORKER_EXITED] = STEP(FREE, RELEASE),
                [WORKER_ZYGOTE_LOST] = STEP(FREE, RELEASE),
            },
};

_Static_assert(sizeof(table) / sizeof(table[0]) == WORKER_STATES, "a row for each state");

struct worker_step worker_step(enum worker_state state, enum worker_event event)
{
    struct worker_step step = table[state][event];

    if (step.next == WORKER_FREE && step.action == WORKER_DO_NOTHING)
        return (struct worker_step){state, WORKER_DO_REFUSE};
    return step;
}

const char *worker_state_name(enum worker_state state)
{
    static const char *const names[] = {
        [WORKER_FREE] = "FREE", [WORKER_SPAWNING] = "SPAWNING", [WORKER_STARTING] = "STARTING",
        [WORKER_IDLE] = "IDLE", [WORKER_RUNNING] = "RUNNING",   [WORKER_CANCELLING] = "CANCELLING",
        [WORKER_HELD] = "HELD", [WORKER_ENDING] = "ENDING",
    };
    _Static_assert(sizeof(names) / sizeof(names[0]) == WORKER_STATES, "a name for each state");

    return names[state];
}

const char *worker_event_name(enum worker_event event)
{
    static const char *const names[] = {
        [WORKER_SPAWN] = "SPAWN",
        [WORKER_SPAWNED] = "SPAWNED",
        [WORKER_SPAWN_FAILED] = "SPAWN_FAILED",
        [WORKER_HELLO] = "HELLO",
        [WORKER_NOTE] = "NOTE",
        [WORKER_SCOPE] = "SCOPE",
        [WORKER_RESULT] = "RESULT",
        [WORKER_KEPT] = "KEPT",
        [WORKER_VM_EXITED] = "VM_EXITED",
        [WORKER_BAD_FRAME] = "BAD_FRAME",
        [WORKER_CHANNEL_CLOSED] = "CHANNEL_CLOSED",
        [WORKER_RUN] = "RUN",
        [WORKER_CANCEL] = "CANCEL",
        [WORKER_KILL] = "KILL",
        [WORKER_EXITED] = "EXITED",
        [WORKER_ZYGOTE_LOST] = "ZYGOTE_LOST",
    };
    _Static_assert(sizeof(names) / sizeof(names[0]) == WORKER_EVENTS, "a name for each event");

    return names[event];
}
