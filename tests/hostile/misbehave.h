#ifndef VIVARIUM_TESTS_MISBEHAVE_H
#define VIVARIUM_TESTS_MISBEHAVE_H

#include "proto/zygote.h"

/* What workers do before they are ready: NULL, or the name of a bad start. */
extern const char *misbehave_at_start;

/* A worker's whole life. */
_Noreturn void misbehave(const int fds[VIV_SPAWN_FDS]);

#endif
