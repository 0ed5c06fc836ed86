#include "supervisor/service/metrics_process.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void write_one(FILE *f, const char *name, const char *type, const char *help, double number)
{
    fprintf(f, "# HELP %s %s\n# TYPE %s %s\n%s %.17g\n", name, help, name, type, name, number);
}

static int count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = -1; /* the folder's own */

    if (!folder)
        return 0;
    for (struct dirent *e; (e = readdir(folder)) != NULL;)
        if (e->d_name[0] != '.')
            count++;
    closedir(folder);
    return count;
}

/* Fields of proc(5), stat: 22 the start in ticks, 23 and 24 the memory. */
static int read_stat(unsigned long long *ret_start, unsigned long *ret_virtual,
                     long *ret_resident_pages)
{
    char line[1024] = "";
    FILE *f = fopen("/proc/self/stat", "re");
    const char *after;
    int got = 0;

    if (!f)
        return -1;
    if (fgets(line, sizeof(line), f) && (after = strrchr(line, ')')) != NULL)
        got = sscanf(after + 2,
                     "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d "
                     "%llu %lu %ld",
                     ret_start, ret_virtual, ret_resident_pages);
    fclose(f);
    return got == 3 ? 0 : -1;
}

static double boot_time(void)
{
    char line[256];
    unsigned long long seconds = 0;
    FILE *f = fopen("/proc/stat", "re");

    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "btime %llu", &seconds) == 1)
            break;
    if (f)
        fclose(f);
    return (double)seconds;
}

void metrics_process_write(FILE *f)
{
    unsigned long long start = 0;
    unsigned long size = 0;
    long pages = 0;
    struct rusage usage;
    struct rlimit limit;

    getrusage(RUSAGE_SELF, &usage);
    write_one(f, "process_cpu_seconds_total", "counter", "Processor time, user and system.",
              (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                  (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    write_one(f, "process_open_fds", "gauge", "Open file descriptors.", count_descriptors());
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        write_one(f, "process_max_fds", "gauge", "The most open file descriptors.",
                  (double)limit.rlim_cur);
    if (read_stat(&start, &size, &pages) < 0)
        return;
    write_one(f, "process_virtual_memory_bytes", "gauge", "Virtual memory.", (double)size);
    write_one(f, "process_resident_memory_bytes", "gauge", "Resident memory.",
              (double)pages * (double)sysconf(_SC_PAGESIZE));
    write_one(f, "process_start_time_seconds", "gauge", "When the process began.",
              boot_time() + (double)start / (double)sysconf(_SC_CLK_TCK));
}

const char *metrics_code_name(unsigned code)
{
    static const char *const names[] = {
        "OK",
        "Canceled",
        "Unknown",
        "InvalidArgument",
        "DeadlineExceeded",
        "NotFound",
        "AlreadyExists",
        "PermissionDenied",
        "ResourceExhausted",
        "FailedPrecondition",
        "Aborted",
        "OutOfRange",
        "Unimplemented",
        "Internal",
        "Unavailable",
        "DataLoss",
        "Unauthenticated",
    };

    return code < sizeof(names) / sizeof(names[0]) ? names[code] : "Unknown";
}
