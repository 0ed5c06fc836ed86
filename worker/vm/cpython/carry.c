#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/carry.h"

#include "vivarium/v1/scope.pb-c.h"
#include "worker/vm/cpython/cancel.h"
#include "worker/vm/cpython/scope/names.h"
#include "worker/vm/cpython/scope/reader.h"
#include "worker/vm/cpython/scope/scope.h"

/* Field numbers of vivarium.v1.ExecuteResponse. */
enum { SCOPE = 10, MANIFEST = 11, RESTORE_MANIFEST = 12 };

/* Of a Manifest and its ManifestEntry. */
enum { ENTRIES = 1, ENTRY_DISPOSITION = 4, ENTRY_FIELDS = 6, OMITTED = 2 };

/* Of an answer, for what is not the scope itself; a quarter of a small one. */
#define ROOM_BESIDE (64u * 1024)

/* Only looks: handlers would be user code in the middle of somebody's value. */
static bool should_stop(void *arg)
{
    return viv_cancel_pending();
}

static int raise_error(const struct viv_error *err)
{
    if (err->status == VIV_CANCELLED)
        return viv_cancel_raise();
    PyErr_Format(PyExc_ValueError, "scope: %s", err->text);
    return -1;
}

/* Of a checkpoint's manifest, what it had to leave out: its names are missing
 * here, and the restore_manifest says so. */
static void add_omitted(struct viv_answer *manifest, struct scope_span left)
{
    struct scope_field entry, parts[ENTRY_FIELDS + 1];

    while (scope_reader_next(&left, &entry) > 0) {
        if (entry.field == ENTRIES && entry.wire == WIRE_LENGTH &&
            scope_reader_pick(entry.bytes, parts, ENTRY_FIELDS) == 0 &&
            parts[ENTRY_DISPOSITION].number == OMITTED)
            viv_answer_add(manifest, ENTRIES, entry.bytes.at, scope_span_len(entry.bytes));
    }
}

static int restore_parts(PyObject *globals, struct scope_span snapshot, struct scope_span left,
                         struct viv_answer *answer)
{
    const struct scope_caps caps = {.should_stop = should_stop};
    struct viv_answer manifest = {.max = answer->max};
    struct viv_pages restored;
    struct viv_error err;

    if (scope_restore(globals, snapshot.at, scope_span_len(snapshot), &caps, &restored, &err) < 0)
        return raise_error(&err);
    /* A manifest is its entries: two that are joined are one. */
    viv_answer_join(&manifest, restored.data, restored.len);
    add_omitted(&manifest, left);
    viv_answer_add(answer, RESTORE_MANIFEST, manifest.data, manifest.len);
    viv_answer_clear(&manifest);
    viv_pages_free(&restored);
    return 0;
}

static int restore(PyObject *globals, struct scope_span snapshot, struct viv_answer *answer)
{
    return restore_parts(globals, snapshot, (struct scope_span){0}, answer);
}

static int restore_carried(PyObject *globals, struct scope_span bytes, struct viv_answer *answer)
{
    struct scope_field parts[MANIFEST + 1];

    if (scope_reader_pick(bytes, parts, MANIFEST) < 0 || !parts[SCOPE].field) {
        PyErr_SetString(PyExc_ValueError, "scope: the checkpoint is damaged");
        return -1;
    }
    return restore_parts(globals, parts[SCOPE].bytes, parts[MANIFEST].bytes, answer);
}

static int drop_names(PyObject *globals)
{
    PyObject *names = PyDict_Keys(globals);
    int rc = names ? 0 : -1;

    for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(names); i++) {
        PyObject *name = PyList_GET_ITEM(names, i);

        if (!scope_names_is_own(name, PyDict_GetItemWithError(globals, name)))
            rc = PyDict_DelItem(globals, name);
    }
    Py_XDECREF(names);
    return rc;
}

/* What was there goes when the new names are complete, and comes back where
 * they can't be had. */
static int replace(PyObject *globals, const struct viv_vm_run *run, struct viv_answer *answer,
                   int (*set)(PyObject *, struct scope_span, struct viv_answer *))
{
    const struct scope_span bytes = {run->scope, run->scope + run->scope_len};
    PyObject *before = PyDict_Copy(globals), *type, *value, *traceback;
    int rc = before ? drop_names(globals) : -1;

    if (rc == 0 && run->scope_len > 0)
        rc = set(globals, bytes, answer);
    if (rc < 0 && before) {
        PyErr_Fetch(&type, &value, &traceback);
        PyDict_Clear(globals);
        PyDict_Update(globals, before);
        PyErr_Restore(type, value, traceback);
    }
    Py_XDECREF(before);
    return rc;
}

int viv_carry_in(PyObject *globals, const struct viv_vm_run *run, struct viv_answer *answer)
{
    const struct scope_span bytes = {run->scope, run->scope + run->scope_len};
    int (*set)(PyObject *, struct scope_span, struct viv_answer *) = run->carried ? restore_carried
                                                                                  : restore;

    if (run->replace)
        return replace(globals, run, answer, set);
    return run->scope_len > 0 ? set(globals, bytes, answer) : 0;
}

/* Instead of a scope: one entry, for the scope as a whole. */
static void add_reason(struct viv_answer *answer, const char *reason)
{
    Vivarium__V1__ManifestEntry entry = VIVARIUM__V1__MANIFEST_ENTRY__INIT, *entries = &entry;
    Vivarium__V1__Manifest manifest = VIVARIUM__V1__MANIFEST__INIT;
    uint8_t packed[1024];

    entry.disposition = VIVARIUM__V1__DISPOSITION__DISPOSITION_OMITTED;
    entry.reason = (char *)reason;
    manifest.n_entries = 1;
    manifest.entries = &entries;
    if (vivarium__v1__manifest__get_packed_size(&manifest) <= sizeof(packed))
        viv_answer_add(answer, MANIFEST, packed, vivarium__v1__manifest__pack(&manifest, packed));
}

int viv_carry_out(PyObject *globals, struct viv_carried *ret_carried)
{
    struct viv_answer *head = &ret_carried->head;
    size_t beside = head->max / 4 < ROOM_BESIDE ? head->max / 4 : ROOM_BESIDE;
    struct scope_caps caps = {.should_stop = should_stop};
    struct viv_pages snapshot, manifest;
    struct viv_error err;

    if (head->max == 0)
        return 0;
    caps.bytes = head->max - beside;
    if (scope_snapshot(globals, &caps, &snapshot, &manifest, &err) < 0) {
        add_reason(head, err.text);
        return err.status == VIV_CANCELLED ? raise_error(&err) : 0;
    }
    if (manifest.len + beside / 2 > head->max - snapshot.len ||
        !viv_answer_add(head, MANIFEST, manifest.data, manifest.len))
        add_reason(head, "the manifest is larger than an answer may be");
    viv_pages_free(&manifest);
    if (viv_answer_begin(head, SCOPE, snapshot.len))
        ret_carried->scope = snapshot;
    else
        viv_pages_free(&snapshot);
    return 0;
}

void viv_carried_free(struct viv_carried *carried)
{
    viv_answer_clear(&carried->head);
    viv_pages_free(&carried->scope);
}
