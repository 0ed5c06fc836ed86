/* Datagrams from a hostile worker. The first two bytes of the input stand for
 * what is not in the datagram: how many descriptors came along, and the caps. */
#include "proto/frame.h"

#include <stdlib.h>
#include <string.h>

static void require(int holds)
{
    if (!holds)
        abort();
}

/* What the header of viv_frame_parse() promises. */
static void hold_against_promise(const struct viv_frame_header *h, size_t len, unsigned fds,
                                 const struct viv_frame_caps *caps)
{
    unsigned in_memfd = h->flags & VIV_FRAME_BODY_IN_MEMFD;

    require(h->type > VIV_FRAME_INVALID && h->type < VIV_FRAME_TYPES);
    require(h->message_len <= VIV_FRAME_MESSAGE_MAX);
    require(h->body_len <= caps->body_max);
    require(sizeof(*h) + h->message_len + (in_memfd ? 0 : h->body_len) == len);
    require(fds >= in_memfd && fds - in_memfd <= caps->fds_max);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct viv_frame_header h, before;
    struct viv_frame_caps caps;
    unsigned fds;

    if (size < 2)
        return 0;
    fds = data[0] % (VIV_FRAME_FDS_MAX + 2);
    caps.fds_max = data[1] % (VIV_FRAME_FDS_MAX + 1);
    caps.body_max = UINT64_C(1) << (data[1] >> 3);
    memset(&h, 0x5a, sizeof(h));
    before = h;
    if (viv_frame_parse(data + 2, size - 2, fds, &caps, &h, NULL) == 0)
        hold_against_promise(&h, size - 2, fds, &caps);
    else
        require(memcmp(&h, &before, sizeof(h)) == 0);
    return 0;
}
