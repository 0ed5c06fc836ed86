#define PY_SSIZE_T_CLEAN
#include "tests/scope/embed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/vivarium/v1/scope.pb-c.h"
#include "proto/wire_check.h"

static void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    if (PyErr_Occurred())
        PyErr_Print();
    exit(2);
}

void embed_start(void)
{
    PyConfig config;
    PyStatus status;

    PyConfig_InitIsolatedConfig(&config);
    config.write_bytecode = 0;
    config.install_signal_handlers = 0;
    PyConfig_SetString(&config, &config.home, L"/usr");
    PyConfig_SetString(&config, &config.program_name, L"/usr/bin/python3.11");
    status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status))
        die(status.err_msg ? status.err_msg : "can't start Python");
    if (scope_setup() < 0)
        die("scope_setup");
}

PyObject *embed_globals(void)
{
    return PyModule_GetDict(PyImport_AddModule("__main__"));
}

bool embed_run(const char *code, const char *name)
{
    PyObject *compiled = Py_CompileString(code, name, Py_file_input), *result = NULL;

    if (compiled)
        result = PyEval_EvalCode(compiled, embed_globals(), embed_globals());
    Py_XDECREF(compiled);
    if (!result)
        PyErr_Print();
    Py_XDECREF(result);
    return result != NULL;
}

bool embed_snapshot(struct viv_pages *ret_snapshot, struct viv_pages *ret_manifest)
{
    const struct scope_caps caps = {0};
    struct viv_error err;

    if (scope_snapshot(embed_globals(), &caps, ret_snapshot, ret_manifest, &err) == 0)
        return true;
    fprintf(stderr, "snapshot: %s\n", err.text);
    return false;
}

bool embed_restore(const void *data, size_t len, struct viv_pages *ret_manifest)
{
    const struct scope_caps caps = {0};
    struct viv_error err;

    if (scope_restore(embed_globals(), data, len, &caps, ret_manifest, &err) == 0)
        return true;
    fprintf(stderr, "restore: %s\n", err.text);
    return false;
}

static int publish_entry(PyObject *dict, const Vivarium__V1__ManifestEntry *entry)
{
    PyObject *value;
    int rc;

    if (entry->disposition == VIVARIUM__V1__DISPOSITION__DISPOSITION_CARRIED)
        return 0;
    value =
        Py_BuildValue("(sssi)", entry->path, entry->type, entry->reason, (int)entry->disposition);
    if (!value)
        return -1;
    rc = PyDict_SetItemString(dict, entry->name, value);
    Py_DECREF(value);
    return rc;
}

bool embed_publish(const char *name, const struct viv_pages *manifest)
{
    Vivarium__V1__Manifest *message =
        vivarium__v1__manifest__unpack(NULL, manifest->len, manifest->data);
    PyObject *builtins = PyImport_ImportModule("builtins"), *dict = PyDict_New();
    bool good = message && builtins && dict;

    for (size_t i = 0; good && i < message->n_entries; i++)
        good = publish_entry(dict, message->entries[i]) == 0;
    if (good)
        good = PyObject_SetAttrString(builtins, name, dict) == 0;
    if (message)
        vivarium__v1__manifest__free_unpacked(message, NULL);
    Py_XDECREF(builtins);
    Py_XDECREF(dict);
    return good;
}

bool embed_is_message(const struct viv_pages *snapshot)
{
    const struct viv_wire_caps caps = {.unpacked_max = UINT64_C(8) << 30};
    Vivarium__V1__ScopeSnapshot *message;
    struct viv_error err;

    if (viv_wire_check(&vivarium__v1__scope_snapshot__descriptor, snapshot->data, snapshot->len,
                       &caps, &err) < 0) {
        fprintf(stderr, "not a snapshot: %s\n", err.text);
        return false;
    }
    message = vivarium__v1__scope_snapshot__unpack(NULL, snapshot->len, snapshot->data);
    if (!message)
        return false;
    vivarium__v1__scope_snapshot__free_unpacked(message, NULL);
    return true;
}

/* NULL: it is as it must be. */
static const char *fault(const Vivarium__V1__ManifestEntry *entry, bool restored)
{
    switch (entry->disposition) {
    case VIVARIUM__V1__DISPOSITION__DISPOSITION_CARRIED:
        if (entry->reason[0] || entry->path[0])
            return "it is carried, and says why not";
        return entry->type[0] && entry->bytes ? NULL : "no type or size";
    case VIVARIUM__V1__DISPOSITION__DISPOSITION_OMITTED:
        if (restored)
            return "it is omitted on the way in";
        return entry->type[0] && entry->reason[0] ? NULL : "no type or reason";
    case VIVARIUM__V1__DISPOSITION__DISPOSITION_FAILED_TO_RESTORE:
        return restored && entry->reason[0] ? NULL : "no reason, or on the way out";
    default:
        return "no disposition";
    }
}

static bool check_entries(const Vivarium__V1__Manifest *manifest,
                          const Vivarium__V1__ScopeSnapshot *snapshot, bool restored)
{
    size_t name = 0;

    for (size_t i = 0; i < manifest->n_entries; i++) {
        const Vivarium__V1__ManifestEntry *entry = manifest->entries[i];
        const char *what = fault(entry, restored);

        if (!what && entry->disposition != VIVARIUM__V1__DISPOSITION__DISPOSITION_OMITTED &&
            name < snapshot->n_names && strcmp(entry->name, snapshot->names[name]->name) == 0)
            name++;
        else if (!what && entry->disposition == VIVARIUM__V1__DISPOSITION__DISPOSITION_CARRIED)
            what = "the snapshot has it not, or not there";
        if (what) {
            fprintf(stderr, "manifest: %s: %s\n", entry->name, what);
            return false;
        }
    }
    if (name < snapshot->n_names)
        fprintf(stderr, "manifest: %s is missing\n", snapshot->names[name]->name);
    return name == snapshot->n_names;
}

bool embed_is_manifest(const struct viv_pages *manifest, const struct viv_pages *snapshot,
                       bool restored)
{
    Vivarium__V1__Manifest *said =
        vivarium__v1__manifest__unpack(NULL, manifest->len, manifest->data);
    Vivarium__V1__ScopeSnapshot *scope =
        vivarium__v1__scope_snapshot__unpack(NULL, snapshot->len, snapshot->data);
    bool good = said && scope && check_entries(said, scope, restored);

    if (said)
        vivarium__v1__manifest__free_unpacked(said, NULL);
    if (scope)
        vivarium__v1__scope_snapshot__free_unpacked(scope, NULL);
    return good;
}
