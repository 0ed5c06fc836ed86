/* The viv command under test: started, fed, and read to its end. Every function
 * fails the test that calls it where what its name says does not happen. */
#ifndef VIVARIUM_TESTS_E2E_VIV_H
#define VIVARIUM_TESTS_E2E_VIV_H

#include "tests/e2e/e2e.h"

#define VIV_TEXT_MAX 8192

/* One viv, running or ended. */
struct viv {
    pid_t pid;
    int out; /* what it writes */
    int err;
    char out_text[VIV_TEXT_MAX];
    char err_text[VIV_TEXT_MAX];
    int status; /* exit status, or 1000 + signal */
};

/* `words` behind "viv", NULL-terminated. NULL input: /dev/null. */
void viv_start(struct viv *viv, const char *input, const char *const *words);

/* Reads both until stdout holds `until`, or to the end where that is NULL. */
void viv_read(struct viv *viv, const char *until);

/* Waits for its end. */
void viv_finish(struct viv *viv);

void viv_run(struct viv *viv, const char *input, const char *const *words);

#define VIV_RUN(viv, ...) viv_run(viv, NULL, (const char *const[]){__VA_ARGS__, NULL})

void viv_expect(const struct viv *viv, int status, const char *out, const char *err);

/* Group fixture of cmocka: a daemon, and viv told where it is. */
int viv_set_up(void **state);

#endif
