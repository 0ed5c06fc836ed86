#include "tests/worker/group.h"

#include "tests/unit/test.h"

struct rig rig;
const char *worker_path;

void group_find_worker(int argc, char **argv)
{
    worker_path = argc > 1 ? argv[1] : "worker/vivarium-worker";
}

int group_start(void **state)
{
    rig_start(&rig, worker_path, NULL);
    return rig.ready.type == VIV_ZYGOTE_READY ? 0 : -1;
}

int group_stop(void **state)
{
    rig_stop(&rig);
    return 0;
}

void group_execute(const char *code, struct run *ret_run)
{
    const struct order order = {.code = code};

    rig_execute(&rig, &order, ret_run);
}

void group_need_processes(void)
{
    if (!(rig.ready.layers & VIV_LAYER_BIT(VIV_LAYER_PID_NAMESPACE)))
        skip();
}
