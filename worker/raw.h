/* System calls that touch nothing but registers and their arguments: no errno,
 * no thread-local storage. For the one process that shares its memory with
 * another (init.c). Returns the value, or -errno. */
#ifndef VIVARIUM_RAW_H
#define VIVARIUM_RAW_H

#if defined(__x86_64__)

static inline long viv_raw(long nr, long a, long b, long c, long d)
{
    register long r10 __asm__("r10") = d;
    long ret;

    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return ret;
}

#elif defined(__aarch64__)

static inline long viv_raw(long nr, long a, long b, long c, long d)
{
    register long x8 __asm__("x8") = nr;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;

    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
}

#else
#error "raw system calls of this processor are not known yet"
#endif

#endif
