/* The worker's command line. */
#ifndef VIVARIUM_WORKER_ENTRY_H
#define VIVARIUM_WORKER_ENTRY_H

/* As main(): returns the exit status. */
int viv_worker_main(int argc, char **argv);

#endif
