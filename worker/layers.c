#include "worker/layers.h"

#include <stdio.h>
#include <string.h>

#define BIT VIV_LAYER_BIT

#define MOUNTS \
    (BIT(VIV_LAYER_READ_ONLY_ROOT) | BIT(VIV_LAYER_PRIVATE_TMPFS) | BIT(VIV_LAYER_PRIVATE_PROC))

const uint64_t viv_layers_namespaces = BIT(VIV_LAYER_PID_NAMESPACE) |
                                       BIT(VIV_LAYER_MOUNT_NAMESPACE) |
                                       BIT(VIV_LAYER_NETWORK_NAMESPACE) |
                                       BIT(VIV_LAYER_IPC_NAMESPACE) | BIT(VIV_LAYER_UTS_NAMESPACE);

uint64_t viv_layers_close(uint64_t absent)
{
    /* It is where the right to all the others comes from. */
    if (absent & BIT(VIV_LAYER_USER_NAMESPACE))
        absent |= viv_layers_namespaces | BIT(VIV_LAYER_CGROUP_NAMESPACE);
    /* Whose processes would it show? */
    if (absent & BIT(VIV_LAYER_PID_NAMESPACE))
        absent |= BIT(VIV_LAYER_PRIVATE_PROC);
    if (absent & BIT(VIV_LAYER_MOUNT_NAMESPACE))
        absent |= MOUNTS;
    /* Who could gain privileges may neither filter nor restrict. */
    if (absent & BIT(VIV_LAYER_NO_NEW_PRIVS))
        absent |= BIT(VIV_LAYER_LANDLOCK) | BIT(VIV_LAYER_SECCOMP);
    return absent;
}

static void append(struct viv_error *err, const char *text)
{
    size_t used = strlen(err->text);

    snprintf(err->text + used, sizeof(err->text) - used, "%s", text);
}

/* First the names: it is them that the reader of a cut text needs. */
int viv_layers_lack(const struct viv_layers *layers, uint64_t absent, struct viv_error *err)
{
    uint64_t lacking = absent & ~layers->allowed;
    char why[VIV_ERROR_TEXT];
    const char *between = "";

    if (!lacking)
        return 0;
    if (!err)
        return -1;
    snprintf(why, sizeof(why), "%s", err->text);
    snprintf(err->text, sizeof(err->text), "missing: ");
    for (unsigned layer = 0; layer < VIV_LAYERS; layer++)
        if (lacking & BIT(layer)) {
            append(err, between);
            append(err, viv_layer_name(layer));
            between = ", ";
        }
    append(err, " (--allow-absent NAME allows it for each): ");
    append(err, why);
    return -1;
}
