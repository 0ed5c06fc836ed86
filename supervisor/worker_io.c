#include "supervisor/worker_io.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/internal/worker.pb-c.h"
#include "proto/wire_check.h"
#include "supervisor/clock.h"
#include "supervisor/process_tree.h"
#include "supervisor/session.h"
#include "supervisor/supervisor.h"
#include "vivarium/v1/vivarium.pb-c.h"

/* Frames of one worker in a row, before others get their turn. */
#define FRAMES_IN_A_ROW 16
#define FRAMES_AT_THE_END 64
/* Notes of one execution: cleanup may begin and end often. */
#define NOTES_MAX 1000
/* What a pipe holds, by default (pipe(7)). */
#define PIPE_BYTES (64 * 1024)

/* The fields of an ExecuteResponse that are the worker's to fill: result,
 * result_repr, error, scope, manifest, restore_manifest, profile, trace. */
#define WORKER_FIELDS \
    (1u << 3 | 1u << 4 | 1u << 9 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 19 | 1u << 20)

/* The same of a checkpoint: scope, manifest. */
#define CHECKPOINT_FIELDS (1u << 10 | 1u << 11)

static struct worker *worker_of(struct watch *watch, size_t offset)
{
    return (struct worker *)((char *)watch - offset);
}

static enum worker_event convict(struct worker *w, const char *what)
{
    if (!w->conviction[0])
        snprintf(w->conviction, sizeof(w->conviction), "%.150s", what);
    return WORKER_BAD_FRAME;
}

/* Checks, then unpacks one of the internal messages, whose fields are scalars. */
static void *unpack(const ProtobufCMessageDescriptor *descriptor, const struct viv_frame *f,
                    struct viv_error *err)
{
    const struct viv_wire_caps caps = {.unpacked_max = 16 * VIV_FRAME_MESSAGE_MAX};
    void *message;

    if (viv_wire_check(descriptor, f->message, f->message_len, &caps, err) < 0)
        return NULL;
    message = protobuf_c_message_unpack(descriptor, NULL, f->message_len, f->message);
    if (!message)
        viv_fail(err, VIV_INVALID_ARGUMENT, "a %s that can't be unpacked", descriptor->short_name);
    return message;
}

static enum worker_event take_hello(struct worker *w, struct viv_frame *f)
{
    if (f->fd_count != 1)
        return convict(w, "HELLO without a pidfd");
    if (w->state == WORKER_STARTING) {
        w->vm_pidfd = f->fds[0];
        f->fds[0] = -1;
        w->vm_pid = process_tree_pid(w->vm_pidfd);
        if (w->vm_pid < 0)
            return convict(w, "HELLO with a descriptor that is no pidfd");
    }
    return WORKER_HELLO;
}

static bool apply_note(struct execution *e, const Vivarium__Internal__Note *note)
{
    if (++e->notes > NOTES_MAX)
        return false;
    switch (note->kind) {
    case VIVARIUM__INTERNAL__NOTE_KIND__NOTE_KIND_HOOK_REACHED:
        e->cancel.hook_reached_ns = (int64_t)note->at_ns;
        return true;
    case VIVARIUM__INTERNAL__NOTE_KIND__NOTE_KIND_CLEANUP_ENTERED:
        cancel_record_cleanup(&e->cancel, true, clock_now());
        return true;
    case VIVARIUM__INTERNAL__NOTE_KIND__NOTE_KIND_CLEANUP_LEFT:
        cancel_record_cleanup(&e->cancel, false, clock_now());
        return true;
    case VIVARIUM__INTERNAL__NOTE_KIND__NOTE_KIND_RAISED:
        e->cancel.raised_ns = (int64_t)note->at_ns;
        return true;
    default:
        return false;
    }
}

static enum worker_event take_note(struct worker *w, const struct viv_frame *f)
{
    struct viv_error err;
    Vivarium__Internal__Note *note;
    bool good;

    if (!w->execution || f->seq != w->execution->ticket || w->state != WORKER_CANCELLING)
        return WORKER_NOTE; /* the table knows what that deserves */
    note = unpack(&vivarium__internal__note__descriptor, f, &err);
    if (!note)
        return convict(w, err.text);
    good = apply_note(w->execution, note);
    vivarium__internal__note__free_unpacked(note, NULL);
    return good ? WORKER_NOTE : convict(w, "a note that means nothing, or too many");
}

void worker_io_take_note(struct worker *w)
{
    schedule_timer(w->execution);
}

/* The worker's word: as much as it likes, but a span of time. */
static int64_t told_span(uint64_t ns)
{
    return ns < INT64_MAX ? (int64_t)ns : INT64_MAX;
}

static void keep_result(struct execution *e, const Vivarium__Internal__RunResult *r)
{
    e->answer.end = (unsigned)r->end;
    e->answer.exit_status = r->exited ? (int)(r->exit_status & 0xff) : -1;
    e->answer.steps = r->steps;
    e->answer.user_cpu_ns = told_span(r->user_cpu_ns);
    e->answer.system_cpu_ns = told_span(r->system_cpu_ns);
    e->answer.peak_rss_bytes = r->peak_rss_bytes;
    e->answer.scope_refused = r->scope_refused;
    e->cancel.hook_reached_ns = (int64_t)r->hook_reached_ns;
    e->cancel.raised_ns = (int64_t)r->raised_ns;
    e->cancel.unwound_ns = (int64_t)r->ended_ns;
    e->cancel.cleanup_deferred_ns = (int64_t)r->cleanup_deferred_ns;
    e->cancel.raise_count = r->raise_count;
    e->answer.given = true;
}

/* The body outlives the frame: its mapping changes hands, or it is copied. */
static bool keep_body(struct blob *blob, struct viv_frame *f)
{
    if (f->body_len == 0)
        return true;
    if (f->mapping) {
        *blob = (struct blob){.data = f->mapping, .len = f->body_len, .mapped = true};
        f->mapping = NULL;
        return true;
    }
    blob->data = malloc(f->body_len);
    if (!blob->data)
        return false;
    memcpy(blob->data, f->body, f->body_len);
    blob->len = f->body_len;
    return true;
}

/* Whether a worker that has answered may be kept. One that was to begin with a
 * scope and refused it holds nothing worth keeping. */
static bool may_keep(const struct worker *w, const Vivarium__Internal__RunResult *r)
{
    return w->execution->session && w->execution->kind != EXECUTION_END && r->reusable &&
           (!r->scope_refused || w->session_runs > 1);
}

static enum worker_event take_scope(struct worker *w, struct viv_frame *f)
{
    const struct viv_wire_caps caps = {.unpacked_max = UINT64_MAX, .top_fields = CHECKPOINT_FIELDS};
    struct execution *e = w->execution;
    struct viv_error err;

    if (!e || (w->state != WORKER_RUNNING && w->state != WORKER_CANCELLING))
        return WORKER_SCOPE;
    if (f->seq != e->ticket || !e->session || e->answer.checkpoint.data)
        return convict(w, "a scope that nobody asked for");
    if (viv_wire_check(&vivarium__v1__execute_response__descriptor, f->body, f->body_len, &caps,
                       &err) < 0)
        return convict(w, err.text);
    if (!keep_body(&e->answer.checkpoint, f))
        return convict(w, "a scope that there is no memory for");
    return WORKER_SCOPE;
}

static enum worker_event take_result(struct worker *w, struct viv_frame *f)
{
    /* Nobody here unpacks the body, so its size alone bounds it. */
    const struct viv_wire_caps caps = {.unpacked_max = UINT64_MAX, .top_fields = WORKER_FIELDS};
    Vivarium__Internal__RunResult *r;
    struct execution *e = w->execution;
    struct viv_error err;
    bool kept;

    if (!e || (w->state != WORKER_RUNNING && w->state != WORKER_CANCELLING))
        return WORKER_RESULT;
    if (f->seq != e->ticket)
        return convict(w, "an answer to another execution");
    if (viv_wire_check(&vivarium__v1__execute_response__descriptor, f->body, f->body_len, &caps,
                       &err) < 0)
        return convict(w, err.text);
    r = unpack(&vivarium__internal__run_result__descriptor, f, &err);
    if (!r)
        return convict(w, err.text);
    if (!keep_body(&e->answer.body, f)) {
        vivarium__internal__run_result__free_unpacked(r, NULL);
        return convict(w, "an answer that there is no memory for");
    }
    keep_result(e, r);
    kept = may_keep(w, r);
    vivarium__internal__run_result__free_unpacked(r, NULL);
    e->answered_ns = clock_now();
    return kept ? WORKER_KEPT : WORKER_RESULT;
}

static enum worker_event take_status(struct worker *w, const struct viv_frame *f)
{
    Vivarium__Internal__Exited *exited;
    struct viv_error err;

    exited = unpack(&vivarium__internal__exited__descriptor, f, &err);
    if (!exited)
        return convict(w, err.text);
    if (!w->has_status) {
        w->status = exited->wait_status;
        w->has_status = true;
    }
    vivarium__internal__exited__free_unpacked(exited, NULL);
    return WORKER_VM_EXITED;
}

static enum worker_event event_of(struct worker *w, struct viv_frame *f)
{
    switch (f->type) {
    case VIV_FRAME_HELLO:
        return take_hello(w, f);
    case VIV_FRAME_NOTE:
        return take_note(w, f);
    case VIV_FRAME_SCOPE:
        return take_scope(w, f);
    case VIV_FRAME_RESULT:
        return take_result(w, f);
    case VIV_FRAME_EXITED:
        return take_status(w, f);
    default:
        return convict(w, "a frame that workers don't send");
    }
}

/* Reads one frame. False where there is none now or none ever. */
static bool read_frame(struct worker *w)
{
    struct viv_supervisor *s = w->supervisor;
    const struct viv_frame_caps caps = {.body_max = s->config.result_bytes_max, .fds_max = 1};
    struct viv_frame frame;
    struct viv_error err;
    enum worker_event event;
    int got = viv_frame_receive(w->channel.fd, true, s->frame_buffer, &caps, &frame, &err);

    if (got < 0 && err.status == VIV_UNAVAILABLE)
        return false;
    if (got <= 0) {
        watch_stop(s->epoll_fd, &w->channel);
        w->hung_up = got == 0;
        worker_event(w, got < 0 ? convict(w, err.text) : WORKER_CHANNEL_CLOSED);
        return false;
    }
    event = event_of(w, &frame);
    viv_frame_release(&frame);
    if (event != WORKER_BAD_FRAME && worker_step(w->state, event).action == WORKER_DO_CONVICT)
        convict(w, "a frame out of turn");
    worker_event(w, event);
    return w->channel.fd >= 0;
}

void worker_io_channel_ready(struct watch *watch)
{
    struct worker *w = worker_of(watch, offsetof(struct worker, channel));

    for (int i = 0; i < FRAMES_IN_A_ROW && watch->fd >= 0 && watch->on; i++)
        if (!read_frame(w))
            return;
}

void worker_io_drain_channel(struct worker *w)
{
    for (int i = 0; i < FRAMES_AT_THE_END && w->channel.fd >= 0 && w->channel.on; i++)
        if (!read_frame(w))
            return;
}

static void deliver(struct execution *e, unsigned index, const char *data, size_t len)
{
    size_t kept = output_take(&e->output, index, data, len);

    if (kept > 0 && e->callbacks.output &&
        !e->callbacks.output(e->arg, index == 0 ? VIV_STDOUT : VIV_STDERR, data, kept))
        schedule_pause(e);
    if (kept < len && e->cancel_on_output_limit)
        cancel_execution(e, VIV_CAUSE_OUTPUT, NULL, false);
}

/* Reads one stretch of output. 0: nothing now; -1: the end. */
static ssize_t read_output(struct worker *w, unsigned index)
{
    struct viv_supervisor *s = w->supervisor;
    struct watch *watch = &w->outputs[index];
    ssize_t n;

    if (watch->fd < 0)
        return -1;
    n = read(watch->fd, s->read_buffer, sizeof(s->read_buffer));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) {
        watch_close(s->epoll_fd, watch);
        return -1;
    }
    if (w->execution)
        deliver(w->execution, index, s->read_buffer, (size_t)n);
    return n;
}

static void output_ready(struct worker *w, unsigned index)
{
    read_output(w, index);
    if (w->execution && w->execution->paused)
        worker_watch_output(w, false);
}

void worker_io_stdout_ready(struct watch *watch)
{
    output_ready(worker_of(watch, offsetof(struct worker, outputs[0])), 0);
}

void worker_io_stderr_ready(struct watch *watch)
{
    output_ready(worker_of(watch, offsetof(struct worker, outputs[1])), 1);
}

void worker_io_drain_output(struct worker *w, bool writers_gone)
{
    for (unsigned index = 0; index < 2; index++) {
        ssize_t n, total = 0;

        while ((n = read_output(w, index)) > 0) {
            total += n;
            if (!writers_gone && total >= PIPE_BYTES)
                break;
        }
    }
}

static int pack_request(const struct worker *w, const struct blob *tail, uint8_t *buffer,
                        size_t size)
{
    Vivarium__Internal__RunRequest r = VIVARIUM__INTERNAL__RUN_REQUEST__INIT;
    const struct execution *e = w->execution;

    r.execution_id = (char *)e->name.id;
    r.filename = (char *)e->filename;
    r.has_stdin = e->stdin_len > 0;
    r.scope_bytes = e->scope_len + tail->len;
    r.carried = tail->len > 0;
    r.return_scope = e->return_scope;
    r.keep = e->session && e->kind != EXECUTION_END;
    r.scope_only = e->kind != EXECUTION_CODE;
    r.replace = e->kind == EXECUTION_OPEN || e->kind == EXECUTION_SET_SCOPE;
    r.checkpoint = e->save;
    r.memory_soft_bytes = e->limits.memory_soft_bytes;
    r.memory_bytes = e->limits.memory_bytes;
    r.rlimit_data = enforce_rlimit_data(w);
    r.rlimit_nproc = enforce_rlimit_nproc(w);
    r.steps = e->limits.steps;
    r.profile_interval_ns = (uint64_t)e->observe.profile_interval_ns;
    r.trace_lines = e->observe.trace_lines;
    r.trace_libraries = e->observe.trace_libraries;
    if (vivarium__internal__run_request__get_packed_size(&r) > size)
        return -1;
    return (int)vivarium__internal__run_request__pack(&r, buffer);
}

static int send_run(struct worker *w, const struct execution *e, struct viv_error *err)
{
    const struct blob tail = session_snapshot(w, e);
    uint8_t message[VIV_FRAME_MESSAGE_MAX];
    int message_len = pack_request(w, &tail, message, sizeof(message));
    int stdin_fd = -1, rc;
    struct viv_frame_out out = {.type = VIV_FRAME_RUN,
                                .seq = e->ticket,
                                .message = message,
                                .message_len = (size_t)message_len,
                                .body = e->code,
                                .body_len = e->code_len + e->scope_len,
                                .tail = tail.data,
                                .tail_len = tail.len};

    if (message_len < 0)
        return viv_fail(err, VIV_INTERNAL, "a request that doesn't fit a frame");
    if (e->stdin_len > 0) {
        stdin_fd = viv_sealed_memfd("viv-stdin", e->stdin_data, e->stdin_len, err);
        if (stdin_fd < 0)
            return -1;
        out.fds = &stdin_fd;
        out.fd_count = 1;
    }
    rc = viv_frame_send(w->channel.fd, &out, err);
    if (stdin_fd >= 0)
        close(stdin_fd);
    return rc;
}

/* Its limits can't be had, so its code doesn't run. */
static void refuse(struct worker *w, const struct viv_error *why)
{
    if (why->status == VIV_RESOURCE_EXHAUSTED)
        cancel_execution(w->execution, VIV_CAUSE_MEMORY, why->text, true);
    else
        worker_event(w, convict(w, why->text));
}

void worker_io_start(struct worker *w)
{
    struct execution *e = w->execution;
    struct viv_error err;

    e->began_ns = clock_now();
    if (enforce_begin(w, &err) < 0) {
        refuse(w, &err);
        return;
    }
    if (send_run(w, e, &err) < 0) {
        /* It died while it was idle: nothing of the code has run, so another
         * worker takes it. */
        e->began_ns = 0;
        w->execution = NULL;
        schedule_requeue(w->supervisor, e);
        worker_event(w, WORKER_KILL);
        return;
    }
    enforce_running(w);
    if (e->session)
        session_began(e->session, w);
    schedule_timer(e);
    if (e->callbacks.started)
        e->callbacks.started(e->arg, e->name.id);
}
