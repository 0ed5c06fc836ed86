#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/nodes.h"

#include <stdlib.h>
#include <string.h>

const uint8_t scope_part_count[KIND_COUNT] = {
    [KIND_MODULE] = 2,
    [KIND_GLOBAL] = 2,
    [KIND_FUNCTION] = FUNCTION_PARTS,
    [KIND_CLASS] = CLASS_PARTS,
    [KIND_CELL] = 1,
    [KIND_CODE] = 1,
    [KIND_INSTANCE] = INSTANCE_PARTS,
    [KIND_SHARER] = INSTANCE_PARTS,
    [KIND_REDUCED] = REDUCED_PARTS,
};

void scope_shape_clear(struct scope_shape *shape)
{
    for (int i = 0; i < SCOPE_PARTS_MAX; i++)
        Py_CLEAR(shape->parts[i]);
}

static void drop(struct scope_node *node)
{
    for (int i = 0; i < scope_part_count[node->kind]; i++)
        Py_XDECREF(node->parts[i]);
    Py_DECREF(node->object);
}

#define BLOCK_PARTS 2000

struct scope_parts_block {
    struct scope_parts_block *next;
    size_t used;
    PyObject *parts[BLOCK_PARTS];
};

/* Room for the parts of a node; NULL where memory is out. */
static PyObject **take_parts(struct scope_nodes *nodes, size_t count)
{
    struct scope_parts_block *block = nodes->blocks;

    if (!block || block->used + count > BLOCK_PARTS) {
        block = malloc(sizeof(*block));
        if (!block)
            return NULL;
        block->next = nodes->blocks;
        block->used = 0;
        nodes->blocks = block;
    }
    block->used += count;
    return block->parts + block->used - count;
}

void scope_nodes_free(struct scope_nodes *nodes)
{
    for (uint32_t i = nodes->count; i > 0; i--)
        drop(&nodes->items[i - 1]);
    free(nodes->items);
    free(nodes->places);
    free(nodes->table);
    while (nodes->blocks) {
        struct scope_parts_block *next = nodes->blocks->next;

        free(nodes->blocks);
        nodes->blocks = next;
    }
    *nodes = (struct scope_nodes){0};
}

/* Where an object is or would be. */
static uint32_t place_of(const struct scope_nodes *nodes, PyObject *object)
{
    uint64_t hash = ((uintptr_t)object >> 4) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t mask = nodes->place_room - 1, at = (uint32_t)(hash >> 32) & mask;

    while (nodes->places[at] && nodes->items[nodes->places[at] - 1].object != object)
        at = (at + 1) & mask;
    return at;
}

int64_t scope_nodes_find(const struct scope_nodes *nodes, PyObject *object)
{
    return nodes->place_room == 0 ? -1 : (int64_t)nodes->places[place_of(nodes, object)] - 1;
}

static int grow_places(struct scope_nodes *nodes)
{
    uint32_t room = nodes->place_room ? nodes->place_room * 2 : 64;
    uint32_t *places = calloc(room, sizeof(*places));

    if (!places)
        return -1;
    free(nodes->places);
    nodes->places = places;
    nodes->place_room = room;
    for (uint32_t i = 0; i < nodes->count; i++)
        places[place_of(nodes, nodes->items[i].object)] = i + 1;
    return 0;
}

static int grow_items(struct scope_nodes *nodes)
{
    uint32_t room = nodes->room ? nodes->room * 2 : 64;
    struct scope_node *grown;

    if (room > INT32_MAX / 2)
        return -1;
    grown = realloc(nodes->items, room * sizeof(*grown));
    if (!grown)
        return -1;
    nodes->items = grown;
    nodes->room = room;
    return 0;
}

int64_t scope_nodes_add(struct scope_nodes *nodes, PyObject *object, struct scope_shape *shape,
                        uint32_t owner)
{
    size_t parts = scope_part_count[shape->kind];
    struct scope_node node = {.object = object, .index = -1, .owner = owner, .kind = shape->kind};

    if (nodes->count == nodes->room && grow_items(nodes) < 0)
        return -1;
    if ((nodes->count + 1) * 2 > nodes->place_room && grow_places(nodes) < 0)
        return -1;
    if (parts) {
        node.parts = take_parts(nodes, parts);
        if (!node.parts)
            return -1;
        memcpy(node.parts, shape->parts, parts * sizeof(PyObject *));
        memset(shape->parts, 0, parts * sizeof(PyObject *));
    }
    Py_INCREF(object);
    nodes->items[nodes->count++] = node;
    nodes->places[place_of(nodes, object)] = nodes->count;
    return nodes->count - 1;
}

int scope_nodes_put_in_table(struct scope_nodes *nodes, uint32_t node)
{
    if (nodes->items[node].index >= 0)
        return 0;
    if (nodes->table_count == nodes->table_room) {
        uint32_t room = nodes->table_room ? nodes->table_room * 2 : 64;
        uint32_t *grown = realloc(nodes->table, room * sizeof(*grown));

        if (!grown)
            return -1;
        nodes->table = grown;
        nodes->table_room = room;
    }
    nodes->items[node].index = (int32_t)nodes->table_count;
    nodes->table[nodes->table_count++] = node;
    return 0;
}

/* Later nodes first: of those that were put behind others in a run of places,
 * none is left behind a hole. */
void scope_nodes_cut(struct scope_nodes *nodes, uint32_t count, uint32_t table_count)
{
    uint32_t kept = table_count;

    for (uint32_t i = table_count; i < nodes->table_count; i++) {
        uint32_t node = nodes->table[i];

        if (node < count) {
            nodes->items[node].index = (int32_t)kept;
            nodes->table[kept++] = node;
        }
    }
    nodes->table_count = kept;
    while (nodes->count > count) {
        struct scope_node node = nodes->items[nodes->count - 1];

        nodes->places[place_of(nodes, node.object)] = 0;
        nodes->count--;
        drop(&node);
    }
}
