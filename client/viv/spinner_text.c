#include <stdio.h>

#include "client/viv/report.h"
#include "client/viv/scope_report.h"
#include "client/viv/spinner.h"

void viv_spinner_text(unsigned tick, int64_t elapsed_ns,
                      const struct viv_client_execution *execution, char text[VIV_SPINNER_MAX])
{
    static const char *const frames[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
    const char *frame = frames[tick % (sizeof(frames) / sizeof(frames[0]))];
    char time[32], memory[32];

    viv_report_time(elapsed_ns, time, sizeof(time));
    if (execution && execution->state == VIV_CLIENT_QUEUED) {
        snprintf(text, VIV_SPINNER_MAX, "%s waiting for a worker, %s", frame, time);
    } else if (execution && execution->memory_bytes) {
        viv_report_size(execution->memory_bytes, memory, sizeof(memory));
        snprintf(text, VIV_SPINNER_MAX, "%s running %s, %s", frame, time, memory);
    } else {
        snprintf(text, VIV_SPINNER_MAX, "%s running %s", frame, time);
    }
}
