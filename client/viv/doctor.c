/* viv doctor: the layers of isolation that this machine grants. The programs
 * that know how to try them are the worker's and the supervisor's; they stand
 * beside this one, and print one JSON object a line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/viv/colour.h"
#include "client/viv/command.h"
#include "client/viv/exit_status.h"
#include "client/viv/machine.h"

#define UNKNOWN 2

/* Beside viv, where packages put helpers, and where a Bazel tree has them. */
static const struct probe {
    const char *name;
    const char *places[4];
} probes[] = {
    {"vivarium-probe", {"", "/../lib/vivarium", "/../../worker", NULL}},
    {"vivarium-cgroup-probe", {"", "/../lib/vivarium", "/../../supervisor/cgroup", NULL}},
};

#define PROBES (sizeof(probes) / sizeof(probes[0]))

static char *find(const struct probe *probe, const char *folder)
{
    char *path;

    for (const char *const *place = probe->places; *place; place++) {
        if (asprintf(&path, "%s%s/%s", folder, *place, probe->name) < 0)
            return NULL;
        if (access(path, X_OK) == 0)
            return path;
        free(path);
    }
    fprintf(stderr, "viv: can't find %s beside viv or in ../lib/vivarium\n", probe->name);
    return NULL;
}

/* Reads its end of a pipe; takes it. */
static int read_layers(int fd, json_t *layers)
{
    FILE *f = fdopen(fd, "r");
    char *line = NULL;
    size_t room = 0;
    int rc = 0;

    while (f && rc == 0 && getline(&line, &room, f) > 0) {
        json_t *layer = json_loads(line, 0, NULL);

        rc = layer && json_array_append_new(layers, layer) == 0 ? 0 : -1;
    }
    free(line);
    if (f)
        fclose(f);
    return rc;
}

/* 0 and 1 are its answers. */
static int run(const char *path, json_t *layers)
{
    int ends[2], status, rc;
    pid_t pid;

    if (pipe(ends) < 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl(path, path, "--json", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    rc = read_layers(ends[0], layers);
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) > 1)
        rc = -1;
    if (rc < 0)
        fprintf(stderr, "viv: %s did not do its work\n", path);
    return rc;
}

static int ask_all(json_t *layers)
{
    char *folder = viv_machine_folder();
    int rc = folder ? 0 : -1;

    for (size_t i = 0; i < PROBES && rc == 0; i++) {
        char *path = find(&probes[i], folder);

        rc = path ? run(path, layers) : -1;
        free(path);
    }
    free(folder);
    return rc;
}

static const char *text_of(const json_t *layer, const char *key)
{
    const char *text = json_string_value(json_object_get(layer, key));

    return text ? text : "";
}

static bool present_in(const json_t *layer)
{
    return json_is_true(json_object_get(layer, "present"));
}

static bool has_text(const json_t *array, const char *text)
{
    for (size_t i = 0; i < json_array_size(array); i++)
        if (strcmp(json_string_value(json_array_get(array, i)), text) == 0)
            return true;
    return false;
}

/* "--allow-absent NAME" for each that is missing, once. */
static json_t *flags_of(const json_t *layers)
{
    json_t *flags = json_array();

    for (size_t i = 0; i < json_array_size(layers); i++) {
        const json_t *layer = json_array_get(layers, i);
        char flag[64];

        snprintf(flag, sizeof(flag), "--allow-absent %s", text_of(layer, "flag"));
        if (!present_in(layer) && *text_of(layer, "flag") && !has_text(flags, flag))
            json_array_append_new(flags, json_string(flag));
    }
    return flags;
}

static bool any_missing(const json_t *layers)
{
    for (size_t i = 0; i < json_array_size(layers); i++)
        if (!present_in(json_array_get(layers, i)))
            return true;
    return false;
}

/* What several of them want alike is told behind the last. */
static bool same_remedy(const json_t *layer, const json_t *next)
{
    return next && !present_in(next) && !strcmp(text_of(layer, "remedy"), text_of(next, "remedy"));
}

static void print_layer(const json_t *layer, const json_t *next)
{
    bool present = present_in(layer), colour = viv_colour_wanted(STDOUT_FILENO);

    printf("  %-20s %s%-8s%s %s\n", text_of(layer, "layer"),
           viv_colour(colour, present ? VIV_GREEN : VIV_RED), present ? "yes" : "MISSING",
           viv_colour(colour, "0"), text_of(layer, "why"));
    if (!present && !same_remedy(layer, next))
        printf("  %-20s to have it: %s\n", "", text_of(layer, "remedy"));
}

static void print_text(const struct utsname *os, const json_t *layers, const json_t *flags)
{
    const char *container = viv_machine_container();

    printf("Linux %s, control groups: %s, %s\n\n", os->release, viv_machine_cgroups(),
           *container ? container : "no sign of a container");
    for (size_t i = 0; i < json_array_size(layers); i++)
        print_layer(json_array_get(layers, i), json_array_get(layers, i + 1));
    if (!any_missing(layers))
        puts("\nNothing is missing.");
    else if (json_array_size(flags) == 0)
        puts("\nNo flag is needed to do without.");
    else
        puts("\nTo do without, start vivariumd with");
    for (size_t i = 0; i < json_array_size(flags); i++)
        printf("  %s\n", json_string_value(json_array_get(flags, i)));
}

int viv_command_doctor(const struct viv_options *options)
{
    json_t *layers = json_array(), *flags;
    struct utsname os;
    int status;

    if (!layers || uname(&os) < 0 || ask_all(layers) < 0) {
        json_decref(layers);
        return UNKNOWN;
    }
    flags = flags_of(layers);
    status = any_missing(layers);
    if (options->json) {
        viv_command_print_json(json_pack(
            "{s:s, s:s, s:s, s:O, s:O}", "kernel", os.release, "cgroups", viv_machine_cgroups(),
            "container", viv_machine_container(), "layers", layers, "flags", flags));
    } else {
        print_text(&os, layers, flags);
    }
    json_decref(flags);
    json_decref(layers);
    return fflush(stdout) ? UNKNOWN : status;
}
