/* An interpreter as a worker has it, and what tests do with scopes in it. */
#ifndef VIVARIUM_TESTS_SCOPE_EMBED_H
#define VIVARIUM_TESTS_SCOPE_EMBED_H

#include <Python.h>

#include <stdbool.h>

#include "worker/vm/cpython/scope/scope.h"

/* Starts Debian's Python, whatever is first on PATH, and the engine. Exits
 * where that fails. */
void embed_start(void);

/* `__main__.__dict__`, borrowed. */
PyObject *embed_globals(void);

/* Runs code there; false after a traceback. */
bool embed_run(const char *code, const char *name);

/* Snapshot of it; prints why not. */
bool embed_snapshot(struct viv_pages *ret_snapshot, struct viv_pages *ret_manifest);
bool embed_restore(const void *data, size_t len, struct viv_pages *ret_manifest);

/* {name: (path, type, reason, disposition)} of what a serialized Manifest says
 * was not carried, as a builtin that code can look at. False where the message
 * is none. */
bool embed_publish(const char *name, const struct viv_pages *manifest);

/* Whether a snapshot passes the check that the supervisor's side has for
 * messages, and unpacks; prints why not. */
bool embed_is_message(const struct viv_pages *snapshot);

/* Whether a manifest says what it must: the snapshot's names in their order,
 * what is carried with type and size, what isn't with a reason; on the way out
 * also names that the snapshot lacks. Prints what is wrong. */
bool embed_is_manifest(const struct viv_pages *manifest, const struct viv_pages *snapshot,
                       bool restored);

#endif
