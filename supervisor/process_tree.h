/* Questions about processes of ours, by pidfd. */
#ifndef VIVARIUM_PROCESS_TREE_H
#define VIVARIUM_PROCESS_TREE_H

#include <stdint.h>
#include <sys/types.h>

/* The pid, in our own namespace, of the process that `pidfd` is; -1 where it
 * has been reaped. */
pid_t process_tree_pid(int pidfd);

/* How many processes descend from `pid`, at the moment of looking, itself not
 * counted; at most `most`. 0 where the kernel doesn't tell
 * (CONFIG_PROC_CHILDREN). */
unsigned process_tree_count(pid_t pid, unsigned most);

/* Memory that the processes below `pid` hold: their resident sizes added up, so
 * that what two share counts twice. */
uint64_t process_tree_rss_bytes(pid_t pid);

/* The same with what is shared counted once, which takes the kernel longer.
 * `otherwise`: the answer where it doesn't tell. */
uint64_t process_tree_pss_bytes(pid_t pid, uint64_t otherwise);

/* CPU time that the process has used, its threads together, its children not;
 * -1 where it is gone. */
int64_t process_tree_cpu_ns(pid_t pid);

#endif
