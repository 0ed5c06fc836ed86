#include "supervisor/service/config_hint.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define KEY_MAX 31

static const cyaml_schema_field_t *field(const cyaml_schema_value_t *v, const char *name,
                                         size_t len)
{
    if (v->type != CYAML_MAPPING)
        return NULL;
    for (const cyaml_schema_field_t *f = v->mapping.fields; f->key; f++)
        if (strlen(f->key) == len && memcmp(f->key, name, len) == 0)
            return f;
    return NULL;
}

/* What the schema has at a path; entries' numbers are all the same. */
static const cyaml_schema_value_t *follow(const char *path)
{
    const cyaml_schema_value_t *v = &config_schema;

    while (v && *path) {
        const cyaml_schema_field_t *f;
        size_t len;

        if (*path == '[') {
            path += strcspn(path, "]");
            path += *path == ']';
            v = v->type == CYAML_SEQUENCE ? v->sequence.entry : NULL;
            continue;
        }
        path += *path == '.';
        len = strcspn(path, ".[");
        f = field(v, path, len);
        v = f ? &f->value : NULL;
        path += len;
    }
    return v;
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;

    return m < c ? m : c;
}

/* Levenshtein's distance. */
static size_t distance(const char *a, const char *b)
{
    size_t row[KEY_MAX + 1], len = strlen(b);

    for (size_t j = 0; j <= len; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];

        row[0] = i + 1;
        for (size_t j = 1; j <= len; j++) {
            size_t above = row[j];

            row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a[i] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[len];
}

static const char *nearest(const cyaml_schema_field_t *fields, const char *key)
{
    size_t best = strlen(key) / 3 + 1;
    const char *found = NULL;

    for (const cyaml_schema_field_t *f = fields; f->key; f++) {
        size_t d = strlen(f->key) <= KEY_MAX ? distance(key, f->key) : SIZE_MAX;

        if (d <= best && (!found || d < best)) {
            best = d;
            found = f->key;
        }
    }
    return found;
}

static void list(const cyaml_schema_field_t *fields, char *ret, size_t size)
{
    size_t used = (size_t)snprintf(ret, size, "known here:");

    for (const cyaml_schema_field_t *f = fields; f->key && used < size; f++)
        used += (size_t)snprintf(ret + used, size - used, "%s %s", f == fields ? "" : ",", f->key);
}

void config_hint(const char *path, const char *key, char *ret_hint, size_t size)
{
    const cyaml_schema_value_t *v = follow(path);
    const char *meant;

    ret_hint[0] = '\0';
    if (!v || v->type != CYAML_MAPPING)
        return;
    meant = strlen(key) <= KEY_MAX ? nearest(v->mapping.fields, key) : NULL;
    if (meant)
        snprintf(ret_hint, size, "did you mean '%s'?", meant);
    else
        list(v->mapping.fields, ret_hint, size);
}
