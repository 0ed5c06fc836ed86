#include "worker/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/sys.h"

/* Bits that came after Debian 12's header, Linux 6.1. */
#define FS_TRUNCATE (UINT64_C(1) << 14)  /* ABI 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
#define NET_BIND_TCP (UINT64_C(1) << 0)  /* ABI 4 */
#define NET_CONNECT_TCP (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT_UNIX_SOCKET (UINT64_C(1) << 0) /* ABI 6 */
#define SCOPE_SIGNAL (UINT64_C(1) << 1)

/* struct landlock_ruleset_attr as of ABI 6; a shorter one is told by its size. */
struct ruleset {
    uint64_t fs, net, scoped;
};

#define READ \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

/* Fifos and sockets may be made, devices not; nothing written is executed but
 * by an interpreter, which is what runs here anyway. */
#define CHANGE                                                                                    \
    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE | \
     LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |                             \
     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |   \
     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER |      \
     FS_TRUNCATE)

/* What a rule on a file, not a folder, may name. */
#define OF_FILES                                                                                 \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
     FS_TRUNCATE | FS_IOCTL_DEV)

int viv_landlock_abi(const char **ret_why)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    const char *why = "";

    if (abi < 0 && errno == EOPNOTSUPP)
        why =
            "in the kernel, but switched off: start it with lsm=landlock,... among its parameters";
    else if (abi < 0 && errno == ENOSYS)
        why = "not in this kernel: Linux 5.13 with CONFIG_SECURITY_LANDLOCK is needed";
    else if (abi < 0)
        why = "forbidden here: the seccomp profile of a container must let landlock_* pass";
    if (ret_why)
        *ret_why = why;
    return abi > 0 ? (int)abi : 0;
}

/* All that this version can refuse. */
static struct ruleset handled(int abi, int network)
{
    struct ruleset r = {.fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};

    if (abi >= 2)
        r.fs |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3)
        r.fs |= FS_TRUNCATE;
    if (abi >= 4 && !network)
        r.net = NET_BIND_TCP | NET_CONNECT_TCP;
    if (abi >= 5)
        r.fs |= FS_IOCTL_DEV;
    if (abi >= 6)
        r.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
    return r;
}

static size_t size_for(int abi)
{
    return abi >= 6 ? 3 * sizeof(uint64_t) : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

static int allow(int ruleset, const char *path, uint64_t access, struct viv_error *err)
{
    VIV_CLOSING int fd = open(path, O_PATH | O_CLOEXEC);
    struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};
    struct stat st;

    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || fstat(fd, &st) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "Landlock: can't open %s", path);
    if (!S_ISDIR(st.st_mode))
        rule.allowed_access &= OF_FILES;
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "Landlock: can't add a rule for %s", path);
    return 0;
}

static int allow_all(int ruleset, const char *const *paths, uint64_t access, struct viv_error *err)
{
    for (; paths && *paths; paths++)
        if (allow(ruleset, *paths, access, err) < 0)
            return -1;
    return 0;
}

int viv_landlock_enter(const struct viv_landlock_config *config, int *ret_abi,
                       struct viv_error *err)
{
    int abi = viv_landlock_abi(NULL);
    struct ruleset r = handled(abi, config->network);
    VIV_CLOSING int fd = -1;

    if (abi == 0) {
        *ret_abi = 0;
        return 0;
    }
    fd = (int)syscall(SYS_landlock_create_ruleset, &r, size_for(abi), 0);
    if (fd < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "Landlock: can't create a rule set");
    if (allow_all(fd, config->list, LANDLOCK_ACCESS_FS_READ_DIR, err) < 0)
        return -1;
    for (int i = 0; i < 3; i++)
        if (allow_all(fd, config->read[i], READ & r.fs, err) < 0)
            return -1;
    for (int i = 0; i < 2; i++)
        if (allow_all(fd, config->write[i], CHANGE & r.fs, err) < 0)
            return -1;
    if (syscall(SYS_landlock_restrict_self, fd, 0) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "Landlock: can't be entered");
    *ret_abi = abi;
    return 0;
}
