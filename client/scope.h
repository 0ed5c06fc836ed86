/* A scope's inside: the message, in some object's arena. */
#ifndef VIVARIUM_CLIENT_SCOPE_H
#define VIVARIUM_CLIENT_SCOPE_H

#include "client/vivarium_scope.h"
#include "vivarium/v1/scope.pb-c.h"

#define VIV_SCOPE_FORMAT 1

struct viv_scope {
    void *arena; /* the object whose arena holds all: the scope itself, or a reply */
    Vivarium__V1__ScopeSnapshot *message;
    Vivarium__V1__Graph table; /* of the message's objects, for handles */
    struct viv_manifest left_out;
    size_t names_room;      /* of message->names; 0: no more than there are */
    size_t objects_room;    /* of message->objects and items_room */
    size_t *items_room;     /* of each object that is a container, likewise */
    enum viv_status failed; /* VIV_OK: all that was built is there */
    const char *failure;    /* static */
};

/* A scope that shows `message`, which lives in `object`'s arena, as the scope
 * does. VIV_INVALID_ARGUMENT where it is of another version or ambiguous. */
int viv_scope_adopt(void *object, Vivarium__V1__ScopeSnapshot *message,
                    struct viv_scope **ret_scope, struct viv_error *err);

/* `entries` as the public header shows them, in `object`'s arena; with
 * `skip_carried` only what did not travel. */
int viv_scope_manifest(void *object, Vivarium__V1__ManifestEntry *const *entries, size_t count,
                       bool skip_carried, struct viv_manifest *ret_manifest, struct viv_error *err);

/* Makes the scope say that these were left out. */
int viv_scope_note_left_out(struct viv_scope *scope, const Vivarium__V1__Manifest *manifest,
                            struct viv_error *err);

/* What is sent: the message less what is for files only. Points into the scope.
 * Fails where building it has. */
int viv_scope_outgoing(const struct viv_scope *scope, Vivarium__V1__ScopeSnapshot *ret_message,
                       struct viv_error *err);

#endif
