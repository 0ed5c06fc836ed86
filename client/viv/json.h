/* What viv prints with --json, by jansson. Every function gives a new object
 * that the caller owns; NULL where memory is out. */
#ifndef VIVARIUM_CLIENT_VIV_JSON_H
#define VIVARIUM_CLIENT_VIV_JSON_H

#include <jansson.h>

#include "client/vivarium_client.h"

/* The value where JSON can hold it as Python's json.dumps would write it, less
 * what that bends: no NaN, no keys but text. NULL where it can't, where it is
 * nested deeper than 64, or would be more than two million values. */
json_t *viv_json_value(struct viv_value value);

/* {"NAME": TEXT}, or {"NAME_base64": ...} where the bytes aren't UTF-8. */
int viv_json_set_bytes(json_t *object, const char *name, const void *data, size_t len);

json_t *viv_json_response(const struct viv_client_response *response);
json_t *viv_json_receipt(const struct viv_client_receipt *receipt);
json_t *viv_json_cancel(const struct viv_client_cancel_reply *reply);
json_t *viv_json_list(const struct viv_client_list_reply *reply);
json_t *viv_json_sessions(const struct viv_client_sessions_reply *reply);
json_t *viv_json_session(const char *session_id, struct viv_manifest restore_manifest);

/* Names with types and sizes, and what was left out. */
json_t *viv_json_scope(const struct viv_scope *scope);

/* An array of what did not travel; what did is skipped. */
json_t *viv_json_manifest(struct viv_manifest manifest);
json_t *viv_json_session_state(const struct viv_client_session_state *state);
json_t *viv_json_description(const struct viv_client_description *description);

/* {"failure": {"status": "UNAVAILABLE", "message": ...}} */
json_t *viv_json_failure(const struct viv_error *error);

/* "UNAVAILABLE"; static. */
const char *viv_json_status_name(enum viv_status status);

/* "fork" or "exec"; static. */
const char *viv_json_isolation_name(enum viv_client_isolation isolation);

#endif
