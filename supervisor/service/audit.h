/* One JSON line per execution: who, when, under which limits, with what outcome.
 * The code itself stands in no line, only its SHA-256.
 *
 * A thread of its own writes, since a disk may hang: the reactor never waits
 * for it. A file is opened with O_APPEND and gets each line by one write, so
 * others may rotate it: rename it, then send SIGHUP. What a full disk takes of a
 * line in part is taken back, and the line written whole, to the file that is
 * open then. */
#ifndef VIVARIUM_SERVICE_AUDIT_H
#define VIVARIUM_SERVICE_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"
#include "supervisor/service/auth.h"
#include "supervisor/service/trace.h"
#include "supervisor/vivarium.h"

/* Lines that may wait for the disk. Where the audit is required, also those of the
 * executions that were let in before there were so many: none is dropped then. */
#define AUDIT_QUEUE_MAX 8192

struct audit;

/* `path`: of a file, or "syslog". With `required`, executions are to be refused
 * while lines can't be written (audit_ready()), and a line that can't be
 * written is tried again; else it is counted, logged and dropped. Ends with
 * audit_close(). */
int audit_open(const char *path, bool required, struct audit **ret_audit, struct viv_error *err);

/* Writes what waits, two seconds at most where that hangs or fails. NULL is
 * fine. */
void audit_close(struct audit *audit);

/* Opens the file again by its name. Any thread. */
void audit_reopen(struct audit *audit);

/* Whether another execution may begin; NULL: yes. Any thread. */
bool audit_ready(struct audit *audit);

/* What is known when an execution is handed over. */
struct audit_record {
    const char *method;                /* "Execute" or a session's; static */
    char execution_id[VIV_ID_MAX + 1]; /* "": generated later */
    char session_id[VIV_ID_MAX + 1];   /* "": none */
    struct auth_identity who;
    char traceparent[TRACE_PARENT_SIZE]; /* "": none */
    struct viv_limits limits;            /* as asked for; 0: the default */
    uint64_t request_bytes;
    uint8_t code_hash[32];
    int64_t submitted_realtime_ns;
};

/* Of a request; -1 where its hash can't be computed. */
int audit_record(const char *method, const struct auth_identity *who, const char *traceparent,
                 const struct viv_request *request, struct audit_record *ret_record);

/* It ended, or was rejected with `error`. Any thread; never waits. */
void audit_ended(struct audit *audit, const struct audit_record *record,
                 const struct viv_result *result, const struct viv_error *error);

/* The line, its newline included; its length. Pure. */
#define AUDIT_LINE_MAX 2048
size_t audit_format(char line[AUDIT_LINE_MAX], int64_t realtime_ns,
                    const struct audit_record *record, const struct viv_result *result,
                    const struct viv_error *error);

#endif
