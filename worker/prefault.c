#include "worker/prefault.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define RANGES_MAX 1024
#define LOOK_PAGES 512
#define FAULT_AROUND 65536 /* debugfs fault_around_bytes, as it is unless somebody changed it */

/* Documentation/admin-guide/mm/pagemap.rst */
#define PAGE_PRESENT (UINT64_C(1) << 63)
#define PAGE_OF_FILE (UINT64_C(1) << 61)
#define PAGE_EXCLUSIVE (UINT64_C(1) << 56)

/* What the child finds, in memory that it shares with the zygote. */
struct found {
    size_t count;
    uintptr_t stretch; /* of a file's page that was added last */
    struct viv_prefault_range ranges[RANGES_MAX];
};

static void add_page(struct found *found, uintptr_t page, size_t size, bool write)
{
    struct viv_prefault_range *last = found->count ? &found->ranges[found->count - 1] : NULL;

    if (last && (uintptr_t)last->begin + last->len == page && last->write == write) {
        last->len += size;
        return;
    }
    if (found->count < RANGES_MAX)
        found->ranges[found->count++] = (struct viv_prefault_range){(void *)page, size, write};
}

/* A page of its own is one that it wrote to. A file's pages are there because it
 * looked at one near by: the kernel maps the others of an aligned stretch with it. */
static void judge_page(struct found *found, uintptr_t page, size_t size, uint64_t flags)
{
    uintptr_t stretch = page / FAULT_AROUND;

    if (!(flags & PAGE_PRESENT))
        return;
    if (flags & PAGE_OF_FILE) {
        if (found->stretch != stretch)
            add_page(found, page, size, false);
        found->stretch = stretch;
    } else if (flags & PAGE_EXCLUSIVE) {
        add_page(found, page, size, true);
    }
}

static void look_at_mapping(struct found *found, int pagemap, uintptr_t begin, uintptr_t end)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    uint64_t flags[LOOK_PAGES];

    for (uintptr_t at = begin; at < end;) {
        size_t most = (end - at) / size;
        size_t want = (most < LOOK_PAGES ? most : LOOK_PAGES) * sizeof(*flags);
        ssize_t got = pread(pagemap, flags, want, (off_t)(at / size * sizeof(*flags)));

        if (got <= 0)
            return;
        for (size_t i = 0; i < (size_t)got / sizeof(*flags); i++, at += size)
            judge_page(found, at, size, flags[i]);
    }
}

/* "begin-end perms offset device inode path". Shared ones are not copied, what
 * the kernel maps itself can't be. */
static void look_at_line(struct found *found, int pagemap, const char *line)
{
    uintptr_t begin, end;
    char perms[5];

    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &begin, &end, perms) == 3 &&
        perms[0] == 'r' && perms[3] == 'p' && !strstr(line, "[v"))
        look_at_mapping(found, pagemap, begin, end);
}

static void look_at_self(int proc, struct found *found)
{
    int maps = openat(proc, "self/maps", O_RDONLY | O_CLOEXEC);
    int pagemap = openat(proc, "self/pagemap", O_RDONLY | O_CLOEXEC);
    FILE *lines = maps < 0 ? NULL : fdopen(maps, "r");
    char line[512];

    while (lines && pagemap >= 0 && fgets(line, sizeof(line), lines))
        look_at_line(found, pagemap, line);
}

static struct viv_prefault_range *keep(const struct found *found)
{
    size_t bytes = found->count * sizeof(*found->ranges);
    struct viv_prefault_range *kept = bytes ? malloc(bytes) : NULL;

    return kept ? memcpy(kept, found->ranges, bytes) : NULL;
}

void viv_prefault_learn(int proc, void (*rehearse)(void *arg), void *arg, struct viv_prefault *ret)
{
    struct found *found =
        mmap(NULL, sizeof(*found), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid;
    int status;

    *ret = (struct viv_prefault){0};
    if (found == MAP_FAILED)
        return;
    pid = fork();
    if (pid == 0) {
        rehearse(arg);
        look_at_self(proc, found);
        _exit(EXIT_SUCCESS);
    }
    if (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0)
        ret->ranges = keep(found);
    if (ret->ranges)
        ret->count = found->count;
    munmap(found, sizeof(*found));
}

void viv_prefault_take(const struct viv_prefault *prefault)
{
    for (size_t i = 0; i < prefault->count; i++) {
        const struct viv_prefault_range *r = &prefault->ranges[i];

        /* A range that can't be, or an older kernel: the faults come later. */
        madvise(r->begin, r->len, r->write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
    }
}
