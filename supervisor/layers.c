#include "supervisor/layers.h"

#include <stdio.h>
#include <string.h>

/* " --allow-absent NAME" for each. */
static void list_flags(uint64_t mask, char *text, size_t size)
{
    size_t len = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < VIV_LAYERS; i++) {
        if (!(mask & VIV_LAYER_BIT(i)))
            continue;
        snprintf(text + len, size - len, " --allow-absent %s", viv_layer_name(i));
        len += strlen(text + len);
    }
}

static unsigned first_of(uint64_t mask)
{
    return (unsigned)__builtin_ctzll(mask);
}

int layers_check(uint64_t wanted, uint64_t present, uint64_t allowed,
                 const struct layers_finding *findings, struct viv_error *err)
{
    uint64_t missing = wanted & ~present & ~allowed;
    const struct layers_finding none = {0};
    const struct layers_finding *f;
    char flags[VIV_LAYERS * 48];

    if (!missing)
        return 0;
    f = findings ? &findings[first_of(missing)] : &none;
    list_flags(missing, flags, sizeof(flags));
    return viv_fail(err, VIV_FAILED_PRECONDITION,
                    "this machine lacks the layer %s (%s). To have it: %s. To do without:%s",
                    viv_layer_name(first_of(missing)), f->why ? f->why : "it did not work",
                    f->remedy ? f->remedy : "vivarium-probe says what the machine grants", flags);
}
