/* What is known of a cancel, and the receipt made of it. Pure. */
#ifndef VIVARIUM_RECEIPT_H
#define VIVARIUM_RECEIPT_H

#include <stdbool.h>

#include "supervisor/vivarium.h"

/* Points in time are CLOCK_MONOTONIC, 0: it did not come to that. */
struct cancel_record {
    enum viv_cause cause; /* VIV_CAUSE_NONE: nobody asked */
    char reason[257];
    int64_t requested_ns;
    int64_t flag_set_ns;
    int64_t killed_ns;
    int64_t finished_ns; /* the supervisor saw the answer or the end */
    unsigned processes_killed;
    /* The worker's word, believed only where it fits between ours. */
    int64_t hook_reached_ns;
    int64_t raised_ns;
    int64_t unwound_ns;
    int64_t cleanup_deferred_ns;
    uint32_t raise_count;
    /* From its notes while the cancel was under way; the times are ours. */
    bool in_cleanup;
    int64_t cleanup_since_ns;
    int64_t cleanup_spent_ns;
};

/* Latches the first cause. Returns whether this was it. `reason` may be NULL. */
bool cancel_record_latch(struct cancel_record *record, enum viv_cause cause, const char *reason,
                         int64_t now_ns);

/* The worker says that it has entered or left cleanup. */
void cancel_record_cleanup(struct cancel_record *record, bool entered, int64_t now_ns);

/* When a cancel that is under way turns into a kill: code has cancel_grace in
 * all, cleanup has cleanup_grace in all, both together never more than the sum,
 * whatever the worker says. */
int64_t cancel_record_kill_at(const struct cancel_record *record, int64_t cancel_grace_ns,
                              int64_t cleanup_grace_ns);

/* `began_ns`: when the execution began; 0: it never did, and the times count
 * from the request. */
void receipt_make(const struct cancel_record *record, int64_t began_ns,
                  struct viv_receipt *ret_receipt);

/* The outcome that a cause leads to. */
enum viv_outcome receipt_outcome(enum viv_cause cause);

#endif
