/* What bytes cost on their way through an Execute: on standard output, as the
 * result, in a scope that goes out and in one that comes in; beside an Execute
 * without them, and a memcpy of as many.
 *
 * usage: payload_bench TARGET CALLS BYTES
 *
 * The ways take turns. A line for each: its name and the p50 in microseconds. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/vivarium_client.h"
#include "tests/bench/samples.h"

enum way { MEMCPY, PASS, STDOUT, RESULT, SCOPE_OUT, SCOPE_IN, WAYS };

static const char *const names[WAYS] = {"memcpy", "pass",      "stdout",
                                        "result", "scope_out", "scope_in"};
static const char *const codes[WAYS] = {
    [PASS] = "pass",       [STDOUT] = "import sys\nsys.stdout.write('x' * n)\nNone",
    [RESULT] = "b'x' * n", [SCOPE_OUT] = "blob = b'x' * n",
    [SCOPE_IN] = "pass",
};

static struct viv_client *client;
static struct viv_scope *scope; /* of SCOPE_IN */
static uint64_t bytes;
static char *from, *to;

static _Noreturn void die(const char *text)
{
    fprintf(stderr, "payload_bench: %s\n", text);
    exit(1);
}

static void prepare(void)
{
    struct viv_error err;

    from = malloc(bytes);
    to = malloc(bytes);
    if (!from || !to)
        die("out of memory");
    memset(from, 'x', bytes);
    memset(to, 'y', bytes);
    if (viv_scope_new(&scope, &err) < 0 ||
        viv_scope_set(scope, "blob", viv_scope_bytes(scope, from, bytes), &err) < 0)
        die(err.text);
}

static bool arrived(enum way way, const struct viv_client_response *r)
{
    size_t len = bytes;

    if (way == STDOUT)
        len = r->stdout_len;
    else if (way == RESULT)
        viv_value_bytes(r->result, &len);
    else if (way == SCOPE_OUT)
        viv_value_bytes(viv_scope_get(r->scope, "blob"), &len);
    return r->outcome == VIV_CLIENT_COMPLETED && len == bytes;
}

static double execute(enum way way)
{
    char code[96];
    const struct viv_client_request request = {
        .code = code,
        .scope = way == SCOPE_IN ? scope : NULL,
        .return_scope = way == SCOPE_OUT,
        .limits.output_bytes = 2 * bytes,
    };
    struct viv_client_response *response;
    struct viv_error err;
    double took = now_us();

    snprintf(code, sizeof(code), "n = %" PRIu64 "\n%s", bytes, codes[way]);
    if (viv_client_execute(client, &request, &response, &err) < 0)
        die(err.text);
    took = now_us() - took;
    if (!arrived(way, response))
        die(names[way]);
    viv_client_response_free(response);
    return took;
}

static double copy(void)
{
    double took = now_us();

    memcpy(to, from, bytes);
    /* So that it is not left out. */
    __asm__ volatile("" : : "r"(to) : "memory");
    return now_us() - took;
}

int main(int argc, char **argv)
{
    static struct samples samples[WAYS];
    unsigned long calls = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
    struct viv_error err;

    bytes = calls ? strtoull(argv[3], NULL, 10) : 0;
    if (calls == 0 || bytes == 0)
        die("usage: payload_bench TARGET CALLS BYTES");
    prepare();
    if (viv_client_open(argv[1], NULL, &client, &err) < 0)
        die(err.text);
    execute(PASS);
    for (unsigned long i = 0; i < calls; i++)
        for (enum way way = 0; way < WAYS; way++)
            samples_add(&samples[way], way == MEMCPY ? copy() : execute(way));
    for (enum way way = 0; way < WAYS; way++)
        printf("%s %.1f\n", names[way], samples_percentile(&samples[way], 0.5));
    viv_client_close(client);
    viv_scope_free(scope);
    free(from);
    free(to);
    return 0;
}
