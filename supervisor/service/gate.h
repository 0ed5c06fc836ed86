/* Who may come in: what each call brings with it, held against what its
 * listener takes. */
#ifndef VIVARIUM_SERVICE_GATE_H
#define VIVARIUM_SERVICE_GATE_H

#include <grpc/grpc.h>

#include "supervisor/service/auth.h"
#include "supervisor/service/peers.h"

#define GATE_LISTENERS_MAX 16

/* One more than there are: the daemon's own connection, by which it checks at
 * the start that a call is credited to its connection. */
#define GATE_SELF GATE_LISTENERS_MAX

struct gate;

/* Takes `auth` over; `peers` must outlive it. Ends with gate_destroy(). */
int gate_create(struct auth *auth, const struct peers *peers, struct gate **ret_gate,
                struct viv_error *err);

/* NULL is fine. */
void gate_destroy(struct gate *gate);

/* Before calls come. `kinds`: of enum auth_kind. */
void gate_set_listener(struct gate *gate, unsigned number, unsigned kinds);

/* Credentials and, by the listener's number, the kinds that it takes, both from the
 * next call on; takes `auth` over. Any thread. */
void gate_replace(struct gate *gate, struct auth *auth, const unsigned kinds[GATE_LISTENERS_MAX]);

/* `peer`: what gRPC calls the call's. Any thread. Errors as auth_judge(); each is counted,
 * and logged within bounds. */
int gate_admit(struct gate *gate, grpc_call *call, const char *peer,
               const grpc_metadata_array *metadata, struct auth_identity *ret_identity,
               struct viv_error *err);

#endif
