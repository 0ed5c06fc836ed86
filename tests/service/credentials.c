#include "tests/service/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/service/token.h"

char credentials_folder[64];

/* A program and, behind it, the folder. */
static void run(const char *program)
{
    char command[512];

    snprintf(command, sizeof(command), "%s '%s'", program, credentials_folder);
    if (system(command) != 0)
        abort();
}

const char *credentials_path(const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof(paths[0]), "%s/%s", credentials_folder, name);
    return path;
}

void credentials_write_tokens(const struct credentials_token *tokens, const char *rest)
{
    FILE *f = fopen(credentials_path("tokens.new"), "we");
    char hash[TOKEN_TEXT_MAX];

    if (!f)
        abort();
    for (; tokens->tenant; tokens++) {
        if (token_hash(tokens->token, strlen(tokens->token), NULL, hash, NULL) < 0)
            abort();
        fprintf(f, "%s %s %s\n", tokens->tenant, hash, tokens->until ? tokens->until : "");
    }
    fputs(rest, f);
    if (fclose(f) != 0 || rename(credentials_path("tokens.new"), credentials_path("tokens")) != 0)
        abort();
}

void credentials_make(void)
{
    static const struct credentials_token tokens[] = {
        {"alice", CREDENTIALS_ALICE, "2999-01-01T00:00:00Z"},
        {"bob", CREDENTIALS_BOB, NULL},
        {"alice", CREDENTIALS_EXPIRED, "2020-01-01T00:00:00Z"},
        {NULL, NULL, NULL},
    };

    strcpy(credentials_folder, "/tmp/viv-auth-XXXXXX");
    if (!mkdtemp(credentials_folder))
        abort();
    run(getenv("CERTS"));
    credentials_write_tokens(tokens, "# the end\n");
}

void credentials_remove(void)
{
    run("rm -rf");
}
