/* A clone copies an entry for each page of the zygote's own memory, and its end goes
 * through them again: with pandas 10,000 entries of 4 KiB. A large page is one. Its
 * parts are still copied one by one where a clone writes to it.
 *
 * pymalloc's arenas would be spread over the address space, among the libraries
 * that are loaded meanwhile. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "worker/vm/cpython/shelves.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE /* Linux 6.1 */
#define MADV_COLLAPSE 25
#endif

#define LARGE_PAGE ((size_t)2 << 20)
/* What doesn't find room is where it always was. */
#define ROOM ((size_t)256 << 20)
#define VACANT_MAX 64
/* Of pymalloc; the interpreter's own stack comes by the same way in smaller ones. */
#define ARENA ((size_t)1 << 20)

static struct {
    bool open;
    char *begin, *next, *end;
    void *vacant[VACANT_MAX]; /* arenas that were given back */
    unsigned vacant_count;
} shelves;

static PyObjectArenaAllocator usual;

static void *take(void *ctx, size_t size)
{
    char *arena = shelves.next;

    if (!shelves.open || size != ARENA)
        return usual.alloc(usual.ctx, size);
    if (shelves.vacant_count > 0)
        return shelves.vacant[--shelves.vacant_count];
    if (size > (size_t)(shelves.end - shelves.next))
        return usual.alloc(usual.ctx, size);
    shelves.next += size;
    return arena;
}

/* A hole would keep its surroundings from becoming a large page. pymalloc wants an
 * arena that is all zeros. */
static void give_back(void *ctx, void *arena, size_t size)
{
    bool ours = (char *)arena >= shelves.begin && (char *)arena < shelves.end;

    if (shelves.open && ours && shelves.vacant_count < VACANT_MAX &&
        madvise(arena, size, MADV_DONTNEED) == 0)
        shelves.vacant[shelves.vacant_count++] = arena;
    else
        usual.free(usual.ctx, arena, size);
}

static char *upwards(char *at)
{
    return at + (-(uintptr_t)at & (LARGE_PAGE - 1));
}

void viv_shelves_open(void)
{
    PyObjectArenaAllocator own = {.alloc = take, .free = give_back};
    char *room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    PyObject_GetArenaAllocator(&usual);
    if (room == MAP_FAILED)
        return;
    shelves.begin = shelves.next = upwards(room);
    shelves.end = room + ROOM;
    shelves.open = true;
    PyObject_SetArenaAllocator(&own);
}

/* Nothing is lost where the kernel can't or won't. */
static void collapse(char *from, const char *to)
{
    for (char *at = upwards(from); at + LARGE_PAGE <= to; at += LARGE_PAGE)
        madvise(at, LARGE_PAGE, MADV_COLLAPSE);
}

void viv_shelves_close(void)
{
    char *rest = upwards(shelves.next), *heap_end = sbrk(0);

    if (shelves.open) {
        collapse(shelves.begin, rest);
        munmap(rest, (size_t)(shelves.end - rest));
        shelves.open = false; /* the allocator stays: others may be over it */
    }
    collapse(heap_end - mallinfo2().arena, heap_end);
}
