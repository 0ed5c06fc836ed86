/* The life of a worker slot as a pure table: state x event -> next state and
 * what to do. Nothing here knows of processes or descriptors. */
#ifndef VIVARIUM_WORKER_STATE_H
#define VIVARIUM_WORKER_STATE_H

enum worker_state {
    WORKER_FREE,       /* the slot is empty */
    WORKER_SPAWNING,   /* the zygote was asked */
    WORKER_STARTING,   /* cloned; its HELLO is awaited */
    WORKER_IDLE,       /* pristine and ready */
    WORKER_RUNNING,    /* runs an execution */
    WORKER_CANCELLING, /* the flag is set and the doorbell rung */
    WORKER_HELD,       /* answered; keeps its session's scope for the next execution */
    WORKER_ENDING,     /* answered, broke down or was killed: its end is awaited */
    WORKER_STATES
};

enum worker_event {
    WORKER_SPAWN,        /* a request goes to the zygote */
    WORKER_SPAWNED,      /* the zygote has cloned it */
    WORKER_SPAWN_FAILED, /* the zygote could not */
    WORKER_HELLO,        /* frames from the worker ... */
    WORKER_NOTE,
    WORKER_SCOPE,
    WORKER_RESULT,
    WORKER_KEPT, /* a RESULT, and it may be kept for its session */
    WORKER_VM_EXITED,
    WORKER_BAD_FRAME,      /* ... one that is no frame, or not one to send */
    WORKER_CHANNEL_CLOSED, /* its end of the channel is closed */
    WORKER_RUN,            /* an execution is assigned */
    WORKER_CANCEL,         /* a cause to cancel came up */
    WORKER_KILL,           /* its time is up, or nobody needs it */
    WORKER_EXITED,         /* the zygote has reaped it: no process is left */
    WORKER_ZYGOTE_LOST,    /* the zygote is gone, and so is every worker */
    WORKER_EVENTS
};

enum worker_action {
    WORKER_DO_NOTHING,
    WORKER_DO_WATCH, /* begin to read channel and output */
    WORKER_DO_OFFER, /* offer it to the queue */
    WORKER_DO_START, /* hand it its execution */
    WORKER_DO_RING,  /* set the flag, ring the doorbell */
    WORKER_DO_TAKE_NOTE,
    WORKER_DO_TAKE_RESULT, /* keep the answer; end the worker */
    WORKER_DO_KEEP,        /* keep the answer, and the worker */
    WORKER_DO_TAKE_STATUS, /* keep the VM process's status; end the worker */
    WORKER_DO_KILL,
    WORKER_DO_CONVICT, /* it broke the protocol: say so and kill it */
    WORKER_DO_RELEASE, /* report what is unreported, free the slot */
    WORKER_DO_REFUSE,  /* our own mistake: this event can't come here */
};

struct worker_step {
    enum worker_state next;
    enum worker_action action;
};

/* Total over both enums. Where an event can't come in a state the step is
 * {state, WORKER_DO_REFUSE}. */
struct worker_step worker_step(enum worker_state state, enum worker_event event);

const char *worker_state_name(enum worker_state state);
const char *worker_event_name(enum worker_event event);

#endif
