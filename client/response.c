/* ExecuteResponse as struct viv_client_response. */
#include "client/arena.h"
#include "client/reply.h"

static struct viv_client_frame frame_of(const Vivarium__V1__Frame *f)
{
    return (struct viv_client_frame){
        .filename = f->filename,
        .function = f->function,
        .source = f->source,
        .line = f->line,
        .end_line = f->end_line,
        .column = f->column,
        .end_column = f->end_column,
    };
}

static const struct viv_client_syntax *syntax_of(void *object,
                                                 const Vivarium__V1__SyntaxLocation *s)
{
    struct viv_client_syntax *syntax = viv_arena_alloc(object, 1, sizeof(*syntax));

    if (syntax)
        *syntax = (struct viv_client_syntax){
            .filename = s->filename,
            .text = s->text,
            .line = s->line,
            .offset = s->offset,
            .end_line = s->end_line,
            .end_offset = s->end_offset,
        };
    return syntax;
}

static const struct viv_client_exception *exception_of(void *object, const Vivarium__V1__Error *e)
{
    struct viv_client_exception *exception = viv_arena_alloc(object, 1, sizeof(*exception));
    struct viv_client_frame *frames = viv_arena_alloc(object, e->n_frames, sizeof(*frames));

    if (!exception || !frames)
        return NULL;
    for (size_t i = 0; i < e->n_frames; i++)
        frames[i] = frame_of(e->frames[i]);
    *exception = (struct viv_client_exception){
        .type = e->type,
        .message = e->message,
        .traceback = e->traceback,
        .frames = frames,
        .frame_count = e->n_frames,
    };
    if (e->syntax && !(exception->syntax = syntax_of(object, e->syntax)))
        return NULL;
    return exception;
}

static struct viv_client_usage usage_of(const Vivarium__V1__Usage *u)
{
    if (!u)
        return (struct viv_client_usage){0};
    return (struct viv_client_usage){
        .wall_ns = viv_reply_duration_ns(u->wall_time),
        .user_cpu_ns = viv_reply_duration_ns(u->user_cpu),
        .system_cpu_ns = viv_reply_duration_ns(u->system_cpu),
        .queue_ns = viv_reply_duration_ns(u->queue_time),
        .peak_memory_bytes = u->peak_memory_bytes,
        .steps = u->steps,
        .stdout_bytes = u->stdout_bytes,
        .stderr_bytes = u->stderr_bytes,
    };
}

static void fill_death(struct viv_client_response *r, const Vivarium__V1__Death *d)
{
    r->death_status = -1;
    if (!d)
        return;
    r->death_text = d->description;
    if (d->status_case == VIVARIUM__V1__DEATH__STATUS_SIGNAL)
        r->death_signal = (int)d->signal;
    else if (d->status_case == VIVARIUM__V1__DEATH__STATUS_EXIT_STATUS)
        r->death_status = (int)(d->exit_status & 0xff);
}

/* protobuf-c leaves bytes of length 0 at NULL; nobody should have to care. */
static const uint8_t *bytes_of(ProtobufCBinaryData data)
{
    return data.data ? data.data : (const uint8_t *)"";
}

static void fill_output(struct viv_client_response *r, const Vivarium__V1__ExecuteResponse *m)
{
    r->stdout_data = bytes_of(m->stdout);
    r->stdout_len = m->stdout.len;
    r->stdout_truncated = m->stdout_truncated;
    r->stderr_data = bytes_of(m->stderr);
    r->stderr_len = m->stderr.len;
    r->stderr_truncated = m->stderr_truncated;
}

static void fill_end(struct viv_client_response *r, const Vivarium__V1__ExecuteResponse *m)
{
    r->outcome = (int)m->outcome;
    r->exit_status = m->exit_case == VIVARIUM__V1__EXECUTE_RESPONSE__EXIT_EXIT_STATUS
                         ? (int)(m->exit_status & 0xff)
                         : -1;
    fill_death(r, m->death);
    r->usage = usage_of(m->usage);
    r->enforcement = viv_reply_enforcement(m->enforcement);
    r->isolation = viv_reply_isolation(m->enforcement);
}

/* The scope with its manifests. What `left_out` holds on the wire is nobody's
 * word. */
static int fill_scope(struct viv_client_response *r, Vivarium__V1__ExecuteResponse *m,
                      struct viv_error *err)
{
    if (viv_reply_manifest(r, m->manifest, &r->manifest, err) ||
        viv_reply_manifest(r, m->restore_manifest, &r->restore_manifest, err))
        return -1;
    return m->scope ? viv_reply_scope(r, m->scope, m->manifest, &r->scope, err) : 0;
}

static int fill_observed(struct viv_client_response *r, const Vivarium__V1__ExecuteResponse *m,
                         struct viv_error *err)
{
    if (m->profile && !(r->profile = viv_reply_profile(r, m->profile)))
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "no memory for the profile");
    if (m->trace && !(r->trace = viv_reply_trace(r, m->trace)))
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "no memory for the trace");
    return 0;
}

int viv_reply_fill_response(struct viv_client_response *response,
                            Vivarium__V1__ExecuteResponse *message, struct viv_error *err)
{
    response->execution_id = message->execution_id;
    if (message->result) {
        response->result.private_value = message->result;
        response->result_repr = message->result_repr;
    }
    fill_output(response, message);
    fill_end(response, message);
    if (message->error && !(response->exception = exception_of(response, message->error)))
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "no memory for the answer");
    if (message->cancellation &&
        !(response->receipt = viv_reply_receipt(response, message->cancellation)))
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "no memory for the answer");
    if (message->session && !(response->session = viv_reply_session(response, message->session)))
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "no memory for the answer");
    if (fill_observed(response, message, err))
        return -1;
    return fill_scope(response, message, err);
}

void viv_client_response_free(struct viv_client_response *response)
{
    viv_arena_free(response);
}
