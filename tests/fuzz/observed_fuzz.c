/* A profile and a trace from a hostile worker, through the client library into
 * what viv makes of them. */
#include <stdio.h>
#include <stdlib.h>

#include "client/arena.h"
#include "client/reply.h"
#include "client/viv/profile/flame.h"
#include "client/viv/profile/save.h"
#include "proto/wire_check.h"

int64_t viv_reply_duration_ns(const Google__Protobuf__Duration *duration)
{
    return duration ? duration->nanos : 0;
}

static void show(struct viv_client_response *r, const Vivarium__V1__ExecuteResponse *m, FILE *out)
{
    if (m->profile && (r->profile = viv_reply_profile(r, m->profile))) {
        if (viv_flame_write(out, r->profile, "fuzz") < 0)
            fputs("no memory\n", out);
        viv_flame_write_collapsed(out, r->profile);
        viv_profile_print_hot(out, r->profile);
    }
    if (m->trace && (r->trace = viv_reply_trace(r, m->trace)))
        viv_profile_print_trace(out, r->trace, "job.py", "x = 1\ny = 2\n");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct viv_wire_caps caps = {.unpacked_max = 1 << 20};
    struct viv_client_response *r = viv_arena_new(sizeof(*r));
    ProtobufCAllocator allocator = viv_arena_allocator(r);
    Vivarium__V1__ExecuteResponse *m = NULL;
    FILE *out = fopen("/dev/null", "we");

    if (viv_wire_check(&vivarium__v1__execute_response__descriptor, data, size, &caps, NULL) == 0)
        m = vivarium__v1__execute_response__unpack(&allocator, size, data);
    if (m && out)
        show(r, m, out);
    if (out)
        fclose(out);
    viv_arena_free(r);
    return 0;
}
