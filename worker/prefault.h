/* The pages that a worker's first execution touches, made present ahead of it.
 *
 * A clone shares the zygote's pages until it writes to them, and has none of its
 * files' pages mapped: its first execution would meet a fault for each, some two
 * hundred, which is most of what a short execution takes. Which pages those are
 * the zygote learns from a child that runs one; each worker then has the kernel
 * make them present, a call for each stretch, while nobody waits for it
 * (madvise(2), MADV_POPULATE_WRITE and MADV_POPULATE_READ, Linux 5.14). */
#ifndef VIVARIUM_PREFAULT_H
#define VIVARIUM_PREFAULT_H

#include <stdbool.h>
#include <stddef.h>

struct viv_prefault_range {
    void *begin;
    size_t len;
    bool write; /* a copy of its own, else as it is shared */
};

struct viv_prefault {
    struct viv_prefault_range *ranges;
    size_t count;
};

/* In the zygote. Forks a child that calls `rehearse` and looks at itself. `proc`
 * is a directory descriptor of a /proc that sees it. Where that can't be done
 * there is nothing to prefault, and workers are slower. *ret lives as long as
 * the zygote. */
void viv_prefault_learn(int proc, void (*rehearse)(void *arg), void *arg, struct viv_prefault *ret);

/* In a worker. */
void viv_prefault_take(const struct viv_prefault *prefault);

#endif
