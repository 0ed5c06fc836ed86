/* What a profile costs: programs in a worker with and without one, turn by turn.
 *
 * usage: profile_bench TARGET ROUNDS PROGRAM.py...
 *
 * A program has a function run(). Measured is the CPU time of its second call,
 * the samples' own included, and the least of all rounds counts; the table shows
 * the ratio to the plain one at the default interval and at the shortest. */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/vivarium_client.h"

#define ROUNDS_MAX 101
#define MS INT64_C(1000000)

static const char timing[] = "\nimport time\nrun()\nbegan = time.process_time()\nrun()\n"
                             "time.process_time() - began\n";

static char *read_program(const char *path)
{
    size_t room = 1 << 16, len;
    char *code = malloc(room + sizeof(timing));
    FILE *f = fopen(path, "re");

    if (!f || !code) {
        fprintf(stderr, "profile_bench: can't read %s\n", path);
        exit(1);
    }
    len = fread(code, 1, room, f);
    fclose(f);
    memcpy(code + len, timing, sizeof(timing));
    return code;
}

static double measure(struct viv_client *client, const char *code, int64_t interval_ns)
{
    const struct viv_client_request request = {.code = code, .profile_interval_ns = interval_ns};
    struct viv_client_response *response;
    struct viv_error err;
    double took;

    if (viv_client_execute(client, &request, &response, &err) < 0) {
        fprintf(stderr, "profile_bench: %s\n", err.text);
        exit(1);
    }
    if (response->outcome != VIV_CLIENT_COMPLETED || !response->result_repr ||
        (interval_ns && !response->profile)) {
        fprintf(stderr, "profile_bench: %s in the worker\n",
                viv_client_outcome_name(response->outcome));
        exit(1);
    }
    took = strtod(response->result_repr, NULL);
    viv_client_response_free(response);
    return took;
}

/* Whatever else the machine does only ever adds to it. */
static double least(const double *values, int count)
{
    double least = values[0];

    for (int i = 1; i < count; i++)
        least = values[i] < least ? values[i] : least;
    return least;
}

static void compare(struct viv_client *client, char *path, int rounds)
{
    static const int64_t intervals[] = {0, 5 * MS, MS};
    double took[3][ROUNDS_MAX];
    char *code = read_program(path);

    for (int i = 0; i < rounds; i++) {
        for (int j = 0; j < 3; j++)
            took[(i + j) % 3][i] = measure(client, code, intervals[(i + j) % 3]);
    }
    printf("| %-18s | %10.1f | %6.3f | %6.3f |\n", basename(path), least(took[0], rounds) * 1e3,
           least(took[1], rounds) / least(took[0], rounds),
           least(took[2], rounds) / least(took[0], rounds));
    fflush(stdout);
    free(code);
}

int main(int argc, char **argv)
{
    int rounds = argc > 3 ? atoi(argv[2]) : 0;
    struct viv_client *client;
    struct viv_error err;

    if (rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: profile_bench TARGET ROUNDS PROGRAM.py...\n");
        return 2;
    }
    if (viv_client_open(argv[1], NULL, &client, &err) < 0) {
        fprintf(stderr, "profile_bench: %s\n", err.text);
        return 1;
    }
    printf("| program            |   plain ms |   5 ms |   1 ms |\n"
           "|--------------------|------------|--------|--------|\n");
    for (int i = 3; i < argc; i++)
        compare(client, argv[i], rounds);
    viv_client_close(client);
    return 0;
}
