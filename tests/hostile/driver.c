#include "tests/hostile/driver.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/test.h"

/* One in so many rounds. */
#define NAPS 200
#define NAP_NS 30000000
#define PAUSES 500

struct driver {
    LIST_ENTRY(driver) link;
    struct viv_supervisor *supervisor;
    pthread_t thread;
    int stop_fd;
    unsigned seed;
};

static LIST_HEAD(, driver) drivers = LIST_HEAD_INITIALIZER(drivers);

static bool once_in(struct driver *d, unsigned rounds)
{
    return (unsigned)rand_r(&d->seed) % rounds == 0;
}

static void nap(struct driver *d)
{
    const struct timespec t = {.tv_nsec = rand_r(&d->seed) % NAP_NS};

    nanosleep(&t, NULL);
}

static void *drive(void *arg)
{
    struct driver *d = arg;
    struct pollfd fds[] = {{.events = POLLIN}, {.fd = d->stop_fd, .events = POLLIN}};

    fds[0].fd = viv_drive_begin(d->supervisor);
    while (poll(fds, 2, -1) > 0 && !(fds[1].revents & POLLIN)) {
        if (once_in(d, NAPS))
            nap(d);
        if (once_in(d, PAUSES)) {
            viv_drive_end(d->supervisor);
            nap(d);
            viv_drive_begin(d->supervisor);
        }
        viv_drive(d->supervisor);
    }
    viv_drive_end(d->supervisor);
    return NULL;
}

void driver_start(struct viv_supervisor *supervisor)
{
    struct driver *d = calloc(1, sizeof(*d));

    assert_non_null(d);
    *d = (struct driver){.supervisor = supervisor, .stop_fd = eventfd(0, EFD_CLOEXEC), .seed = 1};
    assert_true(d->stop_fd >= 0);
    assert_int_equal(pthread_create(&d->thread, NULL, drive, d), 0);
    LIST_INSERT_HEAD(&drivers, d, link);
}

void driver_stop(struct viv_supervisor *supervisor)
{
    struct driver *d;

    LIST_FOREACH(d, &drivers, link)
        if (d->supervisor == supervisor)
            break;
    if (!d)
        return;
    LIST_REMOVE(d, link);
    eventfd_write(d->stop_fd, 1);
    pthread_join(d->thread, NULL);
    close(d->stop_fd);
    free(d);
}
