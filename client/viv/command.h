/* viv's commands; each returns what viv exits with. */
#ifndef VIVARIUM_CLIENT_VIV_COMMAND_H
#define VIVARIUM_CLIENT_VIV_COMMAND_H

#include <jansson.h>

#include "client/viv/options.h"

/* Of viv profile and viv trace, too. */
int viv_command_run(struct viv_client *client, const struct viv_options *options);
int viv_command_cancel(struct viv_client *client, const struct viv_options *options);
int viv_command_ps(struct viv_client *client, const struct viv_options *options);
int viv_command_describe(struct viv_client *client, const struct viv_options *options);
int viv_command_repl(struct viv_client *client, const struct viv_options *options);
int viv_command_session(struct viv_client *client, const struct viv_options *options);
int viv_command_top(struct viv_client *client, const struct viv_options *options);
int viv_command_completion(const struct viv_options *options);
int viv_command_scope(const struct viv_options *options);
int viv_command_help(enum viv_command topic);
/* Asks the machine, not a supervisor. 0 where no layer is missing, else 1. */
int viv_command_doctor(const struct viv_options *options);

#define VIV_COMMAND_ID_SIZE 64

/* An id for an execution, so that Ctrl-C has a name to cancel before the
 * supervisor has told us one. */
void viv_command_make_id(char id[VIV_COMMAND_ID_SIZE]);

/* A session as the options want it; timeout_ns 0: the library's. The caller frees
 * *ret_reply. */
int viv_command_open_session(struct viv_client *client, const struct viv_options *options,
                             int64_t timeout_ns, struct viv_client_session_reply **ret_reply,
                             struct viv_error *err);

/* Prints the object on one line and drops it; NULL is a lack of memory. False
 * where that can't be. */
bool viv_command_print_json(json_t *object);

/* Says what went wrong, as JSON too where that was asked for, and gives the
 * exit status. */
int viv_command_failed(struct viv_client *client, const struct viv_options *options,
                       const struct viv_error *error);

#endif
