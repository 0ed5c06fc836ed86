#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/manifest.h"

#include <stdlib.h>

#include "worker/vm/cpython/scope/fields.h"
#include "worker/vm/cpython/scope/text.h"
#include "worker/vm/cpython/scope/writer.h"

static void drop(struct scope_entry *entry)
{
    Py_XDECREF(entry->name);
    Py_XDECREF(entry->path);
    Py_XDECREF(entry->type);
    Py_XDECREF(entry->reason);
}

void scope_manifest_free(struct scope_manifest *manifest)
{
    for (size_t i = 0; i < manifest->count; i++)
        drop(&manifest->entries[i]);
    Py_CLEAR(manifest->last);
    Py_CLEAR(manifest->last_type);
    free(manifest->entries);
    *manifest = (struct scope_manifest){0};
}

PyObject *scope_manifest_type(struct scope_manifest *manifest, PyTypeObject *type)
{
    if (manifest->last != type) {
        PyObject *text = scope_text_type(type, false);

        if (!text)
            return NULL;
        Py_XSETREF(manifest->last_type, text);
        Py_INCREF(type);
        Py_XSETREF(manifest->last, type);
    }
    return Py_NewRef(manifest->last_type);
}

int scope_manifest_add(struct scope_manifest *manifest, struct scope_entry entry)
{
    if (manifest->count == manifest->room) {
        size_t room = manifest->room * 2 + 32;
        struct scope_entry *grown = realloc(manifest->entries, room * sizeof(*grown));

        if (!grown) {
            drop(&entry);
            return -1;
        }
        manifest->entries = grown;
        manifest->room = room;
    }
    manifest->entries[manifest->count++] = entry;
    return entry.name ? 0 : -1;
}

static size_t text_size(PyObject *str)
{
    return str ? 16 + 4 * (size_t)PyUnicode_GET_LENGTH(str) : 0;
}

static size_t size_of(const struct scope_manifest *manifest)
{
    size_t size = 0;

    for (size_t i = 0; i < manifest->count; i++) {
        const struct scope_entry *entry = &manifest->entries[i];

        size += 64 + text_size(entry->name) + text_size(entry->path) + text_size(entry->type) +
                text_size(entry->reason);
    }
    return size;
}

static void write_entry(struct scope_writer *w, const struct scope_entry *entry)
{
    size_t mark = scope_writer_used(w);

    if (entry->bytes)
        scope_writer_varint(w, ENTRY_BYTES, entry->bytes);
    scope_writer_text(w, ENTRY_REASON, entry->reason);
    scope_writer_varint(w, ENTRY_DISPOSITION, entry->disposition);
    scope_writer_text(w, ENTRY_TYPE, entry->type);
    scope_writer_text(w, ENTRY_PATH, entry->path);
    scope_writer_text(w, ENTRY_NAME, entry->name);
    scope_writer_field(w, MANIFEST_ENTRIES, mark);
}

int scope_manifest_write(const struct scope_manifest *manifest, struct scope_bytes *ret_bytes)
{
    struct scope_writer w;

    if (scope_writer_init(&w, size_of(manifest)) < 0)
        return -1;
    for (size_t i = manifest->count; i > 0; i--)
        write_entry(&w, &manifest->entries[i - 1]);
    scope_writer_take(&w, ret_bytes);
    return 0;
}
