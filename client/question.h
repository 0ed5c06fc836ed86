/* A call with one answer that the caller waits for. */
#ifndef VIVARIUM_CLIENT_QUESTION_H
#define VIVARIUM_CLIENT_QUESTION_H

#include "client/rpc.h"

/* A question, and where the answer goes. */
struct viv_question {
    struct viv_client *client;
    const struct viv_rpc_method *method;
    enum viv_retry_kind kind;
    const ProtobufCMessage *request;
    int64_t timeout_ns; /* 0: the client's timeout_ns */
    const ProtobufCMessageDescriptor *answer;
    size_t reply_size; /* of the public structure, which begins an arena */
    /* Makes a zeroed reply show the message, which lives in its arena. */
    int (*fill)(void *reply, ProtobufCMessage *message, struct viv_error *err);
    void *reply; /* on success; free with viv_arena_free() */
};

int viv_question_ask(struct viv_question *question, struct viv_error *err);

/* Always -1. */
int viv_question_no_memory(struct viv_error *err);

#endif
