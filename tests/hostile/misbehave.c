#include "tests/hostile/misbehave.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/control_page.h"
#include "proto/datagram.h"
#include "proto/frame.h"
#include "proto/internal/worker.pb-c.h"
#include "vivarium/v1/vivarium.pb-c.h"

const char *misbehave_at_start;

static int channel, out;
static const struct viv_control_page *page;
static uint64_t seq;
static char code[4096];
/* In a session: what it adds up, and what is asked of this execution. */
static uint64_t total;
static bool keep, checkpoint, kept;

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void send_frame(enum viv_frame_type type, uint64_t number, const void *message, size_t len,
                       const void *body, size_t body_len, int fd)
{
    struct viv_frame_out f = {.type = type,
                              .seq = number,
                              .message = message,
                              .message_len = len,
                              .body = body,
                              .body_len = body_len,
                              .fds = &fd,
                              .fd_count = fd >= 0};
    struct viv_error err;

    if (viv_frame_send(channel, &f, &err) < 0)
        _exit(9);
}

static void hello(void)
{
    int pidfd = pidfd_open(getpid(), 0);

    send_frame(VIV_FRAME_HELLO, 0, NULL, 0, NULL, 0, pidfd);
    close(pidfd);
}

static void note(Vivarium__Internal__NoteKind kind)
{
    Vivarium__Internal__Note n = VIVARIUM__INTERNAL__NOTE__INIT;
    uint8_t message[64];

    n.kind = kind;
    n.at_ns = now();
    send_frame(VIV_FRAME_NOTE, seq, message, vivarium__internal__note__pack(&n, message), NULL, 0,
               -1);
}

static void result_frame(uint64_t number, Vivarium__Internal__RunEnd end, unsigned raises,
                         const void *body, size_t body_len)
{
    Vivarium__Internal__RunResult r = VIVARIUM__INTERNAL__RUN_RESULT__INIT;
    uint8_t message[256];

    r.end = end;
    r.began_ns = r.ended_ns = now();
    r.raise_count = raises;
    if (raises)
        r.hook_reached_ns = r.raised_ns = r.ended_ns;
    send_frame(VIV_FRAME_RESULT, number, message, vivarium__internal__run_result__pack(&r, message),
               body, body_len, -1);
}

static void result(Vivarium__Internal__RunEnd end, unsigned raises)
{
    Vivarium__V1__ExecuteResponse body = VIVARIUM__V1__EXECUTE_RESPONSE__INIT;
    uint8_t bytes[64];

    body.result_repr = (char *)"42";
    result_frame(seq, end, raises, bytes, vivarium__v1__execute_response__pack(&body, bytes));
}

static void scope_frame(const void *bytes, size_t len)
{
    send_frame(VIV_FRAME_SCOPE, seq, NULL, 0, bytes, len, -1);
}

/* A scope of which the supervisor can't tell that it is no Python's. */
static void send_total(void)
{
    Vivarium__V1__ExecuteResponse body = VIVARIUM__V1__EXECUTE_RESPONSE__INIT;
    Vivarium__V1__ScopeSnapshot scope = VIVARIUM__V1__SCOPE_SNAPSHOT__INIT;
    uint8_t bytes[64];

    scope.format_version = (uint32_t)total;
    body.scope = &scope;
    scope_frame(bytes, vivarium__v1__execute_response__pack(&body, bytes));
}

static void take_total(const uint8_t *data, size_t len)
{
    Vivarium__V1__ExecuteResponse *body = vivarium__v1__execute_response__unpack(NULL, len, data);

    total = body && body->scope ? body->scope->format_version : 0;
    if (body)
        vivarium__v1__execute_response__free_unpacked(body, NULL);
}

static void add(uint64_t amount, bool reusable)
{
    Vivarium__V1__ExecuteResponse body = VIVARIUM__V1__EXECUTE_RESPONSE__INIT;
    Vivarium__Internal__RunResult r = VIVARIUM__INTERNAL__RUN_RESULT__INIT;
    uint8_t message[256], bytes[64];
    char repr[32];

    total += amount;
    snprintf(repr, sizeof(repr), "%llu", (unsigned long long)total);
    body.result_repr = repr;
    if (checkpoint || (keep && !reusable))
        send_total();
    r.end = VIVARIUM__INTERNAL__RUN_END__RUN_END_COMPLETED;
    r.reusable = kept = reusable && keep;
    send_frame(VIV_FRAME_RESULT, seq, message, vivarium__internal__run_result__pack(&r, message),
               bytes, vivarium__v1__execute_response__pack(&body, bytes), -1);
}

/* What only a worker in a session can do wrong. */
static void bad_scopes(void);

static bool cancelled(void)
{
    return atomic_load_explicit(&page->cancel_seq, memory_order_acquire) == seq;
}

static void nap(long us)
{
    struct timespec t = {us / 1000000, us % 1000000 * 1000};

    nanosleep(&t, NULL);
}

static bool is(const char *word)
{
    return strncmp(code, word, strlen(word)) == 0;
}

static long number(void)
{
    const char *space = strchr(code, ' ');

    return space ? strtol(space + 1, NULL, 10) : 0;
}

static void write_output(long bytes)
{
    static char block[65536];

    memset(block, 'o', sizeof(block));
    while (bytes > 0) {
        size_t want = bytes < (long)sizeof(block) ? (size_t)bytes : sizeof(block);
        ssize_t n = write(out, block, want);

        if (n < 0)
            _exit(8);
        bytes -= n;
    }
}

/* Runs for `us` microseconds unless a cancel comes, and says how it went. */
static void run_for(long us, bool busy)
{
    uint64_t until = now() + (uint64_t)us * 1000;

    while (now() < until) {
        if (cancelled()) {
            result(VIVARIUM__INTERNAL__RUN_END__RUN_END_CANCELLED, 1);
            return;
        }
        if (!busy)
            nap(100);
    }
    result(VIVARIUM__INTERNAL__RUN_END__RUN_END_COMPLETED, 0);
}

static void clean_up_for(long us)
{
    while (!cancelled())
        nap(100);
    note(VIVARIUM__INTERNAL__NOTE_KIND__NOTE_KIND_HOOK_REACHED);
    note(VIVARIUM__INTERNAL__NOTE_KIND__NOTE_KIND_CLEANUP_ENTERED);
    nap(us);
    note(VIVARIUM__INTERNAL__NOTE_KIND__NOTE_KIND_CLEANUP_LEFT);
    result(VIVARIUM__INTERNAL__RUN_END__RUN_END_CANCELLED, 1);
}

/* A header that says what it likes, with `fd` beside it. */
static void raw_frame(struct viv_frame_header h, const void *tail, size_t tail_len, int fd)
{
    const struct iovec parts[2] = {{&h, sizeof(h)}, {(void *)tail, tail_len}};

    viv_datagram_send(channel, parts, 2, &fd, fd >= 0, NULL);
}

static void bad_frames(void)
{
    static char block[65536];
    struct viv_frame_header h = {.magic = VIV_FRAME_MAGIC, .type = VIV_FRAME_RESULT, .seq = seq};

    if (is("garbage")) {
        for (size_t i = 0; i < sizeof(block); i++)
            block[i] = (char)rand();
        send(channel, block, 1000, MSG_NOSIGNAL);
    } else if (is("short")) {
        send(channel, &h, 5, MSG_NOSIGNAL);
    } else if (is("empty")) {
        int fds[3] = {0, 1, 2};

        viv_datagram_send(channel, NULL, 0, fds, 3, NULL);
    } else if (is("bad-magic")) {
        h.magic++;
        raw_frame(h, NULL, 0, -1);
    } else if (is("bad-type")) {
        h.type = 200;
        raw_frame(h, NULL, 0, -1);
    } else if (is("their-type")) {
        h.type = VIV_FRAME_RUN;
        raw_frame(h, NULL, 0, -1);
    } else if (is("long-message")) {
        h.message_len = UINT32_MAX;
        raw_frame(h, NULL, 0, -1);
    } else if (is("long-body")) {
        h.body_len = UINT64_MAX;
        raw_frame(h, NULL, 0, -1);
    } else if (is("lying-length")) {
        h.body_len = 100;
        raw_frame(h, block, 50, -1);
    } else if (is("no-memfd")) {
        h.flags = VIV_FRAME_BODY_IN_MEMFD;
        h.body_len = 100000;
        raw_frame(h, NULL, 0, -1);
    } else if (is("unsealed-memfd") || is("file-for-memfd")) {
        int fd = is("file") ? open("/etc/passwd", O_RDONLY) : memfd_create("x", 0);

        if (!is("file") && ftruncate(fd, 100000) < 0)
            _exit(7);
        h.flags = VIV_FRAME_BODY_IN_MEMFD;
        h.body_len = 100000;
        raw_frame(h, NULL, 0, fd);
    } else if (is("short-memfd")) {
        int fd = viv_sealed_memfd("x", "abc", 3, NULL);

        h.flags = VIV_FRAME_BODY_IN_MEMFD;
        h.body_len = 100000;
        raw_frame(h, NULL, 0, fd);
    } else if (is("two-fds")) {
        int fds[3] = {0, 1, 2};
        struct viv_frame_out f = {.type = VIV_FRAME_RESULT, .seq = seq, .fds = fds, .fd_count = 3};

        viv_frame_send(channel, &f, NULL);
    } else if (is("oversize")) {
        static char huge[200000];

        memcpy(huge, &h, sizeof(h));
        send(channel, huge, sizeof(huge) / 2, MSG_NOSIGNAL);
    }
}

/* Figures that no execution has. */
static void lie(void)
{
    Vivarium__Internal__RunResult r = VIVARIUM__INTERNAL__RUN_RESULT__INIT;
    uint8_t message[256];

    r.end = VIVARIUM__INTERNAL__RUN_END__RUN_END_COMPLETED;
    r.began_ns = r.ended_ns = r.hook_reached_ns = r.raised_ns = UINT64_MAX;
    r.user_cpu_ns = r.system_cpu_ns = r.cleanup_deferred_ns = UINT64_MAX;
    send_frame(VIV_FRAME_RESULT, seq, message, vivarium__internal__run_result__pack(&r, message),
               NULL, 0, -1);
}

static void bad_results(void)
{
    Vivarium__V1__ExecuteResponse r = VIVARIUM__V1__EXECUTE_RESPONSE__INIT;
    static uint8_t deep[4096];
    uint8_t bytes[64];

    if (is("wrong-seq")) {
        result_frame(seq + 1, VIVARIUM__INTERNAL__RUN_END__RUN_END_COMPLETED, 0, NULL, 0);
    } else if (is("bad-body")) {
        result_frame(seq, VIVARIUM__INTERNAL__RUN_END__RUN_END_COMPLETED, 0, "\xff\xff\xff", 3);
    } else if (is("not-mine")) { /* it may not choose its outcome */
        r.outcome = VIVARIUM__V1__OUTCOME__OUTCOME_CANCELLED;
        result_frame(seq, VIVARIUM__INTERNAL__RUN_END__RUN_END_COMPLETED, 0, bytes,
                     vivarium__v1__execute_response__pack(&r, bytes));
    } else if (is("bad-utf8")) {
        r.result_repr = (char *)"\xff";
        result_frame(seq, VIVARIUM__INTERNAL__RUN_END__RUN_END_COMPLETED, 0, bytes,
                     vivarium__v1__execute_response__pack(&r, bytes));
    } else if (is("deep-body")) { /* result.list.items.list.items ... */
        size_t len = 0;

        for (int i = 0; i < 120; i++) {
            uint8_t tag = i == 0 ? 3 << 3 | 2 : i % 2 ? 11 << 3 | 2 : 1 << 3 | 2;
            size_t head = len < 128 ? 2 : 3;

            memmove(deep + head, deep, len);
            deep[0] = tag;
            deep[1] = len < 128 ? (uint8_t)len : (uint8_t)(len & 127) | 128;
            if (len >= 128)
                deep[2] = (uint8_t)(len >> 7);
            len += head;
        }
        result_frame(seq, VIVARIUM__INTERNAL__RUN_END__RUN_END_COMPLETED, 0, deep, len);
    } else if (is("bad-message")) {
        send_frame(VIV_FRAME_RESULT, seq, "\x08", 1, NULL, 0, -1);
    } else if (is("twice")) {
        result(VIVARIUM__INTERNAL__RUN_END__RUN_END_COMPLETED, 0);
        result(VIVARIUM__INTERNAL__RUN_END__RUN_END_RAISED, 0);
    } else if (is("hello-again")) {
        hello();
    } else if (is("note-out-of-turn")) {
        note(VIVARIUM__INTERNAL__NOTE_KIND__NOTE_KIND_RAISED);
    } else if (is("note-flood")) {
        while (!cancelled())
            nap(100);
        for (int i = 0; i < 100000; i++)
            note(VIVARIUM__INTERNAL__NOTE_KIND__NOTE_KIND_CLEANUP_ENTERED);
    }
}

static void behave(void)
{
    if (is("add "))
        add((uint64_t)number(), true);
    else if (is("unkept "))
        add((uint64_t)number(), false);
    else if (is("ok"))
        result(VIVARIUM__INTERNAL__RUN_END__RUN_END_COMPLETED, 0);
    else if (is("lie"))
        lie();
    else if (is("raise"))
        result(VIVARIUM__INTERNAL__RUN_END__RUN_END_RAISED, 0);
    else if (is("run "))
        run_for(number(), number() < 1000);
    else if (is("burn "))
        run_for(number(), true);
    else if (is("out-run ")) {
        write_output(number());
        run_for(60000000, false);
    } else if (is("cleanup "))
        clean_up_for(number());
    else if (is("big ")) {
        size_t len = (size_t)number();
        uint8_t *body = calloc(1, len + 16);
        size_t at = 0;

        body[at++] = 4 << 3 | 2; /* result_repr */
        for (size_t rest = len; at < 12; rest >>= 7) {
            body[at++] = (uint8_t)(rest & 127) | (rest > 127 ? 128 : 0);
            if (rest <= 127)
                break;
        }
        memset(body + at, 'r', len);
        result_frame(seq, VIVARIUM__INTERNAL__RUN_END__RUN_END_COMPLETED, 0, body, at + len);
    } else if (is("out ")) {
        write_output(number());
        result(VIVARIUM__INTERNAL__RUN_END__RUN_END_COMPLETED, 0);
    } else if (is("say ")) { /* and answer once that has been read */
        write_output(number());
        nap(20000);
        add(0, true);
    } else if (is("exit "))
        _exit((int)number());
    else if (is("signal ")) {
        signal((int)number(), SIG_DFL); /* a sanitizer has its own */
        raise((int)number());
    } else if (is("stubborn"))
        for (;;)
            nap(1000000);
    else if (is("close"))
        close(channel);
    else {
        bad_frames();
        bad_results();
        bad_scopes();
    }
    if (kept)
        return;
    /* A worker that did not end by itself is there to be killed. */
    for (;;)
        nap(1000000);
}

static void bad_scopes(void)
{
    if (is("bad-scope")) {
        scope_frame("\xff\xff", 2);
    } else if (is("scope-of-more")) { /* with a field that is none of a scope's */
        scope_frame("\x22\x01x", 3);
    } else if (is("scope-twice")) {
        send_total();
        send_total();
    } else if (is("late-note")) {
        add(1, true);
        note(VIVARIUM__INTERNAL__NOTE_KIND__NOTE_KIND_RAISED);
    } else if (is("late-scope")) {
        add(1, true);
        send_total();
    } else if (is("late-exit")) {
        add(1, true);
        _exit(3);
    } else if (is("no-scope")) { /* it can't be carried as a whole */
        checkpoint = false;
        scope_frame("", 0);
        add(1, true);
    } else if (is("manifest-only")) { /* nor this one; with a manifest, which is empty */
        checkpoint = false;
        scope_frame("\x5a\x00", 2);
        add(1, true);
    }
}

static void bad_start(void)
{
    if (strcmp(misbehave_at_start, "die") == 0)
        _exit(3);
    if (strcmp(misbehave_at_start, "silent") == 0)
        for (;;)
            nap(1000000);
    if (strcmp(misbehave_at_start, "no-pidfd") == 0)
        send_frame(VIV_FRAME_HELLO, 0, NULL, 0, NULL, 0, -1);
    if (strcmp(misbehave_at_start, "file-for-pidfd") == 0)
        send_frame(VIV_FRAME_HELLO, 0, NULL, 0, NULL, 0, out);
    if (strcmp(misbehave_at_start, "result") == 0)
        result(VIVARIUM__INTERNAL__RUN_END__RUN_END_COMPLETED, 0);
    for (;;)
        nap(1000000);
}

static void take_order(const struct viv_frame *frame)
{
    Vivarium__Internal__RunRequest *r =
        vivarium__internal__run_request__unpack(NULL, frame->message_len, frame->message);
    size_t len = frame->body_len - r->scope_bytes;

    seq = frame->seq;
    kept = false;
    keep = r->keep;
    checkpoint = r->checkpoint;
    memset(code, 0, sizeof(code));
    memcpy(code, frame->body, len < sizeof(code) ? len : sizeof(code) - 1);
    if (r->scope_only)
        strcpy(code, "add 0");
    if (r->scope_only && misbehave_at_start)
        nap(20000);
    if (r->carried)
        take_total(frame->body + len, r->scope_bytes);
    vivarium__internal__run_request__free_unpacked(r, NULL);
    srand((unsigned)seq);
}

void misbehave(const int fds[VIV_SPAWN_FDS])
{
    static _Alignas(8) char buffer[VIV_FRAME_BUFFER];
    const struct viv_frame_caps caps = {.body_max = 64 << 20, .fds_max = 1};
    struct viv_frame frame;
    struct viv_error err;

    channel = fds[VIV_SPAWN_CHANNEL];
    out = fds[VIV_SPAWN_STDOUT];
    close(VIV_ZYGOTE_FD);
    page = mmap(NULL, VIV_CONTROL_PAGE_SIZE, PROT_READ, MAP_SHARED, fds[VIV_SPAWN_CONTROL], 0);
    if (misbehave_at_start && strcmp(misbehave_at_start, "slow-scope") != 0)
        bad_start();
    hello();
    do {
        if (viv_frame_receive(channel, false, buffer, &caps, &frame, &err) != 1)
            _exit(0);
        take_order(&frame);
        viv_frame_release(&frame);
        behave();
    } while (kept);
    _exit(0);
}
