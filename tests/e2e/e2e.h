/* What the end to end suites share: one daemon and one client for a program, and
 * executions in a line. Every function fails the test that calls it where what
 * its name says does not happen. */
#ifndef VIVARIUM_TESTS_E2E_E2E_H
#define VIVARIUM_TESTS_E2E_E2E_H

#include <pthread.h>

#include "client/vivarium_client.h"
#include "tests/e2e/daemon.h"
#include "tests/unit/test.h"

#define E2E_MS 1000000LL
#define E2E_SECOND 1000000000LL

struct e2e {
    struct daemon daemon;
    struct viv_client *client;
};

extern struct e2e e2e;

/* Group fixture of cmocka. */
int e2e_set_up(void **state);
int e2e_tear_down(void **state);

/* Skips the test where the machine lacks a layer of isolation that it is about. */
void e2e_need(const char *layer);

/* A client of the same daemon; close it. */
struct viv_client *e2e_open(const char *tenant);

/* Runs it; free the response. */
struct viv_client_response *e2e_run(const char *code);
struct viv_client_response *e2e_run_request(const struct viv_client_request *request);

/* It did not run, for that reason. */
void e2e_expect_refused(const struct viv_client_request *request, enum viv_status status);

/* Runs code and holds its outcome, its stdout or its repr against what is
 * wanted. */
void e2e_expect_outcome(const char *code, enum viv_client_outcome outcome);
void e2e_expect_stdout(const char *code, const char *wanted);
void e2e_expect_repr(const char *code, const char *wanted);

/* The daemon still works. */
void e2e_expect_alive(void);

/* One execution under way. */
struct e2e_running {
    struct viv_client_call *call;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool started;
    bool done;
    char id[160];
    char output[4096]; /* what came so far, both streams */
    size_t output_len;
    struct viv_client_response *response;
    struct viv_error error;
};

/* Starts it, with as much grace as there can be: on a busy machine a second is
 * soon over. With an id of NULL the daemon makes one. */
void e2e_begin(struct e2e_running *running, struct viv_client *client, const char *id,
               const char *code);
void e2e_begin_request(struct e2e_running *running, struct viv_client *client,
                       const struct viv_client_request *request);

/* Until it has begun, until its output holds the text, until it is over. */
void e2e_wait_started(struct e2e_running *running);
void e2e_wait_output(struct e2e_running *running, const char *text);
struct viv_client_response *e2e_wait(struct e2e_running *running);

/* The same for one that must have run. */
struct viv_client_response *e2e_wait_response(struct e2e_running *running);

/* Frees what e2e_wait() gave. */
void e2e_end(struct e2e_running *running);

/* Cancels; free the reply. */
struct viv_client_cancel_reply *e2e_cancel(const char *id, bool force, bool wait);

int64_t e2e_now_ns(void);

#endif
