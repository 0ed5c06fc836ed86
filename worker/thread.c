#include "worker/thread.h"

#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

static pid_t *tid;
static void *robust_list;
static size_t robust_list_len;

void viv_thread_setup(void)
{
    /* Needs CONFIG_CHECKPOINT_RESTORE, which distributions have. */
    if (prctl(PR_GET_TID_ADDRESS, &tid, 0, 0, 0) < 0)
        tid = NULL;
    if (syscall(SYS_get_robust_list, 0, &robust_list, &robust_list_len) < 0)
        robust_list = NULL;
}

pid_t *viv_thread_tid(void)
{
    return tid;
}

static void restartable_sequences(int flags)
{
    if (__rseq_size > 0)
        syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset, 32, flags, RSEQ_SIG);
}

void viv_thread_leave(void)
{
    /* The kernel would write the number of this process's processor where the
     * clone looks for its own. */
    restartable_sequences(RSEQ_FLAG_UNREGISTER);
}

void viv_thread_adopt(void)
{
    restartable_sequences(0);
    if (robust_list)
        syscall(SYS_set_robust_list, robust_list, robust_list_len);
}
