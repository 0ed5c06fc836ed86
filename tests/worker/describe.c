#include "tests/worker/describe.h"

#include <stdio.h>

typedef Vivarium__V1__Value Value;

static void value_to(FILE *to, const Value *value);

static void bytes_to(FILE *to, const char *what, const ProtobufCBinaryData *data)
{
    fputs(what, to);
    for (size_t i = 0; i < data->len; i++)
        fprintf(to, " %02x", data->data[i]);
}

static void sequence_to(FILE *to, const char *open, const Vivarium__V1__Sequence *items,
                        const char *close)
{
    fputs(open, to);
    for (size_t i = 0; i < items->n_items; i++) {
        value_to(to, items->items[i]);
        fputc(',', to);
    }
    fputs(close, to);
}

static void dict_to(FILE *to, const Vivarium__V1__Mapping *dict)
{
    fputc('{', to);
    for (size_t i = 0; i < dict->n_items; i++) {
        value_to(to, dict->items[i]->key);
        fputs(": ", to);
        value_to(to, dict->items[i]->value);
        fputc(',', to);
    }
    fputc('}', to);
}

static void graph_to(FILE *to, const Vivarium__V1__Graph *graph)
{
    fputs("graph ", to);
    for (size_t i = 0; i < graph->n_objects; i++) {
        fprintf(to, "#%zu=", i);
        value_to(to, graph->objects[i]->value);
        fputc(' ', to);
    }
    fputs("root=", to);
    value_to(to, graph->root);
}

static void number_to(FILE *to, const Value *value)
{
    if (value->kind_case == VIVARIUM__V1__VALUE__KIND_CONSTANT)
        fprintf(to, "constant %d", (int)value->constant);
    else if (value->kind_case == VIVARIUM__V1__VALUE__KIND_BOOLEAN)
        fputs(value->boolean ? "true" : "false", to);
    else if (value->kind_case == VIVARIUM__V1__VALUE__KIND_INTEGER)
        fprintf(to, "%lld", (long long)value->integer);
    else if (value->kind_case == VIVARIUM__V1__VALUE__KIND_FLOATING)
        fprintf(to, "float %.17g", value->floating);
    else if (value->kind_case == VIVARIUM__V1__VALUE__KIND_COMPLEX)
        fprintf(to, "complex %g %g", value->complex->real, value->complex->imaginary);
    else if (value->kind_case == VIVARIUM__V1__VALUE__KIND_REF)
        fprintf(to, "#%u", value->ref);
    else
        fprintf(to, "kind %d", (int)value->kind_case);
}

static void value_to(FILE *to, const Value *value)
{
    if (value->kind_case == VIVARIUM__V1__VALUE__KIND_BIG_INTEGER)
        bytes_to(to, "big", &value->big_integer);
    else if (value->kind_case == VIVARIUM__V1__VALUE__KIND_TEXT)
        fprintf(to, "'%s'", value->text);
    else if (value->kind_case == VIVARIUM__V1__VALUE__KIND_SURROGATE_TEXT)
        bytes_to(to, "surrogates", &value->surrogate_text);
    else if (value->kind_case == VIVARIUM__V1__VALUE__KIND_DATA)
        bytes_to(to, "bytes", &value->data);
    else if (value->kind_case == VIVARIUM__V1__VALUE__KIND_BYTEARRAY)
        bytes_to(to, "bytearray", &value->bytearray);
    else if (value->kind_case == VIVARIUM__V1__VALUE__KIND_LIST)
        sequence_to(to, "[", value->list, "]");
    else if (value->kind_case == VIVARIUM__V1__VALUE__KIND_TUPLE)
        sequence_to(to, "(", value->tuple, ")");
    else if (value->kind_case == VIVARIUM__V1__VALUE__KIND_SET)
        sequence_to(to, "set(", value->set, ")");
    else if (value->kind_case == VIVARIUM__V1__VALUE__KIND_FROZENSET)
        sequence_to(to, "frozenset(", value->frozenset, ")");
    else if (value->kind_case == VIVARIUM__V1__VALUE__KIND_DICT)
        dict_to(to, value->dict);
    else if (value->kind_case == VIVARIUM__V1__VALUE__KIND_GRAPH)
        graph_to(to, value->graph);
    else if (value->kind_case == VIVARIUM__V1__VALUE__KIND_OPAQUE)
        fprintf(to, "opaque %s: %s", value->opaque->type, value->opaque->reason);
    else
        number_to(to, value);
}

char *describe(const Value *value)
{
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);

    if (value)
        value_to(to, value);
    else
        fputs("(none)", to);
    fclose(to);
    return text;
}
