#include "supervisor/control.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Linux 5.1; not in every libc's headers. */
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

int control_open(struct control *ret_control, struct viv_error *err)
{
    void *page = MAP_FAILED;
    int fd = memfd_create("viv-control", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd >= 0 && ftruncate(fd, VIV_CONTROL_PAGE_SIZE) == 0)
        page = mmap(NULL, VIV_CONTROL_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    /* After our own mapping: from here on nobody maps it writable, and a
     * worker can't clear the flag that cancels it. */
    if (page == MAP_FAILED ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) <
            0) {
        viv_fail_errno(err, VIV_INTERNAL, "can't make a control page");
        if (page != MAP_FAILED)
            munmap(page, VIV_CONTROL_PAGE_SIZE);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    *ret_control = (struct control){.fd = fd, .page = page};
    return 0;
}

void control_close(struct control *control)
{
    if (!control->page)
        return;
    munmap(control->page, VIV_CONTROL_PAGE_SIZE);
    close(control->fd);
    *control = (struct control){.fd = -1};
}

void control_reset(struct control *control)
{
    memset(control->page, 0, sizeof(*control->page));
}

void control_cancel(struct control *control, uint64_t seq, enum viv_cause cause, const char *reason)
{
    struct viv_control_page *page = control->page;

    strncpy(page->reason, reason, VIV_REASON_MAX);
    atomic_store_explicit(&page->cancel_cause, (uint32_t)cause, memory_order_relaxed);
    atomic_store_explicit(&page->cancel_seq, seq, memory_order_release);
}
