#include "client/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_MIN 1024
#define BLOCK_MAX ((size_t)64 * 1024)

struct block {
    struct block *next;
    size_t size;
    size_t used;
    alignas(max_align_t) uint8_t bytes[];
};

/* Stands in front of the object. */
struct arena {
    struct block *current;
    alignas(max_align_t) uint8_t object[];
};

static struct arena *arena_of(void *object)
{
    return (struct arena *)((uint8_t *)object - offsetof(struct arena, object));
}

static struct block *block_new(struct block *next, size_t size)
{
    struct block *b = malloc(sizeof(*b) + size);

    if (b)
        *b = (struct block){.next = next, .size = size};
    return b;
}

void *viv_arena_new(size_t size)
{
    struct arena *a = calloc(1, sizeof(*a) + size);

    return a ? a->object : NULL;
}

void viv_arena_free(void *object)
{
    struct block *next;

    if (!object)
        return;
    for (struct block *b = arena_of(object)->current; b; b = next) {
        next = b->next;
        free(b);
    }
    free(arena_of(object));
}

/* A large piece gets a block of its own, behind the current one, so that the
 * rest of that stays in use. */
static void *alloc_large(struct arena *a, size_t size)
{
    struct block *b = block_new(a->current ? a->current->next : NULL, size);

    if (!b)
        return NULL;
    b->used = size;
    if (a->current)
        a->current->next = b;
    else
        a->current = b;
    return b->bytes;
}

static void *alloc_small(struct arena *a, size_t size)
{
    struct block *b = a->current;
    size_t next_size;

    if (!b || b->size - b->used < size) {
        next_size = b ? b->size * 2 : BLOCK_MIN;
        b = block_new(b, next_size < BLOCK_MAX ? next_size : BLOCK_MAX);
        if (!b)
            return NULL;
        a->current = b;
    }
    b->used += size;
    return b->bytes + b->used - size;
}

static void *alloc_raw(void *object, size_t size)
{
    size_t align = alignof(max_align_t);

    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + align - 1) / align * align;
    return size > BLOCK_MIN / 2 ? alloc_large(arena_of(object), size)
                                : alloc_small(arena_of(object), size);
}

void *viv_arena_alloc(void *object, size_t count, size_t size)
{
    void *p;

    if (size && count > SIZE_MAX / size)
        return NULL;
    p = alloc_raw(object, count * size);
    return p ? memset(p, 0, count * size) : NULL;
}

static void *proto_alloc(void *object, size_t size)
{
    return alloc_raw(object, size);
}

static void proto_free(void *object, void *p)
{
}

ProtobufCAllocator viv_arena_allocator(void *object)
{
    return (ProtobufCAllocator){.alloc = proto_alloc, .free = proto_free, .allocator_data = object};
}
