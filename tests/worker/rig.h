/* Plays the supervisor for one zygote and its workers, step by step and
 * blocking. Everything that goes wrong ends the process with a sentence. */
#ifndef VIVARIUM_TESTS_RIG_H
#define VIVARIUM_TESTS_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "internal/worker.pb-c.h"
#include "proto/control_page.h"
#include "proto/zygote.h"
#include "vivarium/v1/vivarium.pb-c.h"

struct rig {
    pid_t pid; /* of the process that was started */
    int link;
    struct viv_zygote_message ready; /* READY or FAILED */
};

struct worker {
    int channel;
    int out, err; /* our ends */
    int init;     /* pidfd */
    int vm;       /* pidfd, from HELLO */
    struct viv_control_page *page;
    uint32_t slot;
    uint64_t seq; /* of the last run */
    bool exited;  /* EXITED came from the zygote */
    struct viv_zygote_message end;
};

#define RUN_NOTES 8

/* What came of a run. */
struct run {
    Vivarium__Internal__RunResult *result; /* NULL: none came */
    Vivarium__V1__ExecuteResponse *answer; /* never NULL with a result */
    unsigned result_count;
    size_t body_len;
    char *out, *err;
    size_t out_len, err_len;
    int notes[RUN_NOTES];
    unsigned note_count;
    bool malformed; /* no frame, or a bad one; the worker was killed */
    bool vm_ended;  /* EXITED came on the channel */
    int vm_status;
};

struct order {
    const char *code;
    size_t code_len; /* 0: strlen(code) */
    const char *filename;
    const void *in; /* stdin; NULL: none */
    size_t in_len;
    const void *scope; /* a ScopeSnapshot to begin with; NULL: none */
    size_t scope_len;
    bool return_scope;
    uint64_t steps;
    uint64_t profile_interval_ns;
    uint32_t trace_lines;
    bool trace_libraries;
    bool keep; /* the worker is to serve another */
    /* Cancel so many ms after the start, ringing every 10 ms; 0: never. */
    int cancel_after_ms;
    /* But not before it has printed this; NULL: anything. */
    const char *cancel_at;
    const char *reason;
    bool behind; /* don't read its output until a cancel has reached it */
    /* Give up after so many ms; 0: 20 s. The worker is killed then. */
    int patience_ms;
};

/* Starts a zygote and waits for what it says first. `preload` may be NULL. */
void rig_start(struct rig *rig, const char *worker_path, const char *const *preload);
/* The same with the zygote's arguments as they are: "--without", "seccomp". What
 * stands in $RIG_ARGS, words between spaces, comes behind them in both. */
void rig_start_with(struct rig *rig, const char *worker_path, const char *const *args);
/* Hangs up and waits until all is gone. */
void rig_stop(struct rig *rig);

/* Orders a worker and waits for its HELLO. */
void rig_spawn(struct rig *rig, struct worker *worker);
/* Waits for the zygote's EXITED, killing the worker first if `kill`. */
void rig_reap(struct rig *rig, struct worker *worker, bool kill);

/* Sends RUN and gathers until the worker has ended, or has answered and
 * `keep` is set. */
void rig_run(struct worker *worker, const struct order *order, struct run *ret_run);
void run_free(struct run *run);

/* Sends RUN and returns at once. */
void rig_begin(struct worker *worker, const struct order *order);

/* All of it: a worker, one run, reaped. */
void rig_execute(struct rig *rig, const struct order *order, struct run *ret_run);

#endif
