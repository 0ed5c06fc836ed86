/* OpenSession, GetScope, SetScope, CloseSession, ListSessions. */
#ifndef VIVARIUM_SERVICE_SESSION_H
#define VIVARIUM_SERVICE_SESSION_H

#include "supervisor/service/call.h"

void session_open(struct call *call);
void session_get_scope(struct call *call);
void session_set_scope(struct call *call);
void session_close(struct call *call);
void session_list(struct call *call);

#endif
