/* Execute, and what ExecuteStream shares with it. */
#ifndef VIVARIUM_SERVICE_EXECUTE_H
#define VIVARIUM_SERVICE_EXECUTE_H

#include "supervisor/service/call.h"
#include "supervisor/vivarium.h"

void execute_begin(struct call *call);

/* Ends the execution that lost its audience, unless it is detached. */
void execute_closed(struct call *call, bool cancelled);

/* Submits the call's request; its callbacks get the call as `arg`, referenced
 * until execute_release() at the end of finished or rejected. What goes wrong
 * is answered. */
void execute_submit(struct call *call, const struct viv_callbacks *callbacks);

void execute_release(struct call *call);

/* A callback for every execution: the error becomes the call's status. */
void execute_rejected(void *arg, const struct viv_error *error);

/* Before an answer is made of the result: counts it until its client has it. False: there
 * is no room for it, and the client is told. */
bool execute_hold(struct call *call, const struct viv_result *result);

/* So many bytes beside it. False: it is to go without. */
bool execute_hold_more(struct call *call, size_t bytes);

/* The last message of a call whose execution has ended (takes it over), or the
 * error that it is larger than a message may be. */
void execute_reply(struct call *call, grpc_byte_buffer *message);

#endif
