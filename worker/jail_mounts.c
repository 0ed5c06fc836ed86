#include <errno.h>
#include <sys/mount.h>
#include <unistd.h>

#include "worker/jail_parts.h"

/* Memory by another name, so it is limited; whole megabytes for data that a
 * script really writes, few enough inodes that they can't fill the kernel. */
#define SCRATCH "mode=1777,size=64m,nr_inodes=16k"

static int mount_scratch(const char *path, struct viv_error *err)
{
    if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, SCRATCH) < 0)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't mount a tmpfs on %s", path);
    return 0;
}

/* Nobody's files are another's, and nobody fills the disk. */
int viv_jail_scratch(const struct viv_jail *jail, struct viv_error *err)
{
    if (mount_scratch("/tmp", err) < 0 || mount_scratch("/dev/shm", err) < 0)
        return -1;
    return 0;
}

/* The zygote's /proc shows every worker's processes, and through them what
 * other tenants run. This one shows its own namespace's, and no file of the
 * whole kernel's (subset=pid). Read-only: nothing in it is to be written. */
int viv_jail_proc(const struct viv_jail *jail, struct viv_error *err)
{
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
              "subset=pid,hidepid=invisible") == 0)
        return 0;
    /* The zygote has none either (rootfs.c): then the place is empty. */
    if (errno == EPERM && access("/proc/self", F_OK) < 0)
        return 0;
    errno = EPERM;
    return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't mount /proc");
}
