/* The file of a key. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/store/seal.h"

static int check_mode(int fd, const char *path, struct viv_error *err)
{
    struct stat st;

    if (fstat(fd, &st))
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't look at the key file %s", path);
    /* The group may read: that is how Kubernetes mounts a secret. */
    if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IRWXO | S_IWGRP)))
        return viv_fail(err, VIV_FAILED_PRECONDITION,
                        "the key file %s must be a file that others can't read and only its owner "
                        "can write: chmod 600 it",
                        path);
    if (st.st_size != SEAL_KEY)
        return viv_fail(err, VIV_FAILED_PRECONDITION,
                        "the key file %s must hold %d bytes, it holds %lld", path, SEAL_KEY,
                        (long long)st.st_size);
    return 0;
}

static int read_open(int fd, const char *path, uint8_t ret_key[SEAL_KEY], struct viv_error *err)
{
    if (check_mode(fd, path, err))
        return -1;
    if (read(fd, ret_key, SEAL_KEY) != SEAL_KEY)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't read the key file %s", path);
    return 0;
}

static int write_key(int fd)
{
    uint8_t key[SEAL_KEY];
    int failed = RAND_priv_bytes(key, SEAL_KEY) != 1 || write(fd, key, SEAL_KEY) != SEAL_KEY ||
                 fsync(fd);

    OPENSSL_cleanse(key, sizeof(key));
    return failed ? -1 : 0;
}

static int sync_folder(const char *path)
{
    char copy[PATH_MAX];
    int fd, failed;

    snprintf(copy, sizeof(copy), "%s", path);
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    failed = fsync(fd);
    close(fd);
    return failed;
}

/* Written under another name and then linked, which fails where the name is
 * taken: of two who make it at a time one wins, and both read the same key; no
 * crash leaves a part of one. */
static int make_key(const char *path, struct viv_error *err)
{
    char temp[PATH_MAX];
    int fd, failed;

    if (snprintf(temp, sizeof(temp), "%s.XXXXXX", path) >= (int)sizeof(temp))
        return viv_fail(err, VIV_INVALID_ARGUMENT, "the path of the key file is too long");
    fd = mkostemp(temp, O_CLOEXEC); /* 0600 */
    if (fd < 0)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't make the key file %s", path);
    failed = write_key(fd) || (link(temp, path) && errno != EEXIST) || sync_folder(path);
    if (failed)
        viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't make the key file %s", path);
    unlink(temp);
    close(fd);
    return failed ? -1 : 0;
}

int seal_read_key(const char *path, int create, uint8_t ret_key[SEAL_KEY], struct viv_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us up */
    int failed;

    if (fd < 0 && errno == ENOENT && create) {
        if (make_key(path, err))
            return -1;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    }
    if (fd < 0)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't open the key file %s", path);
    failed = read_open(fd, path, ret_key, err);
    close(fd);
    return failed;
}
