/* Runs a file or a string in a worker and shows everything that came of it:
 * `say WORKER -c CODE` or `say WORKER FILE`. For looking, not for testing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/worker/rig.h"

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, 1 << 24);

    if (!file || !text) {
        perror(path);
        exit(2);
    }
    if (fread(text, 1, (1 << 24) - 1, file) == 0)
        fprintf(stderr, "%s: nothing in it\n", path);
    fclose(file);
    return text;
}

int main(int argc, char **argv)
{
    struct rig rig;
    struct run run;
    const char *ms = getenv("CANCEL_MS");
    struct order order = {.cancel_after_ms = ms ? atoi(ms) : 0};

    if (argc < 3)
        return 2;
    order.code = strcmp(argv[2], "-c") == 0 && argc > 3 ? argv[3] : read_file(argv[2]);
    rig_start(&rig, argv[1], NULL);
    printf("zygote: %u %s, layers %#lx\n", rig.ready.type, rig.ready.text,
           (unsigned long)rig.ready.layers);
    if (rig.ready.type != VIV_ZYGOTE_READY)
        return 1;
    rig_execute(&rig, &order, &run);
    printf("stdout: %s\nstderr: %s\nvm status: %d %#x\n", run.out, run.err, run.vm_ended,
           run.vm_status);
    if (run.result) {
        printf("end %d, exited %d %u, %.3f ms, body %zu, raised %u\n", (int)run.result->end,
               run.result->exited, run.result->exit_status,
               (double)(run.result->ended_ns - run.result->began_ns) / 1e6, run.body_len,
               run.result->raise_count);
        printf("repr: %s, kind %d\n", run.answer->result_repr,
               run.answer->result ? (int)run.answer->result->kind_case : -1);
        if (run.answer->error)
            printf("error: %s: %s\n%s", run.answer->error->type, run.answer->error->message,
                   run.answer->error->traceback);
    }
    run_free(&run);
    rig_stop(&rig);
    return 0;
}
