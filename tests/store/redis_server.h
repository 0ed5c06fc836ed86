/* A real redis-server on a unix socket in a folder of its own. */
#ifndef VIVARIUM_TESTS_STORE_REDIS_SERVER_H
#define VIVARIUM_TESTS_STORE_REDIS_SERVER_H

#include <sys/types.h>

struct redis_server {
    char folder[32];
    char socket[48];
    pid_t pid;
};

/* `password` may be NULL; it dies with this process. Fails the test where it
 * does not come up. */
void redis_server_start(struct redis_server *server, const char *password);
/* Ends the process, keeps the folder: redis_server_again() starts another. */
void redis_server_kill(struct redis_server *server);
void redis_server_again(struct redis_server *server);
void redis_server_stop(struct redis_server *server);

/* One command without an answer to look at, past the store. */
void redis_server_do(const struct redis_server *server, const char *command);

#endif
