/* One call of one client: its life, its request, what is sent to it.
 *
 * A call is referenced by each batch that gRPC has not completed and by each
 * callback that the supervisor still owes; the last reference frees it. What
 * is sent passes through a queue of its own, so that only one SEND_MESSAGE is
 * outstanding and any thread may send. */
#ifndef VIVARIUM_SERVICE_CALL_H
#define VIVARIUM_SERVICE_CALL_H

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "proto/error.h"
#include "supervisor/service/admission.h"
#include "supervisor/service/arrivals.h"
#include "supervisor/service/auth.h"
#include "supervisor/service/trace.h"
#include "supervisor/vivarium.h"

struct audit_record;
struct server;
struct share;
struct call;

/* How many bytes wait for a client before its execution's output is no longer
 * read, and how few before it is read again. */
#define CALL_QUEUE_HIGH (256u << 10)
#define CALL_QUEUE_LOW (64u << 10)

/* A row of the table in methods.c. */
struct method {
    const char *path; /* NULL: every method that has no row */
    bool bidi;        /* else there is one request, which is there when it begins */
    unsigned slots;   /* calls that gRPC may hand over before it is asked again */
    unsigned calls;   /* at a time; 0: they run code, and have a limit in common */
    void (*begin)(struct call *call);
    /* bidi: a message in call->message, NULL: the client sends no more. */
    void (*received)(struct call *call);
    /* The queue, once at its high mark, is at its low mark. */
    void (*drained)(struct call *call);
    /* All has been sent that was queued. */
    void (*idle)(struct call *call);
    /* No more can be sent; `cancelled`: before the status was. */
    void (*closed)(struct call *call, bool cancelled);
};

/* A method as one server has it. */
struct call_slot {
    const struct method *method;
    struct server *server;
    void *registered; /* gRPC's handle; NULL for the row without a path */
    unsigned kind;    /* of the places that its calls take (shares.h) */
    unsigned max;     /* of these; more are RESOURCE_EXHAUSTED */
};

/* What a completed batch was. Its address is the batch's tag. */
enum call_event { CALL_ACCEPTED, CALL_CLOSED, CALL_SENT, CALL_RECEIVED, CALL_EVENTS };

struct call_tag {
    struct call *call;
    enum call_event event;
};

struct call_message;

struct call {
    struct call_slot *slot;
    grpc_call *grpc;           /* NULL until accepted */
    grpc_call_details details; /* of a method without a row */
    grpc_metadata_array metadata;
    gpr_timespec deadline;
    struct auth_identity identity;       /* of methods that want credentials */
    char traceparent[TRACE_PARENT_SIZE]; /* "": none that is valid */
    bool held;                           /* its answer is counted (answers.h) */
    size_t held_bytes;
    struct admitted admitted;
    struct audit_record *audit; /* of an execution, or NULL; owned */
    grpc_byte_buffer *message;  /* the request, or NULL; owned */
    struct call_tag tags[CALL_EVENTS];
    atomic_uint refs;
    int cancelled; /* written by gRPC */
    /* The poller's. */
    struct arrival arrival; /* while its request has not come */
    bool begun, closed;

    /* Belongs to the lock, as does the starting of batches that send. */
    pthread_mutex_t lock;
    struct call_message *first, **last;
    size_t queued; /* bytes */
    grpc_byte_buffer *sending;
    grpc_slice status_text;
    grpc_metadata details_metadata; /* of the status; an empty value: none */
    enum viv_status status;
    bool busy;      /* a batch that sends is outstanding */
    bool throttled; /* the high mark was reached and the low one not yet */
    bool headers_sent;
    bool finishing; /* the status is set, no message will follow */
    bool over;      /* the status is sent, or nothing can be sent any more */

    /* What the method keeps. */
    union {
        struct {
            viv_ticket ticket; /* 0: not submitted */
            bool detach;
            size_t told[2]; /* bytes of stdout and of stderr, of a stream */
        } execution;
        struct {
            struct call *next, **link; /* in the list of watchers; NULL: not in it */
            bool unknown;              /* the service that is watched */
        } watch;
    };
};

/* A call that waits to be accepted, with one reference. Where there is no
 * memory the process ends, here as everywhere in gRPC. */
struct call *call_new(struct call_slot *slot);

void call_ref(struct call *call);

/* NULL is fine. */
void call_unref(struct call *call);

/* Sets `traceparent` from the call's metadata. */
void call_read_trace(struct call *call);

/* A call lives longer than its metadata is of use. */
void call_forget_metadata(struct call *call);

/* Starts the batch that tells when the call is over. */
void call_watch_close(struct call *call);

/* Asks for the call's next message. For admission.h, which waits for it. */
void call_receive(struct call *call);

/* Queues a message (takes it over). False: the queue is at its high mark, and
 * method->drained will tell when more is welcome. */
bool call_send(struct call *call, grpc_byte_buffer *message);

/* The status that follows what is queued; `text` may be NULL. Only the first
 * counts. */
void call_finish(struct call *call, enum viv_status status, const char *text);

/* The last message (takes it over) and status OK. */
void call_reply(struct call *call, grpc_byte_buffer *message);

/* The status of `err`. */
void call_fail(struct call *call, const struct viv_error *err);

/* What the poller does with a batch other than CALL_ACCEPTED. */
void call_complete(struct call *call, enum call_event event, bool ok);

#endif
