/* Manifests, and the part of one that a file keeps. */
#include "client/arena.h"
#include "client/scope.h"

static int no_memory(struct viv_error *err)
{
    return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "no memory for a manifest");
}

const char *viv_disposition_name(int disposition)
{
    static const char *const names[] = {"UNSPECIFIED", "CARRIED", "OMITTED", "FAILED_TO_RESTORE"};
    bool known = disposition > 0 && disposition <= VIV_DISPOSITION_FAILED_TO_RESTORE;

    return names[known ? disposition : 0];
}

static struct viv_manifest_entry entry_of(const Vivarium__V1__ManifestEntry *m)
{
    return (struct viv_manifest_entry){
        .name = m->name,
        .path = m->path,
        .type = m->type,
        .reason = m->reason,
        .disposition = (int)m->disposition,
        .bytes = m->bytes,
    };
}

int viv_scope_manifest(void *object, Vivarium__V1__ManifestEntry *const *entries, size_t count,
                       bool skip_carried, struct viv_manifest *ret_manifest, struct viv_error *err)
{
    struct viv_manifest_entry *list = viv_arena_alloc(object, count, sizeof(*list));
    size_t n = 0;

    if (!list)
        return no_memory(err);
    for (size_t i = 0; i < count; i++)
        if (!skip_carried ||
            entries[i]->disposition != VIVARIUM__V1__DISPOSITION__DISPOSITION_CARRIED)
            list[n++] = entry_of(entries[i]);
    *ret_manifest = (struct viv_manifest){list, n};
    return 0;
}

int viv_scope_note_left_out(struct viv_scope *scope, const Vivarium__V1__Manifest *manifest,
                            struct viv_error *err)
{
    size_t count = manifest ? manifest->n_entries : 0;
    Vivarium__V1__ManifestEntry **entries = viv_arena_alloc(scope->arena, count, sizeof(*entries));
    size_t n = 0;

    if (!entries)
        return no_memory(err);
    for (size_t i = 0; i < count; i++)
        if (manifest->entries[i]->disposition != VIVARIUM__V1__DISPOSITION__DISPOSITION_CARRIED)
            entries[n++] = manifest->entries[i];
    if (viv_scope_manifest(scope->arena, entries, n, false, &scope->left_out, err))
        return -1;
    scope->message->left_out = entries;
    scope->message->n_left_out = n;
    return 0;
}

struct viv_manifest viv_scope_left_out(const struct viv_scope *scope)
{
    return scope->left_out;
}
