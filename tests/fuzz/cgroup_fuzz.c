/* Texts of the kernel's, and of whoever stands between it and us: a container's
 * /proc may be anybody's file system. The first byte chooses the parser. */
#include <stdlib.h>
#include <string.h>

#include "supervisor/cgroup/cgroup_text.h"

static void require(int holds)
{
    if (!holds)
        abort();
}

static void mounts(const char *text, size_t len)
{
    static const char *const controllers[] = {"memory", "cpu", NULL};
    struct viv_cgroup_mount m;
    char own[VIV_CGROUP_PATH], below[VIV_CGROUP_PATH];

    for (unsigned i = 0; i < 3; i++) {
        if (viv_cgroup_text_mount(text, len, controllers[i], &m) == 0)
            require(strlen(m.point) < sizeof(m.point) && strlen(m.root) < sizeof(m.root));
        else
            strcpy(m.root, "/");
        if (viv_cgroup_text_own(text, len, controllers[i], own) < 0)
            continue;
        if (viv_cgroup_text_below(own, m.root, below) == 0)
            require(strlen(below) <= strlen(own));
    }
}

static void values(const char *text, size_t len)
{
    uint64_t value = 0;
    pid_t pids[16];
    size_t count;

    viv_cgroup_text_number(text, len, &value);
    viv_cgroup_text_field(text, len, "oom_kill", &value);
    viv_cgroup_text_has(text, len, "memory");
    count = viv_cgroup_text_pids(text, len, pids, 16);
    require(count <= 16);
    for (size_t i = 0; i < count; i++)
        require(pids[i] > 0);
}

static void names(const char *text, size_t len)
{
    char name[256], folder[VIV_CGROUP_NAME];

    len = len < sizeof(name) - 1 ? len : sizeof(name) - 1;
    memcpy(name, text, len);
    name[len] = '\0';
    viv_cgroup_text_tenant(1, name, folder);
    require(strlen(folder) < sizeof(folder) && !strpbrk(folder, "/."));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data + 1;

    if (size < 1)
        return 0;
    switch (data[0] % 3) {
    case 0:
        mounts(text, size - 1);
        break;
    case 1:
        values(text, size - 1);
        break;
    default:
        names(text, size - 1);
        break;
    }
    return 0;
}
