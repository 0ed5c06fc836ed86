/* Runs corpus files: what the code of one process leaves behind is carried to
 * the next, and looked at there. Workers are clones of one zygote; so are these
 * processes of this one.
 *
 *     corpus_test [--only TEXT] FILE... */
#define PY_SSIZE_T_CLEAN
#include "tests/scope/embed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/scope/corpus.h"

#define SECONDS_MAX 60

/* What goes from one process to the next. */
struct carried {
    int snapshot, manifest; /* memfds */
};

static void write_bytes(int fd, const struct viv_pages *bytes)
{
    for (size_t done = 0; done < bytes->len;) {
        ssize_t n = write(fd, bytes->data + done, bytes->len - done);

        if (n <= 0)
            exit(2);
        done += (size_t)n;
    }
}

static void map_bytes(int fd, struct viv_pages *ret_bytes)
{
    off_t len = lseek(fd, 0, SEEK_END);

    *ret_bytes = (struct viv_pages){.len = (size_t)len};
    if (len > 0)
        ret_bytes->data = mmap(NULL, (size_t)len, PROT_READ, MAP_PRIVATE, fd, 0);
}

/* Nothing may be missing unless the case looks at what is. */
static bool is_complete(const struct corpus_case *c, const char *which)
{
    char check[128];

    for (size_t i = 0; i < c->part_count; i++)
        if (strstr(c->parts[i], which))
            return true;
    snprintf(check, sizeof(check), "assert not %s, %s\n", which, which);
    return embed_run(check, which);
}

static bool take_over(const struct corpus_case *c, const struct carried *carried)
{
    struct viv_pages snapshot, manifest, restored;

    map_bytes(carried->snapshot, &snapshot);
    map_bytes(carried->manifest, &manifest);
    return embed_publish("omitted", &manifest) && is_complete(c, "omitted") &&
           embed_restore(snapshot.data, snapshot.len, &restored) &&
           embed_is_manifest(&restored, &snapshot, true) && embed_publish("failed", &restored) &&
           is_complete(c, "failed");
}

/* In a process of its own; the parent has made the memfds that it writes into. */
static int run_part(const struct corpus_case *c, size_t part, const struct carried *carried,
                    const struct carried *next)
{
    struct viv_pages snapshot, manifest;

    alarm(SECONDS_MAX);
    if (part > 0 && !take_over(c, carried))
        return 1;
    if (!embed_run(c->parts[part], c->name))
        return 1;
    if (part + 1 == c->part_count)
        return 0;
    if (!embed_snapshot(&snapshot, &manifest) || !embed_is_message(&snapshot) ||
        !embed_is_manifest(&manifest, &snapshot, false))
        return 1;
    write_bytes(next->snapshot, &snapshot);
    write_bytes(next->manifest, &manifest);
    return 0;
}

static void close_both(const struct carried *carried)
{
    if (carried->snapshot >= 0) {
        close(carried->snapshot);
        close(carried->manifest);
    }
}

static bool run_case(const struct corpus_case *c)
{
    struct carried carried = {-1, -1};

    for (size_t part = 0; part < c->part_count; part++) {
        struct carried next = {memfd_create("snapshot", 0), memfd_create("manifest", 0)};
        int status = 0;
        pid_t child;

        fflush(stdout);
        PyOS_BeforeFork();
        child = fork();
        if (child == 0) {
            PyOS_AfterFork_Child();
            status = run_part(c, part, &carried, &next);
            fflush(stdout);
            _exit(status);
        }
        PyOS_AfterFork_Parent();
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
            if (WIFSIGNALED(status))
                fprintf(stderr, "killed by signal %d in part %zu\n", WTERMSIG(status), part);
            return false;
        }
        close_both(&carried);
        carried = next;
    }
    close_both(&carried);
    return true;
}

static void run_file(const char *path, const char *only, unsigned *passed, unsigned *failed)
{
    struct corpus corpus;
    unsigned good = 0, bad = 0;
    const char *topic = strrchr(path, '/');

    topic = topic ? topic + 1 : path;
    corpus_read(path, &corpus);
    for (size_t i = 0; i < corpus.count; i++) {
        bool ok;

        if (only && !strstr(corpus.cases[i].name, only))
            continue;
        ok = run_case(&corpus.cases[i]);
        printf("%s %u - %s: %s\n", ok ? "ok" : "not ok", *passed + *failed + good + bad + 1, topic,
               corpus.cases[i].name);
        good += ok;
        bad += !ok;
    }
    printf("# %s: %u passed, %u failed\n", topic, good, bad);
    *passed += good;
    *failed += bad;
    corpus_free(&corpus);
}

int main(int argc, char **argv)
{
    unsigned passed = 0, failed = 0;
    const char *only = NULL;
    int i = 1;

    if (argc > 2 && strcmp(argv[1], "--only") == 0) {
        only = argv[2];
        i = 3;
    }
    embed_start();
    for (; i < argc; i++)
        run_file(argv[i], only, &passed, &failed);
    printf("1..%u\n# %u passed, %u failed\n", passed + failed, passed, failed);
    return failed ? 1 : 0;
}
