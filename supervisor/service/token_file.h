/* The file that --token-file names: one token's hash a line.
 *
 *     # who       hash                        until (optional)
 *     alice       hmac-sha256:SALT:HASH       2027-01-31T00:00:00Z
 */
#ifndef VIVARIUM_SERVICE_TOKEN_FILE_H
#define VIVARIUM_SERVICE_TOKEN_FILE_H

#include "supervisor/service/auth.h"

struct token_file {
    char *text; /* what the entries point into */
    struct auth_entry *entries;
    size_t count;
};

/* To be released with token_file_release(). The error names the line. */
int token_file_parse(const char *text, size_t len, struct token_file *ret_file,
                     struct viv_error *err);

/* The same, of the file at `path`, which must be no larger than 16 MiB. */
int token_file_read(const char *path, struct token_file *ret_file, struct viv_error *err);

void token_file_release(struct token_file *file);

/* "2027-01-31T00:00:00Z" or "2027-01-31" in seconds since the epoch, UTC. */
int token_file_time(const char *text, int64_t *ret_s);

#endif
