/* A loop that drives a supervisor, not always well: it takes naps, and gives up and begins
 * anew. */
#ifndef VIVARIUM_TESTS_DRIVER_H
#define VIVARIUM_TESTS_DRIVER_H

#include "supervisor/vivarium.h"

void driver_start(struct viv_supervisor *supervisor);

/* Where there is one. */
void driver_stop(struct viv_supervisor *supervisor);

#endif
