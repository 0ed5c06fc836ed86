/* What server reflection can be asked: the .proto files of a serialized
 * google.protobuf.FileDescriptorSet, by name and by symbol. Never changes once
 * made. */
#ifndef VIVARIUM_SERVICE_REFLECTION_INDEX_H
#define VIVARIUM_SERVICE_REFLECTION_INDEX_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "proto/error.h"

struct reflection_index;

/* `set` is copied. The caller ends *ret_index with reflection_index_destroy(). */
int reflection_index_create(const void *set, size_t len, struct reflection_index **ret_index,
                            struct viv_error *err);

/* Of the set that the build made: every .proto that the daemon serves. */
int reflection_index_create_embedded(struct reflection_index **ret_index, struct viv_error *err);

/* NULL is fine. */
void reflection_index_destroy(struct reflection_index *index);

size_t reflection_index_files(const struct reflection_index *index);

/* The full name of service number `n`, the index's; NULL past the last. */
const char *reflection_index_service(const struct reflection_index *index, size_t n);

/* The number of a file, or -1. */
int reflection_index_by_name(const struct reflection_index *index, const char *name);

/* The number of the file that declares a message, field, oneof, enum, enum
 * value, service or method of this full name, or -1. */
int reflection_index_by_symbol(const struct reflection_index *index, const char *symbol);

/* A file and all it imports, each once, as serialized FileDescriptorProtos
 * that are the index's. `ret_files` has room for all files; returns how many
 * there are. */
size_t reflection_index_closure(const struct reflection_index *index, int file,
                                ProtobufCBinaryData *ret_files);

#endif
