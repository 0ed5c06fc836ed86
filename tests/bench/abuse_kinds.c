#include "tests/bench/abuse_kinds.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/abuse_raw.h"
#include "tests/service/rpc.h"
#include "vivarium/v1/vivarium.pb-c.h"

#define METHOD(name) "/vivarium.v1.Vivarium/" name

static volatile sig_atomic_t over;
static unsigned long count; /* of whatever it is */
static const char *what = "";

static void stop(int signal)
{
    over = 1;
}

static void nap_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void linger(void)
{
    while (!over)
        nap_ms(20);
}

static grpc_channel *channel(const char *socket, bool compressed)
{
    char target[256];

    snprintf(target, sizeof(target), "unix:%s", socket);
    return compressed ? rpc_open_compressed(target) : rpc_open(target);
}

static struct rpc_call *execute(grpc_channel *c, const char *method, const char *code)
{
    Vivarium__V1__ExecuteRequest request = VIVARIUM__V1__EXECUTE_REQUEST__INIT;

    request.code = (char *)code;
    return rpc_start(c, method, &request.base, (struct rpc_options){.tenant = "abuse"});
}

/* A status comes behind the message. */
static void finish(struct rpc_call *call)
{
    uint8_t *data;
    size_t len;

    while (rpc_read(call, &data, &len))
        free(data);
    rpc_end(call, NULL);
}

/* As many at a time as stay in the window. */
static void keep_calling(grpc_channel *c, const char *code, unsigned window)
{
    static struct rpc_call *calls[512];

    for (unsigned i = 0; !over; i = (i + 1) % window) {
        if (calls[i])
            finish(calls[i]);
        calls[i] = execute(c, METHOD("Execute"), code);
        count++;
    }
}

static void flood(const char *socket)
{
    what = "executions asked for, by one process of four";
    for (int i = 0; i < 3; i++)
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            break;
        }
    grpc_init();
    keep_calling(channel(socket, false), "sum(range(1000))", 512);
}

static char *filled(size_t size)
{
    static char *text; /* this process's one */

    text = realloc(text, size + 1);
    memset(text, '#', size);
    text[size] = '\0';
    return text;
}

static void large(const char *socket)
{
    what = "requests of 4 MB";
    keep_calling(channel(socket, false), filled(4000000), 64);
}

static void bombs(const char *socket)
{
    what = "bombs of 60 MB in 60 KB";
    keep_calling(channel(socket, true), filled(60000000), 4);
}

/* One byte of the preface now and then. */
static void loris(const char *socket)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    int fds[1000];

    what = "connections that say a byte a time";
    for (int i = 0; i < 1000; i++, count++)
        fds[i] = raw_connect(socket);
    for (size_t at = 0; !over; nap_ms(100), at++)
        for (int i = 0; i < 1000 && at < sizeof(preface) - 1; i++)
            raw_write(fds[i], preface + at, 1);
}

static void readers(const char *socket)
{
    grpc_channel *c = channel(socket, false);

    what = "streams that nobody reads";
    for (; count < 64; count++)
        execute(c, METHOD("ExecuteStream"), "while True: print('x' * 60000)");
    linger();
}

/* The window is shut: what is answered stays where it is. */
static void unread(const char *socket)
{
    static const char code[] = "\x12\x0f'x' * 3000000  "; /* field 2, of 15 bytes */

    what = "answers of 3 MB that nobody reads";
    for (int n = 0; n < 100 && !over; n++) {
        int fd = raw_connect(socket);
        bool good = fd >= 0 && raw_greet(fd, 0);

        for (uint32_t i = 0; i < 30 && good && !over; i++, nap_ms(2)) {
            good = raw_call(fd, 2 * i + 1, "Execute", true) &&
                   raw_message(fd, 2 * i + 1, code, sizeof(code) - 1);
            count += good;
        }
    }
    linger();
}

static void headers(const char *socket)
{
    what = "names of metadata";
    while (!over) {
        int fd = raw_connect(socket);
        unsigned more = fd >= 0 && raw_greet(fd, 65535) && raw_call(fd, 1, "Execute", false);

        for (unsigned seed = 0; more && !over; seed++)
            count += more = raw_more_metadata(fd, 1, seed);
        close(fd);
    }
}

/* Calls whose message never comes. */
static void hollow(const char *socket)
{
    what = "calls that were begun and not told";
    for (int n = 0; n < 500 && !over; n++) {
        int fd = raw_connect(socket);
        bool good = fd >= 0 && raw_greet(fd, 65535);

        for (uint32_t i = 0; i < 250 && good && !over; i++)
            count += good = raw_call(fd, 2 * i + 1, "Execute", true);
    }
    linger();
}

static void connections(const char *socket)
{
    what = "connections";
    for (; count < 10000 && !over; count++) {
        int fd = raw_connect(socket);

        if (fd < 0 || !raw_greet(fd, 65535))
            break;
    }
    linger();
}

const struct abuse_kind abuse_kinds[] = {
    {"flood", flood},     {"large", large},     {"bombs", bombs},
    {"loris", loris},     {"readers", readers}, {"unread", unread},
    {"headers", headers}, {"hollow", hollow},   {"connections", connections},
    {NULL, NULL},
};

int abuse_run(const char *kind, const char *socket)
{
    size_t i = 0;

    signal(SIGTERM, stop);
    while (abuse_kinds[i].name && strcmp(abuse_kinds[i].name, kind) != 0)
        i++;
    if (!abuse_kinds[i].name) {
        fprintf(stderr, "abuse_bench: no such kind: %s\n", kind);
        return 2;
    }
    if (abuse_kinds[i].run != flood)
        grpc_init();
    abuse_kinds[i].run(socket);
    printf("%lu %s\n", count, what);
    fflush(stdout);
    pause(); /* what is open stays open */
    return 0;
}
