/* A scope from a file or an answer, as a client reads, changes and writes it. */
#include <stdlib.h>

#include "client/vivarium_scope.h"
#include "tests/fuzz/message.h"

#define DEPTH_MAX 8
#define ITEMS_MAX 64

/* Every getter; a value is a graph, so depth and width are this reader's own. */
static void read_value(struct viv_value value, int depth)
{
    size_t len;
    size_t count = viv_value_len(value);

    viv_value_type(value);
    viv_value_name(value);
    viv_value_text(value);
    viv_value_reason(value);
    if (viv_value_bytes(value, &len) == NULL && len > 0)
        abort();
    for (size_t i = 0; i < count && i < ITEMS_MAX && depth < DEPTH_MAX; i++) {
        read_value(viv_value_key(value, i), depth + 1);
        read_value(viv_value_item(value, i), depth + 1);
    }
}

static void read_names(const struct viv_scope *scope)
{
    uint64_t *sizes = calloc(viv_scope_len(scope) + 1, sizeof(*sizes));

    if (viv_scope_sizes(scope, sizes, NULL) < 0)
        abort();
    for (size_t i = 0; i < viv_scope_len(scope) && i < ITEMS_MAX; i++)
        read_value(viv_scope_value(scope, i), 0);
    free(sizes);
}

/* Puts what was read into new places. */
static void change(struct viv_scope *scope)
{
    struct viv_value first = viv_scope_value(scope, 0);
    struct viv_value list = viv_scope_list(scope);

    if (viv_value_kind(first) == VIV_VALUE_ABSENT)
        return;
    viv_scope_append(scope, list, first);
    if (viv_value_kind(first) == VIV_VALUE_LIST)
        viv_scope_append(scope, first, list);
    if (viv_value_kind(first) == VIV_VALUE_DICT)
        viv_scope_put_text(scope, first, "key", list);
    if (viv_scope_set(scope, "list", list, NULL) < 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct viv_scope *scope;
    uint8_t *packed;
    size_t len;

    if (viv_scope_parse(data, size, &scope, NULL) < 0)
        return 0;
    read_names(scope);
    change(scope);
    if (viv_scope_serialize(scope, &packed, &len, NULL) < 0)
        abort();
    free(packed);
    read_names(scope);
    viv_scope_free(scope);
    return 0;
}
