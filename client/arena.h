/* Memory of one reply: an object with everything that it points to, freed in
 * one go. An unpacked message of a million small values costs a few large
 * blocks instead of a million small ones, and freeing it needs no recursion. */
#ifndef VIVARIUM_CLIENT_ARENA_H
#define VIVARIUM_CLIENT_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

/* A zeroed object of `size` bytes with an arena behind it, or NULL. Free with
 * viv_arena_free(). */
void *viv_arena_new(size_t size);

/* Frees the object and all that viv_arena_alloc() gave for it. NULL is fine. */
void viv_arena_free(void *object);

/* Zeroed memory, aligned for anything, that lives as long as the object; or
 * NULL. */
void *viv_arena_alloc(void *object, size_t count, size_t size);

/* An allocator for protobuf-c over the object's arena; its free does nothing. */
ProtobufCAllocator viv_arena_allocator(void *object);

#endif
