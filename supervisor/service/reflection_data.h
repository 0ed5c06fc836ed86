/* The descriptor set of every .proto that the daemon serves, made by protoc
 * and embedded by the build. */
#ifndef VIVARIUM_SERVICE_REFLECTION_DATA_H
#define VIVARIUM_SERVICE_REFLECTION_DATA_H

#include <stddef.h>

extern const unsigned char reflection_data[];
extern const size_t reflection_data_len;

#endif
