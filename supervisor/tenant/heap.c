#include "supervisor/tenant/heap.h"

#include <stdlib.h>

int heap_init(struct heap *heap, size_t capacity, heap_before *before, struct viv_error *err)
{
    struct heap_node **at = calloc(capacity + 1, sizeof(*at));

    if (!at)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    *heap = (struct heap){.at = at, .capacity = capacity, .before = before};
    return 0;
}

void heap_free(struct heap *heap)
{
    free(heap->at);
    *heap = (struct heap){0};
}

static void put(struct heap *h, size_t place, struct heap_node *node)
{
    h->at[place] = node;
    node->place = place;
}

static void sift_up(struct heap *h, size_t place, struct heap_node *node)
{
    while (place > 1 && h->before(node, h->at[place / 2])) {
        put(h, place, h->at[place / 2]);
        place /= 2;
    }
    put(h, place, node);
}

static void sift_down(struct heap *h, size_t place, struct heap_node *node)
{
    for (;;) {
        size_t child = 2 * place;

        if (child > h->count)
            break;
        if (child < h->count && h->before(h->at[child + 1], h->at[child]))
            child++;
        if (!h->before(h->at[child], node))
            break;
        put(h, place, h->at[child]);
        place = child;
    }
    put(h, place, node);
}

static void settle(struct heap *h, size_t place, struct heap_node *node)
{
    if (place > 1 && h->before(node, h->at[place / 2]))
        sift_up(h, place, node);
    else
        sift_down(h, place, node);
}

void heap_set(struct heap *heap, struct heap_node *node)
{
    if (node->place != 0) {
        settle(heap, node->place, node);
        return;
    }
    if (heap->count == heap->capacity)
        abort(); /* a count of our own nodes: only a bug of ours comes here */
    heap->count++;
    sift_up(heap, heap->count, node);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    size_t place = node->place;
    struct heap_node *last;

    if (place == 0)
        return;
    node->place = 0;
    last = heap->at[heap->count--];
    if (last != node)
        settle(heap, place, last);
}

struct heap_node *heap_first(const struct heap *heap)
{
    return heap->count ? heap->at[1] : NULL;
}
