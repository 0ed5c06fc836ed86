/* A binary heap of nodes that live inside what it orders. Adding, moving and
 * removing any node cost O(log n); none allocates. */
#ifndef VIVARIUM_HEAP_H
#define VIVARIUM_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/error.h"

struct heap_node {
    size_t place; /* from 1; 0: in no heap */
};

/* Whether `a` comes before `b`: a strict order. */
typedef bool heap_before(const struct heap_node *a, const struct heap_node *b);

struct heap {
    struct heap_node **at; /* at[0] is unused */
    size_t count;
    size_t capacity;
    heap_before *before;
};

/* `capacity`: the most nodes that are ever in it. */
int heap_init(struct heap *heap, size_t capacity, heap_before *before, struct viv_error *err);
void heap_free(struct heap *heap);

/* Adds a node, or moves one whose order has changed. */
void heap_set(struct heap *heap, struct heap_node *node);

/* Nothing where the node is in no heap. */
void heap_remove(struct heap *heap, struct heap_node *node);

/* NULL where it is empty. */
struct heap_node *heap_first(const struct heap *heap);

#endif
