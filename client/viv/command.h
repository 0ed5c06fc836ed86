/* viv's commands; each returns what viv exits with. */
#ifndef VIVARIUM_CLIENT_VIV_COMMAND_H
#define VIVARIUM_CLIENT_VIV_COMMAND_H

#include <jansson.h>

#include "client/viv/options.h"

int viv_command_run(struct viv_client *client, const struct viv_options *options);
int viv_command_cancel(struct viv_client *client, const struct viv_options *options);
int viv_command_ps(struct viv_client *client, const struct viv_options *options);
int viv_command_describe(struct viv_client *client, const struct viv_options *options);
int viv_command_help(enum viv_command topic);

/* Prints the object on one line and drops it; NULL is a lack of memory. False
 * where that can't be. */
bool viv_command_print_json(json_t *object);

/* Says what went wrong, as JSON too where that was asked for, and gives the
 * exit status. */
int viv_command_failed(struct viv_client *client, const struct viv_options *options,
                       const struct viv_error *error);

#endif
