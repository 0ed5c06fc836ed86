/* Sealed memfds: large payloads that neither end can change under the other
 * (memfd_create(2), fcntl(2) F_ADD_SEALS). */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proto/frame.h"

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0)
            return -1;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

int viv_sealed_memfd_joined(const char *name, const void *data, size_t len, const void *tail,
                            size_t tail_len, struct viv_error *err)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't create a memfd");
    if (write_all(fd, data, len) < 0 || write_all(fd, tail, tail_len) < 0 ||
        fcntl(fd, F_ADD_SEALS, ALL_SEALS) < 0 || lseek(fd, 0, SEEK_SET) < 0) {
        viv_fail_errno(err, VIV_INTERNAL, "can't fill a memfd of %zu bytes", len + tail_len);
        close(fd);
        return -1;
    }
    return fd;
}

int viv_sealed_memfd(const char *name, const void *data, size_t len, struct viv_error *err)
{
    return viv_sealed_memfd_joined(name, data, len, NULL, 0, err);
}
