#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/manifest.h"

#include <stdlib.h>

#include "worker/vm/cpython/scope/fields.h"
#include "worker/vm/cpython/scope/text.h"
#include "worker/vm/cpython/text.h"
#include "worker/vm/cpython/writer.h"

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
        PyObject *text = viv_text_type_name(type, false);

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
    return str ? 16 + 6 * (size_t)PyUnicode_GET_LENGTH(str) : 0;
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

static void write_text(struct viv_writer *w, unsigned field, PyObject *str)
{
    if (str)
        viv_text_field(w, field, str, 0);
}

static void write_entry(struct viv_writer *w, const struct scope_entry *entry)
{
    size_t mark = viv_writer_used(w);

    if (entry->bytes)
        viv_writer_varint(w, ENTRY_BYTES, entry->bytes);
    write_text(w, ENTRY_REASON, entry->reason);
    viv_writer_varint(w, ENTRY_DISPOSITION, entry->disposition);
    write_text(w, ENTRY_TYPE, entry->type);
    write_text(w, ENTRY_PATH, entry->path);
    write_text(w, ENTRY_NAME, entry->name);
    viv_writer_field(w, MANIFEST_ENTRIES, mark);
}

int scope_manifest_write(const struct scope_manifest *manifest, struct viv_pages *ret_bytes)
{
    struct viv_writer w;

    viv_writer_init(&w, size_of(manifest));
    if (w.failed)
        return -1;
    for (size_t i = manifest->count; i > 0; i--)
        write_entry(&w, &manifest->entries[i - 1]);
    viv_writer_take_pages(&w, ret_bytes);
    return 0;
}
