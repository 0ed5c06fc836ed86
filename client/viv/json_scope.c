/* Scopes and sessions as JSON. */
#include <stdlib.h>

#include "client/viv/json.h"

/* jansson's integers have a sign. */
static json_t *size(uint64_t n)
{
    return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

json_t *viv_json_manifest(struct viv_manifest manifest)
{
    json_t *array = json_array();

    for (size_t i = 0; i < manifest.count; i++) {
        const struct viv_manifest_entry *e = &manifest.entries[i];

        if (e->disposition != VIV_DISPOSITION_CARRIED)
            json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", e->name,
                                                   "path", e->path, "type", e->type, "disposition",
                                                   viv_disposition_name(e->disposition), "reason",
                                                   e->reason));
    }
    return array;
}

json_t *viv_json_session_state(const struct viv_client_session_state *s)
{
    json_t *object = json_pack("{s:s, s:b, s:b}", "session_id", s->session_id, "restored",
                               s->restored, "saved", s->saved);

    if (s->restored)
        json_object_set_new(object, "restored_from",
                            json_string(viv_client_restored_from_name(s->restored_from)));
    if (s->restored && s->snapshot_age_ns >= 0)
        json_object_set_new(object, "snapshot_age_ns", json_integer(s->snapshot_age_ns));
    if (*s->save_error)
        json_object_set_new(object, "save_error", json_string(s->save_error));
    return object;
}

json_t *viv_json_session(const char *session_id, struct viv_manifest restore_manifest)
{
    return json_pack("{s:s, s:o}", "session_id", session_id, "not_restored",
                     viv_json_manifest(restore_manifest));
}

json_t *viv_json_sessions(const struct viv_client_sessions_reply *reply)
{
    json_t *array = json_array();

    for (size_t i = 0; i < reply->count; i++) {
        const struct viv_client_session *s = &reply->sessions[i];

        json_array_append_new(
            array, json_pack("{s:s, s:I, s:I, s:b, s:o, s:s, s:I, s:s, s:s}", "session_id",
                             s->session_id, "opened_ns", (json_int_t)s->opened_ns, "last_used_ns",
                             (json_int_t)s->last_used_ns, "resident", s->resident, "snapshot_bytes",
                             size(s->snapshot_bytes), "durability",
                             viv_client_durability_name(s->durability), "idle_timeout_ns",
                             (json_int_t)s->idle_timeout_ns, "worker_profile", s->worker_profile,
                             "execution_id", s->execution_id));
    }
    return json_pack("{s:o}", "sessions", array);
}

static json_t *name(const struct viv_scope *scope, size_t index, uint64_t bytes)
{
    struct viv_value value = viv_scope_value(scope, index);
    json_t *object = json_pack("{s:s, s:s, s:o}", "name", viv_scope_name(scope, index), "type",
                               viv_value_type(value), "bytes", size(bytes));
    json_t *plain = viv_json_value(value);

    if (plain)
        json_object_set_new(object, "value", plain);
    return object;
}

json_t *viv_json_scope(const struct viv_scope *scope)
{
    size_t count = viv_scope_len(scope);
    uint64_t *sizes = calloc(count + 1, sizeof(*sizes));
    json_t *names = json_array();

    if (!sizes || viv_scope_sizes(scope, sizes, NULL)) {
        free(sizes);
        json_decref(names);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        json_array_append_new(names, name(scope, i, sizes[i]));
    free(sizes);
    return json_pack("{s:s, s:o, s:o}", "python_version", viv_scope_python_version(scope), "names",
                     names, "left_out", viv_json_manifest(viv_scope_left_out(scope)));
}
