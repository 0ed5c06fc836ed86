/* C code that takes its memory without the interpreter: numpy's arrays, mmap,
 * compressors. The worker is loaded ahead of libc (launcher.c), so large requests
 * come by here, and get NULL with ENOMEM where an object of Python's would get a
 * MemoryError; which is what such code makes of it. Small ones are left alone:
 * what they add up to is seen at the next look.
 *
 * Thread stacks and malloc's own mappings are libc's inside, and don't. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/vm/cpython/memory.h"

#define LARGE (1u << 20)

/* glibc's own names for what is replaced here. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t each);
void *__libc_realloc(void *block, size_t size);

static bool refused(size_t size)
{
    if (__builtin_expect(size < LARGE, 1) || viv_memory_may_have(size))
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return refused(size) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t each)
{
    size_t size = 0;

    if (__builtin_mul_overflow(count, each, &size)) {
        errno = ENOMEM;
        return NULL;
    }
    return refused(size) ? NULL : __libc_calloc(count, each);
}

/* As if it were all new: a large block that grows is often copied. */
void *realloc(void *block, size_t size)
{
    return refused(size) ? NULL : __libc_realloc(block, size);
}

/* A file's pages are the file's; and who reserves nothing takes nothing yet, as
 * our own writer doesn't: what is touched of it is seen at the next look. */
static void *map(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (flags & MAP_ANONYMOUS && !(flags & MAP_NORESERVE) && protection & PROT_WRITE &&
        refused(size))
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
}

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    return map(address, size, protection, flags, fd, offset);
}

/* Its name where offsets of 64 bits had to be asked for. */
void *mmap64(void *address, size_t size, int protection, int flags, int fd, off64_t offset)
{
    return map(address, size, protection, flags, fd, offset);
}
