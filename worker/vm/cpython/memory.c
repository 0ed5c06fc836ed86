/* What counts is what the kernel counts: the process's own resident memory, also
 * that which C code took without asking the interpreter. Nobody adds it up on
 * the way. The allocators only count what they are asked for, and when that
 * could have used up a part of what was left, they look. Blocks of up to 512
 * bytes, nearly all that Python code ever asks for, cost nothing: they come out
 * of arenas of a mebibyte, and it is those that are counted.
 *
 * An allocation that is refused has code unwind and clean up, which takes
 * memory. So each refusal moves the limit half-way to the kernel's. Near to that
 * it stays, and only large blocks are refused any more: an interpreter that
 * can't have even an exception ends itself (Py_FatalError). The limit is back at
 * its place when the code holds less than that. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "worker/vm/cpython/memory.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* pymalloc's own; what is smaller comes from an arena, or is the interpreter's
 * inside, which should not fail. */
#define SMALL 512
#define LOOK_MIN (64 * 1024)
#define LARGE (64 * 1024)
/* What stays between the last step and the kernel's limit: page tables, pages of
 * the zygote that were written to and the like, which the kernel counts and we
 * don't see, and room to unwind in. */
#define LAST_STEP(hard) ((hard) / 32 + (4 << 20))

static struct {
    uint64_t soft, hard;
    uint64_t limit;           /* now */
    uint64_t base;            /* what the clone began with */
    atomic_size_t asked;      /* since the last look */
    atomic_size_t look_after; /* so much */
    atomic_flag looking;      /* the raw domain is open to threads without the GIL */
    unsigned refusals;
    bool paused;
    bool pristine; /* holds nothing but what the clone began with */
} memory = {.look_after = SIZE_MAX, .looking = ATOMIC_FLAG_INIT};

static PyMemAllocatorEx raw, mem, object;
static PyObjectArenaAllocator arenas;

/* --- looking ------------------------------------------------------------- */

static uint64_t kib_behind(const char *text, const char *key)
{
    const char *at = strstr(text, key);

    return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

/* 0: can't be told, where there is no /proc inside or no descriptor left. The
 * file is opened each time: one that stays open would be user code's to close. */
static uint64_t resident_bytes(void)
{
    char text[2048];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return 0;
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    return (kib_behind(text, "RssAnon:") + kib_behind(text, "RssShmem:")) * 1024;
}

static void look_again_after(uint64_t left)
{
    uint64_t part = left / 4;

    atomic_store_explicit(&memory.look_after, part > LOOK_MIN ? part : LOOK_MIN,
                          memory_order_relaxed);
}

/* Above the limit. Whether to refuse, and then where the limit is next. */
static bool refuse(size_t size, bool arena)
{
    uint64_t gap = memory.hard - memory.limit;

    if (memory.refusals > 0 && gap <= LAST_STEP(memory.hard) && (arena || size < LARGE))
        return false;
    memory.refusals++;
    if (gap > LAST_STEP(memory.hard))
        memory.limit += gap / 2;
    return true;
}

/* Whether `size` bytes more may be had. */
static bool look(size_t size, bool arena)
{
    uint64_t resident = resident_bytes();
    uint64_t used = resident > memory.base ? resident - memory.base : 0;

    atomic_store_explicit(&memory.asked, size, memory_order_relaxed);
    if (resident == 0) {
        look_again_after(memory.soft);
        return true;
    }
    if (used + size <= memory.soft)
        memory.limit = memory.soft;
    if (used + size <= memory.limit) {
        look_again_after(memory.limit - used - size);
        return true;
    }
    look_again_after(0);
    return !refuse(size, arena);
}

static bool look_alone(size_t size, bool arena)
{
    bool may;

    if (memory.paused || atomic_flag_test_and_set(&memory.looking))
        return true;
    may = look(size, arena);
    atomic_flag_clear(&memory.looking);
    return may;
}

static inline bool may_have(size_t size, bool arena)
{
    size_t asked = atomic_load_explicit(&memory.asked, memory_order_relaxed) + size;

    atomic_store_explicit(&memory.asked, asked, memory_order_relaxed);
    if (asked < atomic_load_explicit(&memory.look_after, memory_order_relaxed))
        return true;
    return look_alone(size, arena);
}

/* --- the allocators ------------------------------------------------------ */

#define OWN_THREAD static _Thread_local __attribute__((tls_model("initial-exec")))

/* Without an arena pymalloc asks malloc(3) for the same few bytes. */
OWN_THREAD bool arena_refused;
/* Granted, and about to be mapped. */
OWN_THREAD bool arena_granted;

static inline bool refused(size_t size)
{
    if (size > SMALL)
        return !may_have(size, false);
    if (!arena_refused)
        return false;
    arena_refused = false;
    return true;
}

static void *limited_malloc(void *ctx, size_t size)
{
    const PyMemAllocatorEx *next = ctx;

    return refused(size) ? NULL : next->malloc(next->ctx, size);
}

static void *limited_calloc(void *ctx, size_t count, size_t each)
{
    const PyMemAllocatorEx *next = ctx;
    size_t size = 0;

    if (__builtin_mul_overflow(count, each, &size) || refused(size))
        return NULL;
    return next->calloc(next->ctx, count, each);
}

/* All of them get their blocks from malloc(3). */
static void *limited_realloc(void *ctx, void *block, size_t size)
{
    const PyMemAllocatorEx *next = ctx;

    if (size > SMALL) {
        size_t had = block ? malloc_usable_size(block) : 0;

        if (size > had && !may_have(size - had, false))
            return NULL;
    }
    return next->realloc(next->ctx, block, size);
}

static void limit_domain(PyMemAllocatorDomain domain, const PyMemAllocatorEx *next)
{
    PyMemAllocatorEx limited = {.ctx = (void *)next,
                                .malloc = limited_malloc,
                                .calloc = limited_calloc,
                                .realloc = limited_realloc,
                                .free = next->free};

    PyMem_SetAllocator(domain, &limited);
}

static void *limited_arena(void *ctx, size_t size)
{
    void *arena;

    arena_refused = !may_have(size, true);
    if (arena_refused)
        return NULL;
    arena_granted = true;
    arena = arenas.alloc(arenas.ctx, size);
    arena_granted = false;
    return arena;
}

static void free_arena(void *ctx, void *arena, size_t size)
{
    arenas.free(arenas.ctx, arena, size);
}

/* free() is called with its own domain's context, which malloc(3)'s ignores. */
void viv_memory_setup(void)
{
    PyObjectArenaAllocator limited = {.alloc = limited_arena, .free = free_arena};

    PyMem_GetAllocator(PYMEM_DOMAIN_RAW, &raw);
    PyMem_GetAllocator(PYMEM_DOMAIN_MEM, &mem);
    PyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &object);
    limit_domain(PYMEM_DOMAIN_RAW, &raw);
    /* Where the others are malloc(3) too (PYTHONMALLOC, sanitizers), they don't
     * come by the raw domain. */
    if (object.malloc == raw.malloc) {
        limit_domain(PYMEM_DOMAIN_MEM, &mem);
        limit_domain(PYMEM_DOMAIN_OBJ, &object);
    }
    PyObject_GetArenaAllocator(&arenas);
    PyObject_SetArenaAllocator(&limited);
}

void viv_memory_adopt(void)
{
    memory.base = resident_bytes();
    memory.pristine = true;
}

void viv_memory_begin(uint64_t soft, uint64_t hard)
{
    memory.soft = soft;
    memory.hard = hard > soft ? hard : soft;
    memory.limit = soft;
    memory.refusals = 0;
    memory.paused = false;
    atomic_store(&memory.asked, 0);
    look_again_after(memory.pristine ? soft : 0);
    if (!soft)
        atomic_store(&memory.look_after, SIZE_MAX);
    memory.pristine = false;
}

void viv_memory_end(void)
{
    atomic_store(&memory.look_after, SIZE_MAX);
}

bool viv_memory_may_have(size_t size)
{
    return arena_granted || may_have(size, false);
}

bool viv_memory_refused(void)
{
    return memory.refusals > 0;
}

void viv_memory_pause(void)
{
    memory.paused = true;
}

void viv_memory_resume(void)
{
    memory.paused = false;
}
