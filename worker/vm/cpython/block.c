#include "worker/vm/cpython/block.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE (4u * 1024 * 1024)

/* Only whole pages of the block. */
static void expect(void *block, size_t len)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = (uintptr_t)block;

    from = (from + page - 1) / page * page;
    /* A hint; where it is not taken nothing is lost. */
    madvise((void *)from, ((uintptr_t)block + len - from) / page * page, MADV_HUGEPAGE);
}

void viv_block_copy(void *to, const void *from, size_t len)
{
    if (len >= LARGE)
        expect(to, len);
    if (len > 0)
        memcpy(to, from, len);
}
