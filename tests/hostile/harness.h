/* A supervisor over the fake worker, and a way to wait for what it says. */
#ifndef VIVARIUM_TESTS_HARNESS_H
#define VIVARIUM_TESTS_HARNESS_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "supervisor/vivarium.h"

/* What became of one submission. */
struct run {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    viv_ticket ticket;
    unsigned started, finished, rejected;
    struct viv_error error;
    enum viv_outcome outcome;
    bool has_receipt;
    struct viv_receipt receipt;
    struct viv_death death;
    struct viv_usage usage;
    enum viv_isolation isolation;
    char repr[64];
    bool in_session, saved;
    enum viv_restored_from restored_from;
    char save_error[128];
    size_t body_len, stdout_len;
    bool stdout_truncated;
    uint64_t streamed;
    bool hold; /* its output callback asks for a pause */
    bool held;
};

/* The fake worker beside this program, `start` as misbehave_at_start. */
void harness_config(struct viv_config *config, const char *start);
/* With $HARNESS_EXEC, and where the configuration has no profiles, each worker has
 * a zygote of its own. With $HARNESS_DRIVEN a loop of the program's hears the workers. */
struct viv_supervisor *harness_start(const struct viv_config *config);
void harness_stop(struct viv_supervisor *supervisor);

/* Submits `code` under `id` (NULL: generated). */
struct run *harness_submit(struct viv_supervisor *supervisor, const char *id, const char *code,
                           const struct viv_limits *limits);
struct run *harness_request(struct viv_supervisor *supervisor, const struct viv_request *request);

/* The same, and its output callback asks for a pause. */
struct run *harness_request_held(struct viv_supervisor *supervisor,
                                 const struct viv_request *request);

/* Waits for the end; a test that hangs fails by Bazel's own time limit. */
void harness_wait(struct run *run);
void harness_wait_started(struct run *run);
/* Until its output callback has asked for a pause. */
void harness_wait_held(struct run *run);
bool harness_has_finished(struct run *run);
void harness_free(struct run *run);

/* Submits, waits, and asserts that it ended so. */
void harness_expect(struct viv_supervisor *supervisor, const char *code, enum viv_outcome outcome);

/* In a session: opens it, and runs `code` there. */
struct run *harness_open(struct viv_supervisor *supervisor, const char *session,
                         enum viv_durability durability);
struct run *harness_in(struct viv_supervisor *supervisor, const char *session, const char *code);

/* Waits for its end and asserts that it completed, with this repr (NULL: any), from there;
 * frees it. */
void harness_finish(struct run *run, const char *repr, enum viv_restored_from from);

/* Has the sessions of `config` kept in a file, in a folder of its own; one at a time. */
void harness_use_file(struct viv_config *config, const char *node);
void harness_remove_file(void);

/* Closes it and waits for the answer's status. */
enum viv_status harness_close(struct viv_supervisor *supervisor, const char *session);

/* The sessions of the tenant "default" that there are, and how many are resident. */
unsigned harness_sessions(struct viv_supervisor *supervisor, unsigned *ret_resident);

/* Cancels by name and waits for the answer; `ret_receipt` may be NULL. */
enum viv_cancel_state harness_cancel(struct viv_supervisor *supervisor,
                                     const struct viv_cancel *cancel,
                                     struct viv_receipt *ret_receipt);

/* Drains without grace and waits for its end. */
void harness_drain(struct viv_supervisor *supervisor);

void harness_describe(struct viv_supervisor *supervisor, struct viv_description *ret);

/* Descriptors that this process has open. */
unsigned harness_open_fds(void);

/* The processes that this one has started, of all its threads: at most `most`. */
size_t harness_children(pid_t *ret_pids, size_t most);

#endif
