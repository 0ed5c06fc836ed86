#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/datagram.h"
#include "proto/frame.h"
#include "tests/unit/proto/raw_frame.h"
#include "tests/unit/test.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static const struct viv_frame_caps caps = {.body_max = 1 << 20, .fds_max = VIV_FRAME_FDS_MAX};

static _Alignas(struct viv_frame_header) uint8_t buffer[VIV_FRAME_BUFFER];

static int channel[2];
static unsigned descriptors_before;

static int open_channel(void **state)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) < 0)
        return -1;
    descriptors_before = open_descriptors();
    return 0;
}

/* Every test ends with as many descriptors as it began with. */
static int close_channel(void **state)
{
    assert_int_equal(open_descriptors(), descriptors_before);
    close(channel[0]);
    if (channel[1] >= 0)
        close(channel[1]);
    return 0;
}

static void receive_good(struct viv_frame *frame)
{
    struct viv_error err = {0};

    if (viv_frame_receive(channel[1], true, buffer, &caps, frame, &err) != 1)
        fail_msg("%s", err.text);
}

/* The next datagram is refused, and nothing of it stays open. */
static void receive_bad(void)
{
    struct viv_frame frame, untouched;
    struct viv_error err = {0};

    memset(&frame, 0x5a, sizeof(frame));
    untouched = frame;
    assert_int_equal(viv_frame_receive(channel[1], true, buffer, &caps, &frame, &err), -1);
    assert_int_equal(err.status, VIV_INVALID_ARGUMENT);
    assert_memory_equal(&frame, &untouched, sizeof(frame));
}

static void round_trip(size_t message_len, size_t body_len)
{
    uint8_t message[VIV_FRAME_MESSAGE_MAX];
    uint8_t *body = malloc(body_len + 1);
    struct viv_frame_out out = {.type = VIV_FRAME_RESULT,
                                .seq = 1ull << 60,
                                .message = message,
                                .message_len = message_len,
                                .body = body,
                                .body_len = body_len};
    struct viv_frame frame;

    memset(message, 'm', sizeof(message));
    for (size_t i = 0; i < body_len; i++)
        body[i] = (uint8_t)(i * 7);
    assert_int_equal(viv_frame_send(channel[0], &out, NULL), 0);
    receive_good(&frame);
    assert_int_equal(frame.type, VIV_FRAME_RESULT);
    assert_int_equal(frame.seq, 1ull << 60);
    assert_int_equal(frame.message_len, message_len);
    assert_memory_equal(frame.message, message, message_len);
    assert_int_equal(frame.body_len, body_len);
    assert_memory_equal(frame.body, body, body_len);
    assert_int_equal(frame.fd_count, 0);
    assert_int_equal(frame.mapping != NULL, message_len + body_len > VIV_FRAME_INLINE_MAX);
    viv_frame_release(&frame);
    free(body);
}

static void sizes_around_the_inline_limit(void **state)
{
    round_trip(0, 0);
    round_trip(1, 0);
    round_trip(VIV_FRAME_MESSAGE_MAX, 0);
    round_trip(0, 1);
    round_trip(10, VIV_FRAME_INLINE_MAX - 10);
    round_trip(10, VIV_FRAME_INLINE_MAX - 9);
    round_trip(0, VIV_FRAME_INLINE_MAX + 1);
    round_trip(VIV_FRAME_MESSAGE_MAX, 1 << 20);
}

static void descriptors_travel_beside_a_body(void **state)
{
    static char body[VIV_FRAME_INLINE_MAX + 1];
    int fds[VIV_FRAME_FDS_MAX];
    struct viv_frame_out out = {.type = VIV_FRAME_RUN,
                                .body = body,
                                .body_len = sizeof(body),
                                .fds = fds,
                                .fd_count = VIV_FRAME_FDS_MAX};
    struct viv_frame frame;

    for (int i = 0; i < VIV_FRAME_FDS_MAX; i++)
        fds[i] = raw_memfd(100u + (unsigned)i, 0);
    assert_int_equal(viv_frame_send(channel[0], &out, NULL), 0);
    receive_good(&frame);
    assert_int_equal(frame.fd_count, VIV_FRAME_FDS_MAX);
    for (int i = 0; i < VIV_FRAME_FDS_MAX; i++) {
        struct stat st;

        assert_int_equal(fstat(frame.fds[i], &st), 0);
        assert_int_equal(st.st_size, 100 + i);
        assert_true(fcntl(frame.fds[i], F_GETFD) & FD_CLOEXEC);
        close(fds[i]);
    }
    close(frame.fds[0]);
    frame.fds[0] = -1; /* taken */
    viv_frame_release(&frame);
    viv_frame_release(&frame); /* does nothing more */
}

static void a_received_body_can_not_change(void **state)
{
    static char body[VIV_FRAME_INLINE_MAX + 1] = "before";
    struct viv_error err = {0};
    int fd = viv_sealed_memfd("t", body, sizeof(body), &err);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "after", 5), -1);
    assert_int_equal(ftruncate(fd, 1), -1);
    assert_int_equal(ftruncate(fd, 2 * sizeof(body)), -1);
    assert_ptr_equal(mmap(NULL, 1, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -1);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
    close(fd);
}

static void memfd_body(size_t real, size_t claimed, int seals)
{
    struct viv_frame_header h = {.magic = VIV_FRAME_MAGIC,
                                 .type = VIV_FRAME_RESULT,
                                 .flags = VIV_FRAME_BODY_IN_MEMFD,
                                 .body_len = claimed};
    int fd = raw_memfd(real, seals);

    raw_send(channel[0], &h, 0, &fd, 1);
    close(fd);
}

static void bodies_that_could_change_are_refused(void **state)
{
    memfd_body(4096, 4096, 0);
    receive_bad();
    memfd_body(4096, 4096, F_SEAL_GROW | F_SEAL_WRITE);
    receive_bad();
    memfd_body(4096, 4096, F_SEAL_SHRINK | F_SEAL_WRITE);
    receive_bad();
    memfd_body(4096, 4096, F_SEAL_SHRINK | F_SEAL_GROW);
    receive_bad();
    memfd_body(4096, 4096, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE);
    receive_bad();
}

static void bodies_of_another_size_are_refused(void **state)
{
    memfd_body(4096, 4097, SEALS);
    receive_bad();
    memfd_body(4096, 4095, SEALS);
    receive_bad();
    memfd_body(0, 1, SEALS);
    receive_bad();
}

/* Descriptors that are no memfds have no seals. */
static void bodies_in_other_files_are_refused(void **state)
{
    struct viv_frame_header h = {.magic = VIV_FRAME_MAGIC,
                                 .type = VIV_FRAME_RESULT,
                                 .flags = VIV_FRAME_BODY_IN_MEMFD,
                                 .body_len = 1};
    int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    raw_send(channel[0], &h, 0, &fd, 1);
    receive_bad();
    close(fd);
    raw_send(channel[0], &h, 0, &channel[0], 1);
    receive_bad();
}

static void descriptor_floods_are_refused_and_closed(void **state)
{
    struct viv_frame_header h = {.magic = VIV_FRAME_MAGIC, .type = VIV_FRAME_NOTE};
    int fds[64];

    for (int i = 0; i < 64; i++)
        fds[i] = channel[0];
    for (unsigned count = VIV_FRAME_FDS_MAX + 1; count <= 64; count++) {
        raw_send(channel[0], &h, 0, fds, count);
        receive_bad();
        assert_int_equal(open_descriptors(), descriptors_before);
    }
}

/* Which the kernel hands over as it does the end. */
static void descriptors_beside_nothing_are_closed(void **state)
{
    int fds[VIV_DATAGRAM_FDS];
    struct viv_error err = {0};
    struct viv_frame frame;

    for (int i = 0; i < VIV_DATAGRAM_FDS; i++)
        fds[i] = channel[0];
    raw_send(channel[0], NULL, 0, fds, VIV_DATAGRAM_FDS);
    assert_int_equal(viv_frame_receive(channel[1], true, buffer, &caps, &frame, &err), 0);
    assert_int_equal(open_descriptors(), descriptors_before);
}

static void datagrams_past_the_buffer_are_refused(void **state)
{
    struct viv_frame_header h = {
        .magic = VIV_FRAME_MAGIC, .type = VIV_FRAME_RESULT, .body_len = VIV_FRAME_INLINE_MAX};
    struct viv_frame frame;

    raw_send(channel[0], &h, VIV_FRAME_INLINE_MAX + 1, &channel[0], 1);
    receive_bad();
    raw_send(channel[0], &h, VIV_FRAME_INLINE_MAX, NULL, 0);
    receive_good(&frame);
    viv_frame_release(&frame);
}

static void a_bad_frame_does_not_spoil_the_next(void **state)
{
    struct viv_frame_header h = {.magic = VIV_FRAME_MAGIC, .type = VIV_FRAME_NOTE, .body_len = 3};

    raw_send(channel[0], &h, 2, NULL, 0);
    receive_bad();
    round_trip(3, 3);
}

static void the_end_and_nothing_yet(void **state)
{
    struct viv_error err = {0};
    struct viv_frame frame;

    assert_int_equal(viv_frame_receive(channel[1], true, buffer, &caps, &frame, &err), -1);
    assert_int_equal(err.status, VIV_UNAVAILABLE);
    shutdown(channel[0], SHUT_WR);
    assert_int_equal(viv_frame_receive(channel[1], false, buffer, &caps, &frame, &err), 0);
}

static void a_peer_that_does_not_read(void **state)
{
    static char body[VIV_FRAME_INLINE_MAX];
    struct viv_frame_out out = {.type = VIV_FRAME_RUN, .body = body, .body_len = sizeof(body)};
    struct viv_error err = {0};

    assert_int_equal(fcntl(channel[0], F_SETFL, O_NONBLOCK), 0);
    while (viv_frame_send(channel[0], &out, &err) == 0)
        ;
    assert_int_equal(err.status, VIV_UNAVAILABLE);
}

/* Without a SIGPIPE. */
static void a_peer_that_is_gone(void **state)
{
    struct viv_frame_out out = {.type = VIV_FRAME_RUN};
    struct viv_error err = {0};

    close(channel[1]);
    channel[1] = -1;
    assert_int_equal(viv_frame_send(channel[0], &out, &err), -1);
    assert_int_not_equal(err.status, VIV_OK);
    descriptors_before--;
}

static void what_is_too_much_is_not_sent(void **state)
{
    static char message[VIV_FRAME_MESSAGE_MAX + 1];
    int fds[VIV_FRAME_FDS_MAX + 1] = {0};
    struct viv_frame_out long_message = {
        .type = VIV_FRAME_RUN, .message = message, .message_len = sizeof(message)};
    struct viv_frame_out many_fds = {
        .type = VIV_FRAME_RUN, .fds = fds, .fd_count = VIV_FRAME_FDS_MAX + 1};

    assert_int_equal(viv_frame_send(channel[0], &long_message, NULL), -1);
    assert_int_equal(viv_frame_send(channel[0], &many_fds, NULL), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_channel, close_channel)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sizes_around_the_inline_limit),
        TEST(descriptors_travel_beside_a_body),
        TEST(a_received_body_can_not_change),
        TEST(bodies_that_could_change_are_refused),
        TEST(bodies_of_another_size_are_refused),
        TEST(bodies_in_other_files_are_refused),
        TEST(descriptor_floods_are_refused_and_closed),
        TEST(descriptors_beside_nothing_are_closed),
        TEST(datagrams_past_the_buffer_are_refused),
        TEST(a_bad_frame_does_not_spoil_the_next),
        TEST(the_end_and_nothing_yet),
        TEST(a_peer_that_does_not_read),
        TEST(a_peer_that_is_gone),
        TEST(what_is_too_much_is_not_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
