/* The control page: one page of shared memory per worker, a memfd that the
 * supervisor maps writable and then seals with F_SEAL_FUTURE_WRITE, so that
 * the worker can map it read-only and in no other way.
 *
 * To cancel, the supervisor writes cause and reason, then stores the
 * execution's sequence number into cancel_seq with release order, then sends
 * the doorbell. The step hook loads cancel_seq with acquire order; only where
 * it equals the number of the execution that it is running is there anything
 * to do. Numbers are never used twice, so a late cancel can't hit the next
 * execution of the same worker. The reason is written before the first cancel
 * of an execution only: the first cause is latched. */
#ifndef VIVARIUM_CONTROL_PAGE_H
#define VIVARIUM_CONTROL_PAGE_H

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

#define VIV_CONTROL_PAGE_SIZE 4096
#define VIV_REASON_MAX 256

struct viv_control_page {
    _Atomic uint64_t cancel_seq;     /* execution to cancel; 0: none ever */
    _Atomic uint32_t cancel_cause;   /* value of vivarium.v1.Cause */
    char reason[VIV_REASON_MAX + 1]; /* UTF-8, NUL-terminated */
};

_Static_assert(sizeof(struct viv_control_page) <= VIV_CONTROL_PAGE_SIZE,
               "the control page is one page");

/* The doorbell: the signal that makes the VM reach its step hook soon. SIGURG
 * is ignored by default, so a ring that reaches a child that has replaced its
 * handlers does nothing; and hardly any program asks for it. */
#define VIV_DOORBELL SIGURG

#endif
