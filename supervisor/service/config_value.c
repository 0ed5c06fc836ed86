#include "supervisor/service/config_value.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int config_integer(const char *what, const char *text, int64_t low, int64_t high, int64_t *ret,
                   struct viv_error *err)
{
    char *end;
    long long value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < low || value > high)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "%s must be a whole number from %lld to %lld, not '%.100s'", what,
                        (long long)low, (long long)high, text);
    *ret = value;
    return 0;
}

int config_unsigned(const char *what, const char *text, unsigned low, unsigned high, unsigned *ret,
                    struct viv_error *err)
{
    int64_t value;

    if (config_integer(what, text, low, high, &value, err) < 0)
        return -1;
    *ret = (unsigned)value;
    return 0;
}

struct unit {
    const char *name;
    double factor;
};

/* A number that is not below zero, with one of the units behind it. */
static bool with_unit(const char *text, const struct unit *units, double *ret)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || !isfinite(value) || signbit(value))
        return false;
    for (const struct unit *u = units; u->name; u++) {
        if (strcmp(end, u->name) == 0) {
            *ret = value * u->factor;
            return true;
        }
    }
    return false;
}

int config_bytes(const char *what, const char *text, uint64_t high, uint64_t *ret,
                 struct viv_error *err)
{
    static const struct unit units[] = {
        {"", 1},   {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {"TiB", 1099511627776},
        {NULL, 0},
    };
    double value;

    if (!with_unit(text, units, &value) || value > (double)high || value != floor(value))
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "%s must be a number of bytes up to %llu, or of KiB, MiB, GiB or TiB, "
                        "not '%.100s'",
                        what, (unsigned long long)high, text);
    *ret = (uint64_t)value;
    return 0;
}

int config_duration(const char *what, const char *text, int64_t high_ns, int64_t *ret_ns,
                    struct viv_error *err)
{
    static const struct unit units[] = {
        {"", 1e9}, {"s", 1e9}, {"ms", 1e6}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}, {NULL, 0},
    };
    double value;

    if (!with_unit(text, units, &value) || value > (double)high_ns)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "%s must be a number of seconds from 0 to %lld, or of ms, m, h or d, not "
                        "'%.100s'",
                        what, (long long)(high_ns / 1000000000), text);
    *ret_ns = (int64_t)value;
    return 0;
}

int config_rate(const char *what, const char *text, double low, double high, double *ret,
                struct viv_error *err)
{
    static const struct unit units[] = {{"", 1}, {NULL, 0}};
    double value;

    if (!with_unit(text, units, &value) || (value != 0 && value < low) || value > high)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "%s must be a number from %g to %g, or 0 for no limit, not '%.100s'", what,
                        low, high, text);
    *ret = value;
    return 0;
}

int config_cpus(const char *what, const char *text, uint32_t *ret_millis, struct viv_error *err)
{
    double value = 0;

    if (config_rate(what, text, 0.01, 4096, &value, err) < 0)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "%s must be 0 or a number of processors from 0.01 to 4096, not '%.100s'",
                        what, text);
    *ret_millis = (uint32_t)(value * 1000 + 0.5);
    return 0;
}

int config_bool(const char *what, const char *text, bool *ret, struct viv_error *err)
{
    bool value = strcmp(text, "true") == 0;

    if (!value && strcmp(text, "false") != 0)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "%s must be true or false, not '%.100s'", what,
                        text);
    *ret = value;
    return 0;
}

int config_isolation(const char *what, const char *text, enum viv_isolation *ret,
                     struct viv_error *err)
{
    bool exec = strcmp(text, "exec") == 0;

    if (!exec && strcmp(text, "fork") != 0)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "%s must be fork or exec, not '%.100s'", what,
                        text);
    *ret = exec ? VIV_ISOLATION_EXEC : VIV_ISOLATION_FORK;
    return 0;
}

int config_time(const char *what, const char *text, int64_t *ret_s, struct viv_error *err)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);

    if (!end || *end != '\0')
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "%s must be a time such as 2027-01-31T12:00:00Z, not '%.100s'", what, text);
    *ret_s = timegm(&tm);
    return 0;
}
