#include "client/question.h"

#include "client/arena.h"
#include "client/reply.h"

int viv_question_no_memory(struct viv_error *err)
{
    return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "no memory for the answer");
}

static int answer_message(void *arg, const uint8_t *data, size_t len, struct viv_error *err)
{
    struct viv_question *q = arg;
    void *reply = viv_arena_new(q->reply_size);
    ProtobufCMessage *message;

    if (!reply)
        return viv_question_no_memory(err);
    if (viv_reply_unpack(q->client, q->answer, data, len, reply, &message, err) ||
        q->fill(reply, message, err)) {
        viv_arena_free(reply);
        return -1;
    }
    q->reply = reply;
    return 0;
}

int viv_question_ask(struct viv_question *q, struct viv_error *err)
{
    struct viv_rpc_handler handler = {.message = answer_message, .arg = q};
    struct viv_rpc rpc;
    int result;

    if (!q->timeout_ns)
        q->timeout_ns = q->client->options.timeout_ns;
    if (viv_rpc_init(&rpc, q->client, q->method, q->kind, q->request, q->timeout_ns, &handler, err))
        return -1;
    result = viv_rpc_run(&rpc, err);
    viv_rpc_release(&rpc);
    return result;
}
