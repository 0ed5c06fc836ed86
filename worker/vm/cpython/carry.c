#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/carry.h"

#include "vivarium/v1/scope.pb-c.h"
#include "worker/vm/cpython/cancel.h"
#include "worker/vm/cpython/scope/scope.h"

/* Field numbers of vivarium.v1.ExecuteResponse. */
enum { SCOPE = 10, MANIFEST = 11, RESTORE_MANIFEST = 12 };

/* Of an answer, for what is not the scope itself. */
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

int viv_carry_in(PyObject *globals, const struct viv_vm_run *run, struct viv_answer *answer)
{
    const struct scope_caps caps = {.should_stop = should_stop};
    struct scope_bytes manifest;
    struct viv_error err;

    if (run->scope_len == 0)
        return 0;
    if (scope_restore(globals, run->scope, run->scope_len, &caps, &manifest, &err) < 0)
        return raise_error(&err);
    viv_answer_add(answer, RESTORE_MANIFEST, manifest.data, manifest.len);
    scope_bytes_free(&manifest);
    return 0;
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

int viv_carry_out(PyObject *globals, const struct viv_vm_run *run, struct viv_answer *answer)
{
    struct scope_caps caps = {.should_stop = should_stop};
    struct scope_bytes snapshot, manifest;
    struct viv_error err;

    if (!run->return_scope || answer->len + ROOM_BESIDE > answer->max)
        return 0;
    caps.bytes = answer->max - answer->len - ROOM_BESIDE;
    if (scope_snapshot(globals, &caps, &snapshot, &manifest, &err) < 0) {
        add_reason(answer, err.text);
        return err.status == VIV_CANCELLED ? raise_error(&err) : 0;
    }
    viv_answer_add(answer, SCOPE, snapshot.data, snapshot.len);
    if (!viv_answer_add(answer, MANIFEST, manifest.data, manifest.len))
        add_reason(answer, "the manifest is larger than an answer may be");
    scope_bytes_free(&snapshot);
    scope_bytes_free(&manifest);
    return 0;
}
