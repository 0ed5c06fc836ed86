#include "proto/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void set_text(struct viv_error *err, enum viv_status status, const char *format, va_list ap)
{
    err->status = status;
    err->retry_after_ns = 0;
    vsnprintf(err->text, sizeof(err->text), format, ap);
}

int viv_fail(struct viv_error *err, enum viv_status status, const char *format, ...)
{
    va_list ap;

    if (!err)
        return -1;
    va_start(ap, format);
    set_text(err, status, format, ap);
    va_end(ap);
    return -1;
}

int viv_fail_errno(struct viv_error *err, enum viv_status status, const char *format, ...)
{
    int saved = errno;
    va_list ap;
    size_t used;

    if (!err)
        return -1;
    va_start(ap, format);
    set_text(err, status, format, ap);
    va_end(ap);
    used = strlen(err->text);
    snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerrordesc_np(saved));
    errno = saved;
    return -1;
}

int viv_retry_after(struct viv_error *err, int64_t delay_ns)
{
    if (err)
        err->retry_after_ns = delay_ns;
    return -1;
}
