/* The objects of a snapshot that have an identity: what each is made of, and
 * its place in the table of objects. */
#ifndef VIVARIUM_VM_CPYTHON_SCOPE_NODES_H
#define VIVARIUM_VM_CPYTHON_SCOPE_NODES_H

#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

enum scope_kind {
    KIND_PLAIN,    /* a container, walked by itself */
    KIND_LEAF,     /* text, bytes or a number that is large */
    KIND_GLOBALS,  /* the scope itself */
    KIND_MODULE,   /* name, list of submodules or NULL */
    KIND_GLOBAL,   /* module, qualified name */
    KIND_FUNCTION, /* see enum scope_function_part */
    KIND_CLASS,    /* see enum scope_class_part */
    KIND_CELL,     /* value or NULL */
    KIND_CODE,     /* marshalled bytes */
    KIND_BUFFER,
    KIND_INSTANCE, /* type, dict of attributes, dict of slots */
    KIND_SHARER,   /* the same; the dict may be met elsewhere too */
    KIND_REDUCED,  /* see enum scope_reduced_part */
    KIND_COUNT
};

enum scope_function_part {
    PART_CODE,
    PART_FUNCTION_NAME,
    PART_FUNCTION_QUALNAME,
    PART_DEFAULTS,
    PART_KWDEFAULTS,
    PART_ANNOTATIONS,
    PART_DOC,
    PART_ATTRIBUTES,
    PART_CLOSURE,
    PART_FUNCTION_MODULE,
    PART_GLOBALS,
    FUNCTION_PARTS
};

enum scope_class_part {
    PART_CLASS_NAME,
    PART_CLASS_QUALNAME,
    PART_METACLASS,
    PART_BASES,
    PART_NAMESPACE,
    PART_VIRTUAL,
    CLASS_PARTS
};

enum scope_reduced_part {
    PART_CALLABLE,
    PART_ARGUMENTS,
    PART_STATE,
    PART_LIST_ITEMS, /* a list */
    PART_DICT_ITEMS, /* a list: key, value, key, ... */
    PART_SETTER,
    PART_DICT, /* attributes and slots that the reduce knows nothing of */
    PART_OWN_SLOTS,
    REDUCED_PARTS
};

enum scope_instance_part { PART_TYPE, PART_INSTANCE_DICT, PART_SLOTS, INSTANCE_PARTS };

#define SCOPE_PARTS_MAX FUNCTION_PARTS

/* What an object is made of, before it is a node. */
struct scope_shape {
    enum scope_kind kind;
    PyObject *parts[SCOPE_PARTS_MAX]; /* owned; NULL: absent */
};

void scope_shape_clear(struct scope_shape *shape);

extern const uint8_t scope_part_count[KIND_COUNT];

struct scope_node {
    PyObject *object; /* owned, so that its address stays its own */
    PyObject **parts; /* owned references, as many as the kind has */
    int32_t index;    /* in the table; -1: stands where it is used */
    uint32_t owner;   /* the name that led to it first */
    uint8_t kind;
    bool open; /* being walked */
};

/* Memory of parts; freed with all nodes, not before. */
struct scope_parts_block;

struct scope_nodes {
    struct scope_node *items;
    uint32_t count, room;
    uint32_t *places; /* open addressing by address; node + 1 */
    uint32_t place_room;
    uint32_t *table; /* node of each index */
    uint32_t table_count, table_room;
    struct scope_parts_block *blocks;
};

void scope_nodes_free(struct scope_nodes *nodes);

/* A node, or -1. */
int64_t scope_nodes_find(const struct scope_nodes *nodes, PyObject *object);

/* Takes the parts over where it succeeds. The number of the node; -1 where
 * memory is out. */
int64_t scope_nodes_add(struct scope_nodes *nodes, PyObject *object, struct scope_shape *shape,
                        uint32_t owner);

int scope_nodes_put_in_table(struct scope_nodes *nodes, uint32_t node);

/* Forgets all but the first `count` nodes. Of the first `table_count` entries of
 * the table none may be among them. */
void scope_nodes_cut(struct scope_nodes *nodes, uint32_t count, uint32_t table_count);

#endif
