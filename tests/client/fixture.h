/* What the tests of the client library share: a socket of their own, handlers
 * for the fake server, and what was heard. */
#ifndef VIVARIUM_TESTS_CLIENT_FIXTURE_H
#define VIVARIUM_TESTS_CLIENT_FIXTURE_H

#include <stdatomic.h>

#include "client/vivarium_client.h"
#include "tests/client/fake_server.h"
#include "tests/unit/test.h"

#define MS 1000000LL

struct fixture {
    char dir[64];
    char target[128];
    atomic_uint calls;
    char tenant[64];
};

extern struct fixture fix;

int fixture_set_up(void **state);
int fixture_tear_down(void **state);
struct viv_client *fixture_open(const struct viv_client_options *options);

/* Runs "1" under that id. */
int fixture_execute(struct viv_client *client, const char *id,
                    struct viv_client_response **response, struct viv_error *err);

/* Counts the call and answers, with one completed execution or never. */
fake_handler fixture_completed;
fake_handler fixture_never;

/* Events as text, "started:ID;out:TEXT;err:TEXT;". */
struct heard {
    char text[256];
    unsigned stop_after;
    unsigned events;
};

extern const struct viv_client_events fixture_events;

#endif
