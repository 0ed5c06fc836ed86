/* The worker as a library inside the machine's own python3.11 (launcher.c says
 * why). Its constructor runs before the interpreter's main(), and never lets
 * that begin: an executable exports the whole C API, so from here on all is as
 * in a program that is linked with the interpreter. */
#include <stdlib.h>
#include <sys/prctl.h>

#include "worker/entry.h"

__attribute__((constructor)) static void take_over(int argc, char **argv, char **envp)
{
    /* Of nobody that is started from here. */
    unsetenv("LD_PRELOAD");
    prctl(PR_SET_NAME, "vivarium-worker");
    exit(viv_worker_main(argc, argv));
}
