#include "supervisor/service/status.h"

#include "internal/call_status.pb-c.h"

#define RETRY_INFO "type.googleapis.com/google.rpc.RetryInfo"
#define NS_PER_SECOND INT64_C(1000000000)

/* The longest: a tag, a length, a Duration of two varints. */
#define RETRY_INFO_MAX 32

static size_t pack_retry(int64_t delay_ns, uint8_t ret_bytes[RETRY_INFO_MAX])
{
    Google__Protobuf__Duration delay = GOOGLE__PROTOBUF__DURATION__INIT;
    Vivarium__Service__RpcRetryInfo info = VIVARIUM__SERVICE__RPC_RETRY_INFO__INIT;

    delay.seconds = delay_ns / NS_PER_SECOND;
    delay.nanos = (int32_t)(delay_ns % NS_PER_SECOND);
    info.retry_delay = &delay;
    return vivarium__service__rpc_retry_info__pack(&info, ret_bytes);
}

grpc_slice status_details(const struct viv_error *err)
{
    Vivarium__Service__RpcStatus status = VIVARIUM__SERVICE__RPC_STATUS__INIT;
    Vivarium__Service__RpcDetail detail = VIVARIUM__SERVICE__RPC_DETAIL__INIT, *details = &detail;
    uint8_t retry[RETRY_INFO_MAX];
    grpc_slice slice;

    if (err->retry_after_ns <= 0)
        return grpc_empty_slice();
    detail.type_url = (char *)RETRY_INFO;
    detail.value.data = retry;
    detail.value.len = pack_retry(err->retry_after_ns, retry);
    status.code = (int32_t)err->status;
    status.message = (char *)err->text;
    status.details = &details;
    status.n_details = 1;
    slice = grpc_slice_malloc(vivarium__service__rpc_status__get_packed_size(&status));
    vivarium__service__rpc_status__pack(&status, GRPC_SLICE_START_PTR(slice));
    return slice;
}
