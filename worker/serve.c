#include "worker/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/single_threaded.h>
#include <sys/socket.h>
#include <unistd.h>

#include "internal/worker.pb-c.h"
#include "proto/frame.h"

/* The code and what stands behind it; cut where the supervisor's cap is. */
static const struct viv_frame_caps caps = {.body_max = 2 * (uint64_t)VIV_SERVE_BODY_MAX,
                                           .fds_max = 1};

static alignas(struct viv_frame_header) uint8_t buffer[VIV_FRAME_BUFFER];

static _Noreturn void give_up(const struct viv_error *err)
{
    dprintf(STDERR_FILENO, "vivarium-worker: %s\n", err->text);
    _exit(EXIT_FAILURE);
}

/* Tells the supervisor what to ring the doorbell at. */
static int send_hello(int channel, struct viv_error *err)
{
    int pidfd = pidfd_open(getpid(), 0);
    struct viv_frame_out out = {.type = VIV_FRAME_HELLO, .fds = &pidfd, .fd_count = 1};
    int rc;

    if (pidfd < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't open a pidfd");
    rc = viv_frame_send(channel, &out, err);
    close(pidfd);
    return rc;
}

struct note_target {
    int channel;
    uint64_t seq;
};

/* A handful of notes always finds room in the socket. */
static void send_note(void *arg, enum viv_vm_note kind, uint64_t at_ns)
{
    const struct note_target *target = arg;
    Vivarium__Internal__Note note = VIVARIUM__INTERNAL__NOTE__INIT;
    uint8_t packed[32];
    struct viv_frame_out out = {.type = VIV_FRAME_NOTE, .seq = target->seq, .message = packed};

    note.kind = (Vivarium__Internal__NoteKind)kind;
    note.at_ns = at_ns;
    out.message_len = vivarium__internal__note__pack(&note, packed);
    viv_frame_send(target->channel, &out, NULL);
}

/* Of this process and its waited children. */
struct used {
    uint64_t user_ns, system_ns, peak_bytes;
};

static void add_used(struct used *used, int who)
{
    struct rusage usage;

    getrusage(who, &usage);
    used->user_ns += (uint64_t)usage.ru_utime.tv_sec * 1000000000u +
                     (uint64_t)usage.ru_utime.tv_usec * 1000u;
    used->system_ns += (uint64_t)usage.ru_stime.tv_sec * 1000000000u +
                       (uint64_t)usage.ru_stime.tv_usec * 1000u;
    if ((uint64_t)usage.ru_maxrss * 1024 > used->peak_bytes)
        used->peak_bytes = (uint64_t)usage.ru_maxrss * 1024;
}

static struct used used_so_far(void)
{
    struct used used = {0};

    add_used(&used, RUSAGE_SELF);
    add_used(&used, RUSAGE_CHILDREN);
    return used;
}

/* When the last run was over. */
static struct {
    bool known;
    struct used used;
} ended;

/* While there is this thread alone, nothing has run since the last run but what
 * sent its result and received the next one's request. */
static struct used used_before(void)
{
    return ended.known && __libc_single_threaded ? ended.used : used_so_far();
}

static int send_result(int channel, uint64_t seq, const struct viv_vm_report *report,
                       const struct used *before, struct viv_error *err)
{
    struct used used = used_so_far();
    Vivarium__Internal__RunResult result = VIVARIUM__INTERNAL__RUN_RESULT__INIT;
    uint8_t packed[256];
    struct viv_frame_out out = {.type = VIV_FRAME_RESULT,
                                .seq = seq,
                                .message = packed,
                                .body = report->answer,
                                .body_len = report->answer_len,
                                .tail = report->tail,
                                .tail_len = report->answer_has_tail ? report->tail_len : 0};

    result.end = (Vivarium__Internal__RunEnd)report->end;
    result.began_ns = report->began_ns;
    result.ended_ns = report->ended_ns;
    result.steps = report->steps;
    result.exited = report->exited;
    result.reusable = report->reusable;
    result.scope_refused = report->scope_refused;
    result.exit_status = report->exit_status;
    result.hook_reached_ns = report->hook_reached_ns;
    result.raised_ns = report->raised_ns;
    result.cleanup_deferred_ns = report->cleanup_deferred_ns;
    result.raise_count = report->raise_count;
    result.user_cpu_ns = used.user_ns - before->user_ns;
    result.system_cpu_ns = used.system_ns - before->system_ns;
    result.peak_rss_bytes = used.peak_bytes;
    ended.used = used;
    ended.known = true;
    out.message_len = vivarium__internal__run_result__pack(&result, packed);
    return viv_frame_send(channel, &out, err);
}

/* Ahead of the result, so that the supervisor has all when the run is over. */
static int send_checkpoint(int channel, uint64_t seq, const struct viv_vm_report *report,
                           struct viv_error *err)
{
    struct viv_frame_out out = {.type = VIV_FRAME_SCOPE,
                                .seq = seq,
                                .body = report->checkpoint,
                                .body_len = report->checkpoint_len,
                                .tail = report->tail,
                                .tail_len = report->checkpoint_has_tail ? report->tail_len : 0};

    return report->checkpoint ? viv_frame_send(channel, &out, err) : 0;
}

/* The last run's input must not be the next one's. */
static int no_stdin(struct viv_error *err)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : dup2(fd, STDIN_FILENO);

    if (fd >= 0)
        close(fd);
    return rc < 0 ? viv_fail_errno(err, VIV_INTERNAL, "can't empty stdin") : 0;
}

static int take_stdin(struct viv_frame *frame, bool has_stdin, struct viv_error *err)
{
    static bool taken;

    if (!has_stdin)
        return taken ? no_stdin(err) : 0;
    taken = true;
    if (frame->fd_count < 1)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "RUN without the descriptor of its stdin");
    if (dup2(frame->fds[0], STDIN_FILENO) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't take stdin");
    return 0;
}

/* 1: another may follow; 0: this was the last. */
static int run(const struct viv_serve *serve, const struct viv_frame *frame,
               const Vivarium__Internal__RunRequest *request, struct viv_error *err)
{
    struct note_target target = {.channel = serve->channel, .seq = frame->seq};
    struct viv_vm_report report = {0};
    struct used before = used_before();
    struct viv_vm_run what = {
        .code = (const char *)frame->body,
        .code_len = frame->body_len - request->scope_bytes,
        .filename = request->filename[0] ? request->filename : "<execution>",
        .scope = frame->body + frame->body_len - request->scope_bytes,
        .scope_len = request->scope_bytes,
        .carried = request->carried,
        .replace = request->replace,
        .scope_only = request->scope_only,
        .return_scope = request->return_scope,
        .checkpoint = request->checkpoint,
        .seq = frame->seq,
        .page = serve->page,
        .steps = request->steps,
        .memory_soft_bytes = request->memory_soft_bytes,
        .memory_bytes = request->memory_bytes,
        .profile_interval_ns = request->profile_interval_ns,
        .trace_lines = request->trace_lines,
        .trace_libraries = request->trace_libraries,
        .keep = request->keep,
        .note = send_note,
        .note_arg = &target,
    };
    int rc;

    if (serve->ops->run(serve->vm, &what, &report, err) < 0)
        return -1;
    rc = send_checkpoint(serve->channel, frame->seq, &report, err);
    if (rc == 0)
        rc = send_result(serve->channel, frame->seq, &report, &before, err);
    free(report.answer);
    free(report.checkpoint);
    if (report.map)
        munmap(report.map, report.map_len);
    if (rc < 0)
        return -1;
    return request->keep && report.reusable;
}

/* A run of a session may have more than the one before: soft limits, which hostile
 * code may raise again, up to the jail's. */
static int set_rlimit(int resource, uint64_t value, bool last, struct viv_error *err)
{
    struct rlimit limit;

    if (value == 0)
        return 0;
    if (getrlimit(resource, &limit) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't read rlimit %d", resource);
    limit.rlim_cur = value < limit.rlim_max ? value : limit.rlim_max;
    if (last)
        limit.rlim_max = limit.rlim_cur;
    if (setrlimit(resource, &limit) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't set rlimit %d", resource);
    return 0;
}

static int set_rlimits(const Vivarium__Internal__RunRequest *request, struct viv_error *err)
{
    if (set_rlimit(RLIMIT_NPROC, request->rlimit_nproc, !request->keep, err) < 0)
        return -1;
    return set_rlimit(RLIMIT_DATA, request->rlimit_data, !request->keep, err);
}

static int serve_frame(const struct viv_serve *serve, struct viv_frame *frame,
                       struct viv_error *err)
{
    Vivarium__Internal__RunRequest *request;
    int rc;

    if (frame->type != VIV_FRAME_RUN)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "unexpected frame of type %d", frame->type);
    request = vivarium__internal__run_request__unpack(NULL, frame->message_len, frame->message);
    if (!request)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "RUN with a malformed message");
    rc = take_stdin(frame, request->has_stdin, err);
    if (rc == 0 && request->scope_bytes > frame->body_len)
        rc = viv_fail(err, VIV_INVALID_ARGUMENT, "RUN with less body than scope");
    if (rc == 0)
        rc = set_rlimits(request, err);
    if (rc == 0)
        rc = run(serve, frame, request, err);
    vivarium__internal__run_request__free_unpacked(request, NULL);
    return rc;
}

/* 1: go on; 0: the supervisor has hung up, or this worker is used up. */
static int serve_next(const struct viv_serve *serve, struct viv_error *err)
{
    struct viv_frame frame;
    int rc;

    serve->ops->wait_begin(serve->vm);
    rc = viv_frame_receive(serve->channel, false, buffer, &caps, &frame, err);
    serve->ops->wait_end(serve->vm);
    if (rc <= 0)
        return rc;
    rc = serve_frame(serve, &frame, err);
    viv_frame_release(&frame);
    return rc;
}

_Noreturn void viv_serve(const struct viv_serve *serve)
{
    struct viv_error err;
    sigset_t none;
    int rc;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (serve->ops->adopt(serve->vm, &err) < 0 || send_hello(serve->channel, &err) < 0)
        give_up(&err);
    do
        rc = serve_next(serve, &err);
    while (rc > 0);
    if (rc < 0)
        give_up(&err);
    /* No exit handlers: the run has ended what user code has to end. */
    _exit(EXIT_SUCCESS);
}

/* A supervisor's part of one execution: what it asks. */
static int ask(int channel, const char *code, struct viv_error *err)
{
    Vivarium__Internal__RunRequest request = VIVARIUM__INTERNAL__RUN_REQUEST__INIT;
    uint8_t packed[64];
    struct viv_frame_out out = {
        .type = VIV_FRAME_RUN, .seq = 1, .message = packed, .body = code, .body_len = strlen(code)};

    request.filename = "";
    out.message_len = vivarium__internal__run_request__pack(&request, packed);
    return viv_frame_send(channel, &out, err);
}

int viv_serve_rehearse(const struct viv_vm_ops *ops, struct viv_vm *vm, const char *code,
                       struct viv_error *err)
{
    static const struct viv_control_page page;
    int ends[2];
    struct viv_serve serve = {.page = &page, .ops = ops, .vm = vm};

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't create a socket pair");
    serve.channel = ends[0];
    if (ops->adopt(vm, err) < 0 || send_hello(serve.channel, err) < 0 ||
        ask(ends[1], code, err) < 0)
        return -1;
    return serve_next(&serve, err);
}
