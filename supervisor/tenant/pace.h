/* How fast executions end, and so when a refused one should come again. Pure. */
#ifndef VIVARIUM_PACE_H
#define VIVARIUM_PACE_H

#include <stdint.h>

#define PACE_DELAY_MIN_NS INT64_C(50000000)
#define PACE_DELAY_MAX_NS INT64_C(60000000000)
/* Where none has ended yet. */
#define PACE_UNKNOWN_NS INT64_C(100000000)

struct pace {
    int64_t last_ns;     /* zeroed: none has ended */
    int64_t interval_ns; /* between two ends, as of late; 0: not known */
};

/* One has ended. */
void pace_note(struct pace *pace, int64_t now_ns);

/* When to come again while `live` wait and run: in the time that half of them
 * take. Sooner, and all who were refused come back to a queue that is full
 * again; later, and workers stand idle. Within the bounds above. */
int64_t pace_delay(const struct pace *pace, uint64_t live, int64_t now_ns);

#endif
