/* vivarium-cgroup-probe: the table of the control groups' layers, in the form
 * of vivarium-probe, which is the worker's and knows nothing of them.
 *
 * usage: vivarium-cgroup-probe [--json]
 * Exits with 0 where every layer is there, with 1 where one is missing. */
#include <stdio.h>
#include <string.h>

#include "supervisor/cgroup/cgroup.h"

/* What --allow-absent wants to hear: the quota and the weight are one layer. */
static const char *flag_of(const char *name)
{
    return strncmp(name, "cgroup_cpu", 10) == 0 ? "cgroup_cpu" : name;
}

static void print(const char *name, const struct viv_cgroup_finding *f, int json)
{
    if (json)
        printf(
            "{\"layer\":\"%s\",\"present\":%s,\"why\":\"%s\",\"remedy\":\"%s\",\"flag\":\"%s\"}\n",
            name, f->present ? "true" : "false", f->why, f->remedy,
            f->present ? "" : flag_of(name));
    else
        printf("%-20s %-8s %s\n", name, f->present ? "yes" : "MISSING", f->why);
    if (!json && !f->present)
        printf("%-20s to have it: %s\n", "", f->remedy);
}

int main(int argc, char **argv)
{
    struct viv_cgroup_config config = {.slots = 1};
    int json = argc == 2 && strcmp(argv[1], "--json") == 0;
    struct viv_cgroup *cg;
    struct viv_error error;
    int missing = 0;

    if (argc > 1 && !json) {
        fputs("usage: vivarium-cgroup-probe [--json]\n", stderr);
        return 2;
    }
    if (viv_cgroup_open(&config, &cg, &error) < 0) {
        fprintf(stderr, "vivarium-cgroup-probe: %s\n", error.text);
        return 2;
    }
    for (unsigned i = 0; i < VIV_CGROUP_LAYERS; i++) {
        const struct viv_cgroup_finding *f = viv_cgroup_finding(cg, i);

        print(viv_cgroup_layer_name(i), f, json);
        missing |= !f->present;
    }
    viv_cgroup_close(cg);
    return missing;
}
