/* vivarium-probe: the table of the jail's layers on this machine.
 *
 * usage: vivarium-probe [--json]
 * Exits with 0 where every layer is there, with 1 where one is missing. */
#include <stdio.h>
#include <string.h>

#include "worker/probe.h"

static void print_text(const struct viv_probe *p)
{
    printf("%-20s %-8s %s\n", p->name, p->present ? "yes" : "MISSING", p->why);
    if (!p->present)
        printf("%-20s to have it: %s\n", "", p->remedy);
}

/* Nothing of it needs escaping: the texts are our own and strerror's. One
 * object a line, so that others' lines can follow. */
static void print_json(const struct viv_probe *p)
{
    printf("{\"layer\":\"%s\",\"present\":%s,\"why\":\"%s\",\"remedy\":\"%s\",\"flag\":\"%s\"}\n",
           p->name, p->present ? "true" : "false", p->why, p->remedy, p->flag);
}

int main(int argc, char **argv)
{
    struct viv_probe probes[VIV_PROBES];
    int json = argc == 2 && strcmp(argv[1], "--json") == 0;
    int missing = 0;

    if (argc > 1 && !json) {
        fputs("usage: vivarium-probe [--json]\n", stderr);
        return 2;
    }
    viv_probe_all(probes);
    for (unsigned i = 0; i < VIV_PROBES; i++) {
        (json ? print_json : print_text)(&probes[i]);
        missing |= !probes[i].present;
    }
    return missing;
}
