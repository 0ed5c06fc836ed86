/* Ctrl-C while an execution runs: the first cancels it, the second kills it,
 * the third leaves it to the supervisor, which cancels what lost its client. */
#ifndef VIVARIUM_CLIENT_VIV_INTERRUPT_H
#define VIVARIUM_CLIENT_VIV_INTERRUPT_H

#include <signal.h>

#include "client/vivarium_client.h"

/* Blocks the signals for this thread and those that it starts: call it before
 * there are others. SIGPIPE is ignored from here on. */
void viv_interrupt_block(void);

/* Lets them end viv, as they end any program, while nobody listens for them and
 * this thread reads or writes what may never move. What has come before ends it at
 * once. gRPC's threads keep them blocked: no call may be made meanwhile, it could
 * start one that doesn't. Without viv_interrupt_block() it does nothing. */
void viv_interrupt_let_end(bool now);

/* One that has come meanwhile, and is taken; 0: none. */
int viv_interrupt_take(void);

/* Those that are blocked, for who waits for something else; static. Of these the
 * ones that end something: not the one that only wakes a thread. */
const sigset_t *viv_interrupt_signals(void);
bool viv_interrupt_ends(int signal);

/* Starts listening, on a thread, on behalf of one execution. Both pointers must
 * live until viv_interrupt_stop(). */
int viv_interrupt_start(struct viv_client *client, const char *execution_id, struct viv_error *err);

/* Stops listening. The signal that came first, 0: none. */
int viv_interrupt_stop(void);

/* Why a signal cancels; static. */
const char *viv_interrupt_reason(int signal);

#endif
