#include "client/viv/scope_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/viv/output.h"

int viv_scope_file_read(const char *path, struct viv_scope **ret_scope, struct viv_error *err)
{
    struct viv_error wrong;
    char *data;
    size_t len;
    int result;

    if (viv_output_read_all(path, &data, &len, err))
        return -1;
    result = viv_scope_parse(data, len, ret_scope, &wrong);
    free(data);
    return result ? viv_fail(err, wrong.status, "%.200s: %.300s", path, wrong.text) : 0;
}

static int write_to(int fd, const char *path, const uint8_t *data, size_t len,
                    struct viv_error *err)
{
    bool written = viv_output_write(fd, data, len);
    int error = errno;

    if (close(fd) && written) {
        written = false;
        error = errno;
    }
    errno = error;
    return written ? 0 : viv_fail_errno(err, VIV_UNKNOWN, "can't write %.300s", path);
}

/* A pipe or a device can't be replaced. */
static bool is_special(const char *path)
{
    struct stat status;

    return !stat(path, &status) && !S_ISREG(status.st_mode);
}

static int write_directly(const char *path, const uint8_t *data, size_t len, struct viv_error *err)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return viv_fail_errno(err, VIV_UNKNOWN, "can't open %.300s", path);
    return write_to(fd, path, data, len, err);
}

static int write_and_rename(const char *path, const uint8_t *data, size_t len,
                            struct viv_error *err)
{
    char beside[PATH_MAX];
    int fd;

    if (snprintf(beside, sizeof(beside), "%s.%ld.tmp", path, (long)getpid()) >= (int)sizeof(beside))
        return viv_fail(err, VIV_INVALID_ARGUMENT, "the path %.100s... is too long", path);
    fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        return viv_fail_errno(err, VIV_UNKNOWN, "can't write %.300s", path);
    if (write_to(fd, path, data, len, err)) {
        unlink(beside);
        return -1;
    }
    if (rename(beside, path)) {
        viv_fail_errno(err, VIV_UNKNOWN, "can't write %.300s", path);
        unlink(beside);
        return -1;
    }
    return 0;
}

int viv_scope_file_write(const char *path, const struct viv_scope *scope, struct viv_error *err)
{
    uint8_t *data;
    size_t len;
    int result;

    if (viv_scope_serialize(scope, &data, &len, err))
        return -1;
    result = is_special(path) ? write_directly(path, data, len, err)
                              : write_and_rename(path, data, len, err);
    free(data);
    return result;
}
