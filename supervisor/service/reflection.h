/* grpc.reflection.v1.ServerReflection; v1alpha has the same messages under
 * another name, and shares this. */
#ifndef VIVARIUM_SERVICE_REFLECTION_H
#define VIVARIUM_SERVICE_REFLECTION_H

#include "supervisor/service/call.h"

void reflection_received(struct call *call);

#endif
