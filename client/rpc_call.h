/* The gRPC call of a viv_rpc: its batches, and what they bring. Only for
 * client/rpc.c and client/line.c, on the thread that takes the events. */
#ifndef VIVARIUM_CLIENT_RPC_CALL_H
#define VIVARIUM_CLIENT_RPC_CALL_H

#include "client/rpc.h"

#define VIV_RPC_CANCELLED "the call was cancelled on this side"

/* Makes the call and sends the request. `ended` is set where gRPC refuses it:
 * then no event comes. */
void viv_rpc_call_begin(struct viv_rpc *rpc);

/* Asks for the next message of a stream; the first one comes with the initial
 * metadata. False where there will be none. */
bool viv_rpc_call_read_next(struct viv_rpc *rpc, bool first);

/* The status that came, into `error`. */
void viv_rpc_call_take_status(struct viv_rpc *rpc);

/* Hands the message that came to the handler; one that is refused sets
 * `broken` and `error`. */
void viv_rpc_call_deliver(struct viv_rpc *rpc);

/* Releases the call with all that its batches brought. All events are in, but for
 * VIV_RPC_SENT, which may come later. */
void viv_rpc_call_drop(struct viv_rpc *rpc);

bool viv_rpc_is_cancelled(struct viv_rpc *rpc);

#endif
