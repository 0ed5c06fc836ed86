/* vivarium-worker with an interpreter of its own, for builds that instrument it:
 * see launcher.c for the other kind. */
#include "worker/entry.h"

int main(int argc, char **argv)
{
    return viv_worker_main(argc, argv);
}
