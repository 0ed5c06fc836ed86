/* What a worker says: frames on its channel, bytes on its pipes. All of it is
 * hostile (proto/frame.h, proto/wire_check.h hold it against caps). */
#ifndef VIVARIUM_WORKER_IO_H
#define VIVARIUM_WORKER_IO_H

#include <stdbool.h>

#include "supervisor/watch.h"

struct worker;

void worker_io_channel_ready(struct watch *watch);
void worker_io_stdout_ready(struct watch *watch);
void worker_io_stderr_ready(struct watch *watch);

/* Reads what frames are left, a bounded number. */
void worker_io_drain_channel(struct worker *worker);

/* Reads what output is left: up to the end where every writer is gone, else at
 * most what a pipe holds, since a child of the code may go on writing. */
void worker_io_drain_output(struct worker *worker, bool writers_gone);

/* Sends the worker its execution. */
void worker_io_start(struct worker *worker);

/* Takes the note that was received last. */
void worker_io_take_note(struct worker *worker);

#endif
