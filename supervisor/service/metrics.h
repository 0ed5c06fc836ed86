/* What the service counts, as Prometheus reads it. Counting takes no lock and
 * may be done on any thread. Names: metrics_text.c.
 *
 * Tenants are labels, and in the open mode clients choose them: the first
 * METRICS_TENANTS have series of their own, the rest share "other". The first
 * and not the busiest, since a counter that moved would seem to run backwards. */
#ifndef VIVARIUM_SERVICE_METRICS_H
#define VIVARIUM_SERVICE_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/service/auth.h"
#include "supervisor/vivarium.h"

#define METRICS_TENANTS 50

/* The most methods that are told apart. */
#define METRICS_METHODS 64

/* The highest status code, and one for the number of them. */
#define METRICS_CODES 17

/* "/package.Service/Method" of number `method`; static text. Before calls come. */
void metrics_name_method(size_t method, const char *path);
void metrics_call_started(size_t method);
void metrics_call_ended(size_t method, int code);

void metrics_auth_failed(enum auth_failure failure);

void metrics_connection_accepted(void);
void metrics_connection_refused(void);
void metrics_connection_cut(void);

/* An execution that was handed over, and what became of it. */
void metrics_execution_bytes(const char *tenant, uint64_t request_bytes);
void metrics_execution_ended(const char *tenant, const struct viv_result *result);
void metrics_execution_rejected(const char *tenant, enum viv_status status);

/* Lines of the audit. */
void metrics_audit_written(void);
void metrics_audit_failed(void);

/* Credentials and certificates were read. */
void metrics_loaded(bool ok, int64_t now_s);
void metrics_certificate_expires(int64_t expires_s);

/* What is asked for where it stands, at the moment of the question. */
struct metrics_now {
    struct viv_stats stats;
    const char *grpc_version;
    int connections;
    bool ready;
};

/* The page; the caller frees *ret_text. */
int metrics_text(const struct metrics_now *now, char **ret_text, size_t *ret_len,
                 struct viv_error *err);

#endif
