/* What the step hook costs while nobody cancels: pure Python programs in a
 * worker beside the same in a stock python3.11, turn by turn.
 *
 * usage: hook_bench TARGET ROUNDS PROGRAM.py...
 *
 * A program has a function run(). Each side has the least CPU time of some calls, in as
 * many processes as ROUNDS, after one that warms it up: whatever else the machine does,
 * and a layout that is bad luck, only make one longer. */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/vivarium_client.h"

static const char timing[] = "\nimport time\n"
                             "def timed():\n"
                             "    began = time.process_time()\n"
                             "    run()\n"
                             "    return time.process_time() - began\n"
                             "run()\n"
                             "took = min(timed() for _ in range(4))\n";

static char *read_program(const char *path, const char *tail)
{
    FILE *f = fopen(path, "re");
    size_t len, room = 1 << 16;
    char *code = malloc(room + sizeof(timing) + 64);

    if (!f || !code) {
        fprintf(stderr, "hook_bench: can't read %s\n", path);
        exit(1);
    }
    len = fread(code, 1, room, f);
    fclose(f);
    snprintf(code + len, sizeof(timing) + 64, "%s%s", timing, tail);
    return code;
}

static double in_worker(struct viv_client *client, const char *path)
{
    char *code = read_program(path, "took");
    const struct viv_client_request request = {.code = code};
    struct viv_client_response *response;
    struct viv_error err;
    double took;

    if (viv_client_execute(client, &request, &response, &err) < 0) {
        fprintf(stderr, "hook_bench: %s\n", err.text);
        exit(1);
    }
    free(code);
    if (response->outcome != VIV_CLIENT_COMPLETED || !response->result_repr) {
        fprintf(stderr, "hook_bench: %s in the worker\n",
                viv_client_outcome_name(response->outcome));
        exit(1);
    }
    took = strtod(response->result_repr, NULL);
    viv_client_response_free(response);
    return took;
}

/* The program goes in on standard input: no shell sees it. */
static double in_python(const char *path)
{
    char *code = read_program(path, "open('/dev/fd/3', 'w').write(repr(took))\n");
    char name[] = "/tmp/hook_bench.XXXXXX", command[128], line[64] = "";
    int fd = mkstemp(name);
    FILE *out, *in;

    snprintf(command, sizeof(command), "/usr/bin/python3.11 -I - 3>%s", name);
    in = fd < 0 ? NULL : popen(command, "w");
    if (!in || fwrite(code, 1, strlen(code), in) != strlen(code) || pclose(in) != 0) {
        fprintf(stderr, "hook_bench: python3.11 failed on %s\n", path);
        exit(1);
    }
    free(code);
    out = fdopen(fd, "r");
    if (!out || !fgets(line, sizeof(line), out)) {
        fprintf(stderr, "hook_bench: python3.11 said nothing\n");
        exit(1);
    }
    fclose(out);
    remove(name);
    return strtod(line, NULL);
}

static void keep_less(double *least, double value)
{
    if (*least == 0 || value < *least)
        *least = value;
}

static void compare(struct viv_client *client, char *path, int rounds)
{
    double worker = 0, python = 0;

    for (int i = 0; i < rounds; i++) {
        if (i % 2)
            keep_less(&python, in_python(path));
        keep_less(&worker, in_worker(client, path));
        if (i % 2 == 0)
            keep_less(&python, in_python(path));
    }
    printf("| %-18s | %10.1f | %10.1f | %6.3f |\n", basename(path), worker * 1e3, python * 1e3,
           worker / python);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    int rounds = argc > 3 ? atoi(argv[2]) : 0;
    struct viv_client *client;
    struct viv_error err;

    if (rounds < 1) {
        fprintf(stderr, "usage: hook_bench TARGET ROUNDS PROGRAM.py...\n");
        return 2;
    }
    if (viv_client_open(argv[1], NULL, &client, &err) < 0) {
        fprintf(stderr, "hook_bench: %s\n", err.text);
        return 1;
    }
    printf("| program            |  worker ms |  python ms |  ratio |\n"
           "|--------------------|------------|------------|--------|\n");
    for (int i = 3; i < argc; i++)
        compare(client, argv[i], rounds);
    viv_client_close(client);
    return 0;
}
