/* What the suites against a running daemon share: one daemon, one connection,
 * requests in one line. */
#ifndef VIVARIUM_TESTS_SERVICE_FIXTURE_H
#define VIVARIUM_TESTS_SERVICE_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "tests/service/daemon_process.h"
#include "tests/service/rpc.h"
#include "vivarium/v1/vivarium.pb-c.h"

extern struct daemon_process fixture_daemon;
extern grpc_channel *fixture_channel;

/* The daemon's flags, NULL-terminated; to be set before the suite runs. */
extern const char *const *fixture_flags;

/* For cmocka. The tear-down holds the daemon against exit status 0. */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);

#define FIXTURE_VIVARIUM "/vivarium.v1.Vivarium/"

/* Starts Execute or ExecuteStream. `id` may be NULL. */
struct rpc_call *fixture_start(const char *method, const char *id, const char *code,
                               struct rpc_options options);

/* The response, or NULL with the status in *ret_status. The caller frees it. */
Vivarium__V1__ExecuteResponse *fixture_end(struct rpc_call *call, int *ret_status,
                                           char text[RPC_TEXT_MAX]);

/* Both, for a code that completes; fails the test where it doesn't. */
Vivarium__V1__ExecuteResponse *fixture_run(const char *code);

/* The next event, or NULL. The caller frees it. */
Vivarium__V1__ExecuteEvent *fixture_event(struct rpc_call *call);

/* How many executions the daemon has; settles within 10 s at `wanted` or fails. */
void fixture_expect_running(unsigned wanted);

/* That somebody else is served now. */
void fixture_expect_service(void);

int64_t fixture_now_ms(void);
void fixture_sleep_ms(long ms);

#endif
