/* The layers of isolation (enum viv_layer) by name. */
#ifndef VIVARIUM_LAYER_H
#define VIVARIUM_LAYER_H

#include <stdint.h>

#include "proto/zygote.h"

/* "user_namespace" and so on; NULL past the last. Static. */
const char *viv_layer_name(unsigned layer);

/* The layer of that name; -1: there is none. */
int viv_layer_named(const char *name);

#endif
