/* What a session does next, as a pure function of what is known of it. */
#ifndef VIVARIUM_SESSION_NEXT_H
#define VIVARIUM_SESSION_NEXT_H

#include <stdbool.h>

struct session_facts {
    bool storing; /* the store works for it */
    bool turn;    /* an execution has its turn: it waits for a worker, runs or is saved */
    bool loaded;  /* its lease and record are here */
    bool lost;    /* its lease is lost: another supervisor may have it */
    bool warm;    /* a worker holds its scope */
    bool missing; /* its snapshot is in the store and not here, and nobody holds the scope */
    bool waiting; /* executions wait for their turn */
    bool closing; /* it is to be forgotten, in the store too */
    bool leaving; /* its worker is wanted for others, or the supervisor drains */
    bool unsaved; /* the scope of the worker is not what the store has, and can be saved */
};

enum session_next {
    SESSION_WAIT,       /* for something to happen */
    SESSION_LOAD,       /* lease, record and snapshot from the store */
    SESSION_FETCH,      /* the snapshot again */
    SESSION_TURN,       /* give the first that waits its turn */
    SESSION_CHECKPOINT, /* have the worker write its scope */
    SESSION_FINISH,     /* let the worker run exit functions, and end it */
    SESSION_DISMISS,    /* end the worker */
    SESSION_DELETE,     /* from the store */
    SESSION_LEAVE,      /* give the lease back, then forget it here */
    SESSION_FORGET,     /* here only */
};

enum session_next session_next(const struct session_facts *facts);

#endif
