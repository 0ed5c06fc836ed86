/* Every attempt of the corpus, in a whole jail and in jails that lack layers,
 * against the committed table. An attempt's layers are those that must all be
 * off for it to succeed: with any one of them on, it is stopped. TAP.
 *
 * usage: escapes_test [--write] [--only NAME] WORKER TABLE PRELUDE VICTIM ATTEMPTS... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/escapes/attempts.h"
#include "tests/escapes/host.h"
#include "tests/escapes/world.h"
#include "worker/layers.h"

static unsigned number, failures;

static void report(bool ok, const char *name, const char *how)
{
    printf("%s %u - %s: %s\n", ok ? "ok" : "not ok", ++number, name, how);
    fflush(stdout);
    failures += !ok;
}

/* "x without seccomp" */
static void title(const struct attempt *a, uint64_t without, char *text, size_t room)
{
    int used = snprintf(text, room, "%s without", a->name);

    for (unsigned i = 0; i < VIV_LAYERS; i++)
        if (without & VIV_LAYER_BIT(i))
            used += snprintf(text + used, room - (size_t)used, " %s", viv_layer_name(i));
}

static void expect(const struct attempt *a, uint64_t without, bool escape)
{
    char text[512], how[200];
    bool escaped = world_attempt(a, without, how);

    title(a, without, text, sizeof(text));
    report(escaped == escape, without ? text : a->name, how);
}

/* One layer back on, and with it those that need none that is off. */
static void expect_each_alone(const struct attempt *a)
{
    for (unsigned i = 0; i < VIV_LAYERS; i++) {
        uint64_t fewer = a->layers & ~VIV_LAYER_BIT(i);

        if (fewer != a->layers && fewer != 0 && viv_layers_close(fewer) == fewer)
            expect(a, fewer, false);
    }
}

static void check_attempt(const struct attempt *a)
{
    if (!a->listed) {
        report(false, a->name, "is not in the table");
        return;
    }
    if (a->root && geteuid() != 0) {
        printf("ok %u # SKIP %s: only root can set the stage\n", ++number, a->name);
        return;
    }
    expect(a, 0, a->known);
    if (a->known || a->layers == 0)
        return;
    expect(a, a->layers, true);
    expect_each_alone(a);
}

/* --- computing the table -------------------------------------------------- */

/* The order in which layers are put back: those that bring others first. */
static uint64_t fewest(const struct attempt *a, uint64_t off)
{
    char how[200];

    for (unsigned i = 0; i < VIV_LAYERS; i++) {
        uint64_t fewer = off & ~VIV_LAYER_BIT(i);

        if (fewer != off && viv_layers_close(fewer) == fewer && world_attempt(a, fewer, how))
            off = fewer;
    }
    return off;
}

static uint64_t compute(const struct attempt *a)
{
    /* With what a user namespace gives, then without its mounts, then bare. */
    uint64_t outside = viv_layers_close(VIV_LAYER_BIT(VIV_LAYER_USER_NAMESPACE));
    uint64_t mounts = viv_layers_close(VIV_LAYER_BIT(VIV_LAYER_MOUNT_NAMESPACE));
    uint64_t kept = VIV_LAYER_BIT(VIV_LAYER_MOUNT_NAMESPACE) |
                    VIV_LAYER_BIT(VIV_LAYER_READ_ONLY_ROOT);
    uint64_t starts[] = {VIV_LAYERS_JAIL & ~outside,
                         (VIV_LAYERS_JAIL & ~outside) | (mounts & ~kept), VIV_LAYERS_JAIL};
    char how[200];

    if (world_attempt(a, 0, how)) {
        printf("%-32s NOTHING STOPS IT: %s\n", a->name, how);
        return 0;
    }
    for (unsigned i = 0; i < VIV_LAYERS; i++) {
        uint64_t one = viv_layers_close(VIV_LAYER_BIT(i)) & VIV_LAYERS_JAIL;

        if (one == VIV_LAYER_BIT(i) && world_attempt(a, one, how))
            return one;
    }
    for (unsigned i = 0; i < 3; i++)
        if (world_attempt(a, starts[i], how))
            return fewest(a, starts[i]);
    printf("%-32s never: %s\n", a->name, how);
    return 0;
}

static const char *read_text(const char *path)
{
    FILE *f = fopen(path, "re");
    char *text = NULL;
    size_t room = 0;

    if (!f || getdelim(&text, &room, '\0', f) < 0) {
        perror(path);
        exit(2);
    }
    fclose(f);
    return text;
}

int main(int argc, char **argv)
{
    const char *only = NULL;
    bool write = false;
    int i = 1;

    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++)
        if (strcmp(argv[i], "--write") == 0)
            write = true;
        else if (++i < argc)
            only = argv[i];
    if (argc - i < 5)
        return 2;
    for (int k = i + 4; k < argc; k++)
        attempts_read(argv[k]);
    /* One attempt anew leaves the others as they are. */
    if (!write || only)
        table_read(argv[i + 1]);
    setvbuf(stdout, NULL, _IOLBF, 0);
    host_start();
    worlds_start(argv[i], read_text(argv[i + 2]), read_text(argv[i + 3]));
    for (unsigned k = 0; k < attempt_count; k++) {
        if (only && strcmp(attempts[k].name, only) != 0)
            continue;
        if (write)
            attempts[k].layers = compute(&attempts[k]);
        else
            check_attempt(&attempts[k]);
    }
    worlds_stop();
    host_stop();
    if (write)
        table_write(argv[i + 1]);
    else
        printf("1..%u\n", number);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
