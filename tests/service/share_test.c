/* Three tenants of weights 1, 2 and 4 with more to do than there are workers, through
 * the real daemon: whose executions end first, as the audit tells it. They count the
 * same however long they take, so nothing here depends on time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/service/daemon_process.h"
#include "tests/service/rpc.h"
#include "tests/unit/test.h"
#include "vivarium/v1/vivarium.pb-c.h"

#define METHOD(name) "/vivarium.v1.Vivarium/" name
#define EACH 200
/* While the heaviest still has some waiting. */
#define LOOKED_AT 280

static const char config[] = "workers_warm: 2\n"
                             "workers_max: 2\n"
                             "queue_max: 1000\n"
                             "max_streams: 1024\n"
                             "execution_cost_min: 24h\n"
                             "tenants:\n"
                             "  - {name: plug}\n"
                             "  - {name: light, weight: 1}\n"
                             "  - {name: middle, weight: 2}\n"
                             "  - {name: heavy, weight: 4}\n";

static const char *const names[] = {"light", "middle", "heavy"};

static struct daemon_process daemon_process;
static char config_path[] = "/tmp/viv-share-XXXXXX", audit_path[] = "/tmp/viv-audit-XXXXXX";

static struct rpc_call *start(grpc_channel *channel, const char *tenant, const char *code,
                              int64_t wall_s)
{
    Google__Protobuf__Duration wall = GOOGLE__PROTOBUF__DURATION__INIT;
    Vivarium__V1__Limits limits = VIVARIUM__V1__LIMITS__INIT;
    Vivarium__V1__ExecuteRequest request = VIVARIUM__V1__EXECUTE_REQUEST__INIT;

    request.code = (char *)code;
    wall.seconds = wall_s;
    limits.wall_time = &wall;
    request.limits = &limits;
    return rpc_start(channel, METHOD("Execute"), &request.base,
                     (struct rpc_options){.tenant = tenant, .deadline_ms = 3000000});
}

/* How many of a tenant's there are in this state. */
static size_t count(grpc_channel *channel, const char *tenant, Vivarium__V1__ExecutionState state)
{
    Vivarium__V1__ListExecutionsRequest request = VIVARIUM__V1__LIST_EXECUTIONS_REQUEST__INIT;
    Vivarium__V1__ListExecutionsResponse *response;
    ProtobufCMessage *message;
    size_t n = 0;

    assert_int_equal(rpc_unary(channel, METHOD("ListExecutions"), &request.base,
                               &vivarium__v1__list_executions_response__descriptor,
                               (struct rpc_options){.tenant = tenant}, &message, NULL),
                     GRPC_STATUS_OK);
    response = (Vivarium__V1__ListExecutionsResponse *)message;
    for (size_t i = 0; i < response->n_executions; i++)
        n += response->executions[i]->state == state;
    protobuf_c_message_free_unpacked(message, NULL);
    return n;
}

/* Of the first that ended, plugs left out. */
static void count_shares(unsigned ret_counts[3])
{
    FILE *f = fopen(audit_path, "r");
    unsigned seen = 0;
    char line[8192];

    assert_non_null(f);
    while (seen < LOOKED_AT && fgets(line, sizeof(line), f)) {
        for (int i = 0; i < 3; i++) {
            char want[64];

            snprintf(want, sizeof(want), "\"tenant\":\"%s\"", names[i]);
            if (!strstr(line, want))
                continue;
            ret_counts[i]++;
            seen++;
        }
    }
    fclose(f);
    assert_int_equal(seen, LOOKED_AT);
}

/* A status comes behind the message. */
static int finish(struct rpc_call *call)
{
    uint8_t *data;
    size_t len;

    while (rpc_read(call, &data, &len))
        free(data);
    return rpc_end(call, NULL);
}

static void fill(grpc_channel *channel, struct rpc_call *calls[3][EACH])
{
    for (int n = 0; n < EACH; n++)
        for (int i = 0; i < 3; i++)
            calls[i][n] = start(channel, names[i], "6 * 7", 60);
    for (int i = 0; i < 3; i++)
        while (count(channel, names[i], VIVARIUM__V1__EXECUTION_STATE__EXECUTION_STATE_QUEUED) <
               EACH)
            usleep(10000);
}

static void shares_are_by_weight(void **state)
{
    static struct rpc_call *calls[3][EACH];
    static const char plug_code[] = "import time\ntime.sleep(1000)";
    grpc_channel *channel = rpc_open(daemon_process.target);
    struct rpc_call *plugs[2];
    unsigned counts[3] = {0};

    for (int i = 0; i < 2; i++)
        plugs[i] = start(channel, "plug", plug_code, 3000);
    while (count(channel, "plug", VIVARIUM__V1__EXECUTION_STATE__EXECUTION_STATE_RUNNING) < 2)
        usleep(10000);
    fill(channel, calls);
    for (int i = 0; i < 2; i++) {
        rpc_cancel(plugs[i]);
        rpc_end(plugs[i], NULL);
    }
    for (int n = 0; n < EACH; n++)
        for (int i = 0; i < 3; i++)
            assert_int_equal(finish(calls[i][n]), GRPC_STATUS_OK);
    grpc_channel_destroy(channel);
    assert_int_equal(daemon_process_stop(&daemon_process), 0);
    count_shares(counts);
    printf("of the first %d: light %u, middle %u, heavy %u\n", LOOKED_AT, counts[0], counts[1],
           counts[2]);
    for (int i = 0; i < 3; i++) {
        unsigned want = LOOKED_AT / 7 << i;

        assert_in_range(counts[i], want - want / 20, want + want / 20);
    }
}

static int begin(void **state)
{
    static const char *flags[] = {"--config", config_path, "--audit", audit_path, NULL};
    int fd = mkstemp(config_path);

    if (fd < 0 || write(fd, config, sizeof(config) - 1) != sizeof(config) - 1)
        return -1;
    close(fd);
    fd = mkstemp(audit_path);
    if (fd < 0)
        return -1;
    close(fd);
    grpc_init();
    daemon_process_start(&daemon_process, flags);
    return 0;
}

static int end(void **state)
{
    grpc_shutdown_blocking();
    unlink(config_path);
    unlink(audit_path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_by_weight),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
