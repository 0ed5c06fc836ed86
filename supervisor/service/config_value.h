/* What the words of a flag, an environment variable or the configuration file
 * mean. Pure. `what` names the thing in the error, VIV_INVALID_ARGUMENT. */
#ifndef VIVARIUM_SERVICE_CONFIG_VALUE_H
#define VIVARIUM_SERVICE_CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"
#include "supervisor/vivarium.h"

int config_integer(const char *what, const char *text, int64_t low, int64_t high, int64_t *ret,
                   struct viv_error *err);

int config_unsigned(const char *what, const char *text, unsigned low, unsigned high, unsigned *ret,
                    struct viv_error *err);

/* A number of bytes, "1048576", or of KiB, MiB, GiB or TiB, "1.5MiB"; `high` as
 * for config_integer(). */
int config_bytes(const char *what, const char *text, uint64_t high, uint64_t *ret,
                 struct viv_error *err);

/* A number of seconds, "1.5", or one with ms, s, m, h or d behind it. From 0 to
 * `high_ns`. */
int config_duration(const char *what, const char *text, int64_t high_ns, int64_t *ret_ns,
                    struct viv_error *err);

/* A number, 0 or between the two. */
int config_rate(const char *what, const char *text, double low, double high, double *ret,
                struct viv_error *err);

/* A number of processors, 0 or from 0.01, in thousandths. */
int config_cpus(const char *what, const char *text, uint32_t *ret_millis, struct viv_error *err);

/* true or false. */
int config_bool(const char *what, const char *text, bool *ret, struct viv_error *err);

/* fork or exec. */
int config_isolation(const char *what, const char *text, enum viv_isolation *ret,
                     struct viv_error *err);

/* "2027-01-31T12:00:00Z", in seconds since the epoch. */
int config_time(const char *what, const char *text, int64_t *ret_s, struct viv_error *err);

#endif
