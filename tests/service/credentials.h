/* A folder with certificates and tokens for the suites that need them. */
#ifndef VIVARIUM_TESTS_SERVICE_CREDENTIALS_H
#define VIVARIUM_TESTS_SERVICE_CREDENTIALS_H

#define CREDENTIALS_ALICE "alice-0123456789abcdefghijklmnopqrstuv"
#define CREDENTIALS_BOB "bob-0123456789abcdefghijklmnopqrstuvwxy"
#define CREDENTIALS_EXPIRED "old-0123456789abcdefghijklmnopqrstuvwxy"
#define CREDENTIALS_WRONG "bad-0123456789abcdefghijklmnopqrstuvwxy"

extern char credentials_folder[64];

/* Makes the folder, by $CERTS, and in it the file "tokens". Aborts where that
 * fails. */
void credentials_make(void);

/* A path in the folder; in one of eight static buffers. */
const char *credentials_path(const char *name);

/* Writes a line for each (tenant, token, until) up to a NULL tenant, and then
 * `rest`, by renaming a new file into place. */
struct credentials_token {
    const char *tenant, *token, *until;
};
void credentials_write_tokens(const struct credentials_token *tokens, const char *rest);

void credentials_remove(void);

#endif
