#include "client/viv/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_STEP ((size_t)64 * 1024)

bool viv_output_write(int fd, const void *data, size_t len)
{
    const char *at = data;
    struct pollfd writable = {.fd = fd, .events = POLLOUT};

    while (len) {
        ssize_t written = write(fd, at, len);

        if (written >= 0) {
            at += written;
            len -= (size_t)written;
        } else if (errno == EAGAIN) {
            poll(&writable, 1, -1);
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

/* Reads into *data, which grows; the NUL at the end is not counted. */
static int read_fd(int fd, char **data, size_t *len)
{
    size_t size = 0;

    for (;;) {
        ssize_t got;

        if (size - *len < READ_STEP) {
            size_t wanted = size + size / 2 + READ_STEP + 1;
            char *more = realloc(*data, wanted);

            if (!more)
                return -1;
            *data = more;
            size = wanted;
        }
        got = read(fd, *data + *len, size - *len - 1);
        if (got == 0)
            break;
        if (got < 0 && errno != EINTR)
            return -1;
        *len += got > 0 ? (size_t)got : 0;
    }
    (*data)[*len] = '\0';
    return 0;
}

int viv_output_read_all(const char *path, char **ret_data, size_t *ret_len, struct viv_error *err)
{
    bool is_stdin = !strcmp(path, "-");
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    char *data = NULL;
    size_t len = 0;
    int result;

    if (fd < 0)
        return viv_fail_errno(err, VIV_NOT_FOUND, "can't open %.300s", path);
    result = read_fd(fd, &data, &len);
    if (result)
        viv_fail_errno(err, VIV_UNKNOWN, "can't read %.300s", is_stdin ? "standard input" : path);
    if (!is_stdin)
        close(fd);
    if (result) {
        free(data);
        return -1;
    }
    *ret_data = data;
    *ret_len = len;
    return 0;
}
