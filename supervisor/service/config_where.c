#include "supervisor/service/config_where.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define DEPTH_MAX 32

struct where {
    yaml_document_t document;
};

static struct position at(yaml_mark_t mark)
{
    return (struct position){(unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

static int complain(const yaml_parser_t *parser, struct position *ret_wrong, struct viv_error *err)
{
    *ret_wrong = at(parser->error == YAML_READER_ERROR ? parser->mark : parser->problem_mark);
    return viv_fail(err, VIV_INVALID_ARGUMENT, "%s",
                    parser->problem ? parser->problem : "out of memory");
}

/* Nothing but the end may follow. */
static int check_end(yaml_parser_t *parser, struct position *ret_wrong, struct viv_error *err)
{
    yaml_document_t second;
    yaml_node_t *root;
    struct position wrong = {1, 1};
    int rc = 0;

    if (!yaml_parser_load(parser, &second))
        return complain(parser, ret_wrong, err);
    root = yaml_document_get_root_node(&second);
    if (root) {
        wrong = at(root->start_mark);
        rc = viv_fail(err, VIV_INVALID_ARGUMENT, "a second document begins: there may be one");
    }
    yaml_document_delete(&second);
    if (rc < 0)
        *ret_wrong = wrong;
    return rc;
}

static int load(yaml_parser_t *parser, yaml_document_t *document, struct position *ret_wrong,
                struct viv_error *err)
{
    if (!yaml_parser_load(parser, document))
        return complain(parser, ret_wrong, err);
    /* After the end of the stream there is nothing to load. */
    if (!yaml_document_get_root_node(document) || check_end(parser, ret_wrong, err) == 0)
        return 0;
    yaml_document_delete(document);
    return -1;
}

/* +1 where something begins, -1 where it ends. */
static int nesting(yaml_event_type_t type)
{
    switch (type) {
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT:
        return 1;
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        return -1;
    default:
        return 0;
    }
}

/* Before anybody reads all of it: the time that libyaml takes grows with the
 * square of the depth. */
static int check_depth(yaml_parser_t *parser, struct position *ret_wrong, struct viv_error *err)
{
    bool ended = false;
    int depth = 0;

    while (!ended && depth <= DEPTH_MAX) {
        yaml_event_t event;

        if (!yaml_parser_parse(parser, &event))
            return complain(parser, ret_wrong, err);
        depth += nesting(event.type);
        ended = event.type == YAML_STREAM_END_EVENT;
        *ret_wrong = at(event.start_mark);
        yaml_event_delete(&event);
    }
    if (depth > DEPTH_MAX)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "this is nested too deep");
    return 0;
}

static int parse(const char *text, size_t len, yaml_document_t *document,
                 struct position *ret_wrong, struct viv_error *err)
{
    yaml_parser_t parser;
    int rc;

    if (!yaml_parser_initialize(&parser))
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    rc = document ? load(&parser, document, ret_wrong, err) : check_depth(&parser, ret_wrong, err);
    yaml_parser_delete(&parser);
    return rc;
}

int where_open(const char *text, size_t len, struct where **ret_where, struct position *ret_wrong,
               struct viv_error *err)
{
    struct where *where;

    *ret_wrong = (struct position){1, 1};
    if (parse(text, len, NULL, ret_wrong, err) < 0)
        return -1;
    where = calloc(1, sizeof(*where));
    if (!where)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    if (parse(text, len, &where->document, ret_wrong, err) < 0) {
        free(where);
        return -1;
    }
    *ret_where = where;
    return 0;
}

void where_close(struct where *where)
{
    if (!where)
        return;
    yaml_document_delete(&where->document);
    free(where);
}

/* libyaml's functions take no const, but change nothing here. */
static yaml_node_t *node(const struct where *w, int id)
{
    return yaml_document_get_node((yaml_document_t *)&w->document, id);
}

static bool is_named(const yaml_node_t *n, const char *name, size_t len)
{
    return n && n->type == YAML_SCALAR_NODE && n->data.scalar.length == len &&
           memcmp(n->data.scalar.value, name, len) == 0;
}

static const yaml_node_pair_t *find(const struct where *w, const yaml_node_t *n, const char *name,
                                    size_t len)
{
    const yaml_node_pair_t *found = NULL;

    if (n->type != YAML_MAPPING_NODE)
        return NULL;
    for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++)
        if (is_named(node(w, p->key), name, len))
            found = p;
    return found;
}

static const yaml_node_t *entry(const struct where *w, const yaml_node_t *n, unsigned long index)
{
    if (n->type != YAML_SEQUENCE_NODE ||
        index >= (size_t)(n->data.sequence.items.top - n->data.sequence.items.start))
        return NULL;
    return node(w, n->data.sequence.items.start[index]);
}

/* One step along the path: a name or an entry's number. */
static const yaml_node_t *step(const struct where *w, const yaml_node_t *n, const char **path)
{
    const yaml_node_pair_t *pair;
    size_t len;

    if (**path == '[') {
        char *end;
        unsigned long index = strtoul(*path + 1, &end, 10);

        *path = *end == ']' ? end + 1 : end;
        return entry(w, n, index);
    }
    *path += **path == '.';
    len = strcspn(*path, ".[");
    pair = find(w, n, *path, len);
    *path += len;
    return pair ? node(w, pair->value) : NULL;
}

static const yaml_node_t *follow(const struct where *w, const char *path)
{
    const yaml_node_t *n = yaml_document_get_root_node((yaml_document_t *)&w->document);

    while (n && *path) {
        const yaml_node_t *next = step(w, n, &path);

        if (!next)
            break;
        n = next;
    }
    return n;
}

bool where_nothing(const struct where *where)
{
    const yaml_node_t *n = yaml_document_get_root_node((yaml_document_t *)&where->document);

    return !n || is_named(n, "", 0);
}

struct position where_value(const struct where *where, const char *path)
{
    const yaml_node_t *n = follow(where, path);

    return n ? at(n->start_mark) : (struct position){1, 1};
}

struct position where_key(const struct where *where, const char *path, const char *key)
{
    const yaml_node_t *n = follow(where, path);
    const yaml_node_pair_t *pair = n ? find(where, n, key, strlen(key)) : NULL;

    if (pair)
        n = node(where, pair->key);
    return n ? at(n->start_mark) : (struct position){1, 1};
}
