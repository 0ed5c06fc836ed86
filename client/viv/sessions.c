/* viv session and viv scope. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "client/viv/command.h"
#include "client/viv/exit_status.h"
#include "client/viv/interrupt.h"
#include "client/viv/json.h"
#include "client/viv/scope_file.h"
#include "client/viv/scope_report.h"

#define CELL 160
#define SECOND_NS 1000000000LL

static int print_or_fail(json_t *object)
{
    return viv_command_print_json(object) ? 0 : EX_IOERR;
}

/* ---- files ---- */

static int file_failed(const struct viv_options *options, const struct viv_error *error, int status)
{
    fprintf(stderr, "viv: %s\n", error->text);
    if (options->json)
        viv_command_print_json(viv_json_failure(error));
    return status;
}

int viv_command_scope(const struct viv_options *options)
{
    struct viv_scope *scope;
    struct viv_error err;
    int status = 0;

    if (viv_scope_file_read(options->file, &scope, &err))
        return file_failed(options, &err, VIV_EXIT_USAGE);
    if (options->json)
        status = print_or_fail(viv_json_scope(scope));
    else if (!viv_report_scope(stdout, scope))
        status = EX_OSERR;
    viv_scope_free(scope);
    return fflush(stdout) ? EX_IOERR : status;
}

/* ---- open and close ---- */

int viv_command_open_session(struct viv_client *client, const struct viv_options *options,
                             int64_t timeout_ns, struct viv_client_session_reply **ret_reply,
                             struct viv_error *err)
{
    struct viv_client_session_open open = {
        .session_id = options->id,
        .worker_profile = options->worker_profile,
        .idle_timeout_ns = options->idle_ns,
        .timeout_ns = timeout_ns,
        .durability = options->durable ? VIV_CLIENT_EVERY_EXECUTION : VIV_CLIENT_ON_EVICTION,
    };
    struct viv_scope *scope = NULL;
    int result = 0;

    viv_interrupt_let_end(true);
    if (options->scope_in)
        result = viv_scope_file_read(options->scope_in, &scope, err);
    viv_interrupt_let_end(false);
    if (result)
        return -1;
    open.scope = scope;
    result = viv_client_session_open(client, &open, ret_reply, err);
    viv_scope_free(scope);
    return result;
}

static int open_one(struct viv_client *client, const struct viv_options *options)
{
    struct viv_client_session_reply *reply;
    struct viv_error err;
    int status = 0;

    if (viv_command_open_session(client, options, 0, &reply, &err))
        return viv_command_failed(client, options, &err);
    if (options->json) {
        status = print_or_fail(viv_json_session(reply->session_id, reply->restore_manifest));
    } else {
        puts(reply->session_id);
        viv_report_manifest(stderr, "not restored", reply->restore_manifest);
    }
    viv_client_session_reply_free(reply);
    return status;
}

static int close_one(struct viv_client *client, const struct viv_options *options)
{
    struct viv_error err;

    if (viv_client_session_close(client, options->session, 0, &err))
        return viv_command_failed(client, options, &err);
    if (!options->json)
        return 0;
    return print_or_fail(json_pack("{s:s}", "session_id", options->session));
}

/* ---- list ---- */

static void ago(int64_t then_ns, char *text, size_t size)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    viv_report_time(now.tv_sec * SECOND_NS + now.tv_nsec - then_ns, text, size);
}

static const char *state_of(const struct viv_client_session *s)
{
    if (*s->execution_id)
        return "RUNNING";
    if (s->resident)
        return "WARM";
    return s->snapshot_bytes ? "STORED" : "EMPTY";
}

static void print_sessions(const struct viv_client_sessions_reply *reply)
{
    char id[CELL];
    char used[32];
    char size[32];

    if (!reply->count)
        return;
    printf("%-32s %-8s %10s %10s  %s\n", "SESSION", "STATE", "LAST USED", "SNAPSHOT", "SAVED");
    for (size_t i = 0; i < reply->count; i++) {
        const struct viv_client_session *s = &reply->sessions[i];

        ago(s->last_used_ns, used, sizeof(used));
        viv_report_size(s->snapshot_bytes, size, sizeof(size));
        printf("%-32s %-8s %10s %10s  %s\n", viv_report_clean(s->session_id, id, sizeof(id)),
               state_of(s), used, s->snapshot_bytes ? size : "-",
               s->durability == VIV_CLIENT_EVERY_EXECUTION ? "every execution" : "on eviction");
    }
}

static int list(struct viv_client *client, const struct viv_options *options)
{
    struct viv_client_sessions_reply *reply;
    struct viv_error err;
    int status = 0;

    if (viv_client_session_list(client, 0, &reply, &err))
        return viv_command_failed(client, options, &err);
    if (options->json)
        status = print_or_fail(viv_json_sessions(reply));
    else
        print_sessions(reply);
    viv_client_sessions_reply_free(reply);
    return status;
}

/* ---- save and load ---- */

static void say_restored(const struct viv_client_scope_reply *reply)
{
    char line[VIV_REPORT_MAX];

    if (reply->session) {
        viv_report_session(reply->session, line);
        if (*line)
            fprintf(stderr, "viv: %s\n", line);
    }
    viv_report_manifest(stderr, "not restored", reply->restore_manifest);
}

static int save(struct viv_client *client, const struct viv_options *options)
{
    struct viv_client_scope_reply *reply;
    struct viv_error err;
    int status = 0;

    if (viv_client_scope_get(client, options->session, 0, &reply, &err))
        return viv_command_failed(client, options, &err);
    if (viv_scope_file_write(options->file, reply->scope, &err))
        status = file_failed(options, &err, EX_IOERR);
    else if (options->json)
        status = print_or_fail(viv_json_scope(reply->scope));
    say_restored(reply);
    viv_report_manifest(stderr, "left out", reply->manifest);
    viv_client_scope_reply_free(reply);
    return status;
}

static int load(struct viv_client *client, const struct viv_options *options)
{
    struct viv_client_scope_reply *reply = NULL;
    struct viv_scope *scope;
    struct viv_error err;
    int status = 0;

    if (viv_scope_file_read(options->file, &scope, &err))
        return file_failed(options, &err, VIV_EXIT_USAGE);
    if (viv_client_scope_set(client, options->session, scope, 0, &reply, &err))
        status = viv_command_failed(client, options, &err);
    else if (options->json)
        status = print_or_fail(viv_json_session(options->session, reply->restore_manifest));
    if (reply)
        say_restored(reply);
    viv_client_scope_reply_free(reply);
    viv_scope_free(scope);
    return status;
}

int viv_command_session(struct viv_client *client, const struct viv_options *options)
{
    switch (options->verb) {
    case VIV_VERB_OPEN:
        return open_one(client, options);
    case VIV_VERB_CLOSE:
        return close_one(client, options);
    case VIV_VERB_SAVE:
        return save(client, options);
    case VIV_VERB_LOAD:
        return load(client, options);
    default:
        return list(client, options);
    }
}
