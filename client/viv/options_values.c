/* Seconds and bytes as they are typed. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/viv/options.h"

#define SECONDS_MAX 1e9

int viv_options_seconds(const char *text, int64_t *ret_ns)
{
    char *end;
    double seconds = strtod(text, &end);

    /* strtod would take "inf", "0x1p3" and blanks in front */
    if (end == text || *end || strspn(text, "0123456789.eE+-") != strlen(text))
        return -1;
    if (!(seconds > 0) || seconds > SECONDS_MAX || llround(seconds * 1e9) < 1)
        return -1;
    *ret_ns = llround(seconds * 1e9);
    return 0;
}

static int unit_shift(const char *unit)
{
    static const char units[] = "kmgt";
    const char *found;

    if (!*unit)
        return 0;
    found = strchr(units, tolower((unsigned char)*unit));
    if (!found || (unit[1] && strcmp(unit + 1, "iB") != 0 && strcmp(unit + 1, "B") != 0))
        return -1;
    return 10 * (int)(found - units + 1);
}

int viv_options_size(const char *text, uint64_t *ret_bytes)
{
    unsigned long long number;
    char *unit;
    int shift;

    if (!isdigit((unsigned char)*text))
        return -1;
    errno = 0;
    number = strtoull(text, &unit, 10);
    shift = unit_shift(unit);
    if (errno || shift < 0 || !number || number > UINT64_MAX >> shift)
        return -1;
    *ret_bytes = (uint64_t)number << shift;
    return 0;
}
