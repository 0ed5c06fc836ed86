#include "tests/worker/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/datagram.h"
#include "proto/frame.h"

#define CHECK(condition, ...)                            \
    do {                                                 \
        if (!(condition)) {                              \
            fprintf(stderr, "rig:%d: ", __LINE__);       \
            fprintf(stderr, __VA_ARGS__);                \
            fprintf(stderr, " (%s)\n", strerror(errno)); \
            exit(3);                                     \
        }                                                \
    } while (0)

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* --- the zygote ---------------------------------------------------------- */

static int link_receive(int link, struct viv_zygote_message *message)
{
    int fds[VIV_DATAGRAM_FDS] = {-1};
    unsigned count = 0;
    struct viv_error err = {0};
    ssize_t n = viv_datagram_receive(link, false, message, sizeof(*message), fds, &count, &err);

    CHECK(n == sizeof(*message), "the zygote said %zd bytes: %s", n, err.text);
    return fds[0];
}

static void link_send(int link, const struct viv_zygote_message *message, const int *fds)
{
    const struct iovec part = {(void *)message, sizeof(*message)};

    CHECK(viv_datagram_send(link, &part, 1, fds, VIV_SPAWN_FDS, NULL) == 0, "can't order a worker");
}

#define ARGS_MAX 64

static int add_environment(const char **argv, int argc)
{
    static char words[1024];
    const char *args = getenv("RIG_ARGS");

    snprintf(words, sizeof(words), "%s", args ? args : "");
    for (char *word = strtok(words, " "); word && argc < ARGS_MAX - 1; word = strtok(NULL, " "))
        argv[argc++] = word;
    return argc;
}

void rig_start(struct rig *rig, const char *worker_path, const char *const *preload)
{
    const char *args[ARGS_MAX] = {NULL};

    for (int i = 0; preload && preload[i] && 2 * i + 3 < ARGS_MAX; i++) {
        args[2 * i] = "--preload";
        args[2 * i + 1] = preload[i];
    }
    rig_start_with(rig, worker_path, args);
}

void rig_start_with(struct rig *rig, const char *worker_path, const char *const *args)
{
    const char *argv[ARGS_MAX] = {"vivarium-worker", "--zygote"};
    char *env[] = {"PATH=/usr/bin:/bin", "HOME=/tmp", "LC_CTYPE=C.UTF-8", NULL};
    posix_spawn_file_actions_t actions;
    int ends[2], argc = 2;

    for (; *args && argc < ARGS_MAX - 1; args++)
        argv[argc++] = *args;
    add_environment(argv, argc);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], VIV_ZYGOTE_FD);
    errno = posix_spawn(&rig->pid, worker_path, &actions, NULL, (char *const *)argv, env);
    CHECK(errno == 0, "can't start %s", worker_path);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    rig->link = ends[0];
    link_receive(rig->link, &rig->ready);
}

void rig_stop(struct rig *rig)
{
    close(rig->link);
    CHECK(waitpid(rig->pid, NULL, 0) == rig->pid, "waitpid");
}

/* --- workers ------------------------------------------------------------- */

static alignas(struct viv_frame_header) uint8_t buffer[VIV_FRAME_BUFFER];

static const struct viv_frame_caps caps = {.body_max = 64 << 20, .fds_max = 1};

static uint32_t next_slot = 1;

static int make_page(struct viv_control_page **ret_page)
{
    int fd = memfd_create("page", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    CHECK(fd >= 0 && ftruncate(fd, VIV_CONTROL_PAGE_SIZE) == 0, "memfd");
    *ret_page = mmap(NULL, VIV_CONTROL_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(*ret_page != MAP_FAILED, "mmap");
    CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) ==
              0,
          "seal");
    return fd;
}

static void wait_for_hello(struct worker *worker)
{
    struct viv_frame frame;
    struct viv_error err = {0};
    int rc = viv_frame_receive(worker->channel, false, buffer, &caps, &frame, &err);

    CHECK(rc == 1 && frame.type == VIV_FRAME_HELLO && frame.fd_count == 1, "no HELLO: %s",
          err.text);
    worker->vm = frame.fds[0];
}

void rig_spawn(struct rig *rig, struct worker *worker)
{
    struct viv_zygote_message order = {.type = VIV_ZYGOTE_SPAWN, .slot = next_slot++}, answer;
    int channel[2], out[2], err[2], fds[VIV_SPAWN_FDS];

    *worker = (struct worker){.slot = order.slot};
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) == 0, "socketpair");
    CHECK(pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0, "pipe");
    fds[VIV_SPAWN_CHANNEL] = channel[1];
    fds[VIV_SPAWN_CONTROL] = make_page(&worker->page);
    fds[VIV_SPAWN_STDOUT] = out[1];
    fds[VIV_SPAWN_STDERR] = err[1];
    link_send(rig->link, &order, fds);
    for (int i = 0; i < VIV_SPAWN_FDS; i++)
        close(fds[i]);
    worker->channel = channel[0];
    worker->out = out[0];
    worker->err = err[0];
    worker->init = link_receive(rig->link, &answer);
    CHECK(answer.type == VIV_ZYGOTE_SPAWNED && answer.slot == order.slot && answer.error == 0,
          "type %u, slot %u, error %d", answer.type, answer.slot, answer.error);
    wait_for_hello(worker);
}

void rig_reap(struct rig *rig, struct worker *worker, bool kill)
{
    if (kill)
        pidfd_send_signal(worker->init, SIGKILL, NULL, 0);
    link_receive(rig->link, &worker->end);
    CHECK(worker->end.type == VIV_ZYGOTE_EXITED && worker->end.slot == worker->slot,
          "type %u of slot %u", worker->end.type, worker->end.slot);
    close(worker->channel);
    close(worker->out);
    close(worker->err);
    close(worker->init);
    close(worker->vm);
    munmap(worker->page, VIV_CONTROL_PAGE_SIZE);
}

/* --- runs ---------------------------------------------------------------- */

/* The code, and the scope behind it. The caller frees it. */
static void *make_body(const struct order *order, size_t *ret_len)
{
    size_t len = order->code_len ? order->code_len : strlen(order->code);
    char *body = malloc(len + order->scope_len + 1);

    CHECK(body, "memory");
    memcpy(body, order->code, len);
    if (order->scope_len)
        memcpy(body + len, order->scope, order->scope_len);
    *ret_len = len + order->scope_len;
    return body;
}

static void send_run(struct worker *worker, const struct order *order)
{
    Vivarium__Internal__RunRequest request = VIVARIUM__INTERNAL__RUN_REQUEST__INIT;
    uint8_t packed[1024];
    int in = -1;
    struct viv_frame_out out = {.type = VIV_FRAME_RUN, .seq = ++worker->seq, .message = packed};
    struct viv_error err;
    void *body = make_body(order, &out.body_len);

    out.body = body;

    request.execution_id = "test";
    request.filename = order->filename ? (char *)order->filename : "";
    request.steps = order->steps;
    request.profile_interval_ns = order->profile_interval_ns;
    request.trace_lines = order->trace_lines;
    request.trace_libraries = order->trace_libraries;
    request.keep = order->keep;
    request.scope_bytes = order->scope_len;
    request.return_scope = order->return_scope;
    if (order->in) {
        in = viv_sealed_memfd("stdin", order->in, order->in_len, &err);
        request.has_stdin = 1;
        out.fds = &in;
        out.fd_count = 1;
    }
    out.message_len = vivarium__internal__run_request__pack(&request, packed);
    CHECK(viv_frame_send(worker->channel, &out, &err) == 0, "can't send RUN: %s", err.text);
    free(body);
    if (in >= 0)
        close(in);
}

static void take_result(struct run *run, const struct viv_frame *frame)
{
    run->result = vivarium__internal__run_result__unpack(NULL, frame->message_len, frame->message);
    run->answer = vivarium__v1__execute_response__unpack(NULL, frame->body_len, frame->body);
    run->body_len = frame->body_len;
    run->result_count++;
    CHECK(run->result && run->answer, "malformed RESULT");
}

static void take_frame(struct run *run, const struct viv_frame *frame)
{
    if (frame->type == VIV_FRAME_RESULT) {
        take_result(run, frame);
    } else if (frame->type == VIV_FRAME_EXITED) {
        Vivarium__Internal__Exited *exited =
            vivarium__internal__exited__unpack(NULL, frame->message_len, frame->message);

        CHECK(exited, "malformed EXITED");
        run->vm_ended = true;
        run->vm_status = exited->wait_status;
        vivarium__internal__exited__free_unpacked(exited, NULL);
    } else if (frame->type == VIV_FRAME_NOTE && run->note_count < RUN_NOTES) {
        Vivarium__Internal__Note *note =
            vivarium__internal__note__unpack(NULL, frame->message_len, frame->message);

        CHECK(note, "malformed NOTE");
        run->notes[run->note_count++] = (int)note->kind;
        vivarium__internal__note__free_unpacked(note, NULL);
    }
}

/* False at the end. */
static bool read_channel(struct worker *worker, struct run *run)
{
    struct viv_frame frame;
    struct viv_error err = {0};
    int rc = viv_frame_receive(worker->channel, false, buffer, &caps, &frame, &err);

    if (rc < 0) {
        fprintf(stderr, "rig: bad frame: %s\n", err.text);
        run->malformed = true;
        pidfd_send_signal(worker->init, SIGKILL, NULL, 0);
    }
    if (rc <= 0)
        return false;
    take_frame(run, &frame);
    viv_frame_release(&frame);
    return true;
}

static bool read_output(int fd, char **text, size_t *len)
{
    char chunk[64 * 1024];
    ssize_t n = read(fd, chunk, sizeof(chunk));

    if (n <= 0)
        return false;
    *text = realloc(*text, *len + (size_t)n + 1);
    CHECK(*text, "memory");
    memcpy(*text + *len, chunk, (size_t)n);
    *len += (size_t)n;
    (*text)[*len] = '\0';
    return true;
}

static void cancel(struct worker *worker, const char *reason)
{
    if (worker->page->cancel_seq != worker->seq) {
        snprintf(worker->page->reason, sizeof(worker->page->reason), "%s", reason ? reason : "");
        worker->page->cancel_seq = worker->seq;
    }
    pidfd_send_signal(worker->vm, VIV_DOORBELL, NULL, 0);
}

void rig_begin(struct worker *worker, const struct order *order)
{
    send_run(worker, order);
}

static bool is_to_cancel(const struct order *order, const struct run *run, int64_t passed_ms)
{
    return order->cancel_after_ms && !run->result && passed_ms >= order->cancel_after_ms &&
           (!order->cancel_at || strstr(run->out, order->cancel_at));
}

void rig_run(struct worker *worker, const struct order *order, struct run *ret_run)
{
    struct pollfd fds[3] = {
        {worker->channel, POLLIN, 0}, {worker->out, POLLIN, 0}, {worker->err, POLLIN, 0}};
    int64_t began = now_ms(), patience = order->patience_ms ? order->patience_ms : 20000;

    *ret_run = (struct run){.out = strdup(""), .err = strdup("")};
    send_run(worker, order);
    while (fds[0].fd >= 0 || fds[1].fd >= 0 || fds[2].fd >= 0) {
        if (order->keep && ret_run->result)
            return;
        if (is_to_cancel(order, ret_run, now_ms() - began))
            cancel(worker, order->reason);
        if (now_ms() - began > patience)
            pidfd_send_signal(worker->init, SIGKILL, NULL, 0);
        fds[1].events = order->behind && !ret_run->note_count ? 0 : POLLIN;
        CHECK(poll(fds, 3, order->cancel_after_ms ? 10 : 100) >= 0, "poll");
        if (fds[0].revents && !read_channel(worker, ret_run))
            fds[0].fd = -1;
        if (fds[1].revents && !read_output(worker->out, &ret_run->out, &ret_run->out_len))
            fds[1].fd = -1;
        if (fds[2].revents && !read_output(worker->err, &ret_run->err, &ret_run->err_len))
            fds[2].fd = -1;
    }
}

void run_free(struct run *run)
{
    if (run->result)
        vivarium__internal__run_result__free_unpacked(run->result, NULL);
    if (run->answer)
        vivarium__v1__execute_response__free_unpacked(run->answer, NULL);
    free(run->out);
    free(run->err);
}

void rig_execute(struct rig *rig, const struct order *order, struct run *ret_run)
{
    struct worker worker;

    rig_spawn(rig, &worker);
    rig_run(&worker, order, ret_run);
    rig_reap(rig, &worker, false);
}
