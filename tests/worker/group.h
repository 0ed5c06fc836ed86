/* What the test programs that have one zygote share. */
#ifndef VIVARIUM_TESTS_GROUP_H
#define VIVARIUM_TESTS_GROUP_H

#include "tests/worker/rig.h"

extern struct rig rig;
extern const char *worker_path;

/* The program's first word, or where a build has it. */
void group_find_worker(int argc, char **argv);

/* Group fixture of cmocka. */
int group_start(void **state);
int group_stop(void **state);

/* In a worker of its own; free the run. */
void group_execute(const char *code, struct run *ret_run);

/* Skips the test: without a pid namespace code can't start processes, nor signal others. */
void group_need_processes(void);

#endif
