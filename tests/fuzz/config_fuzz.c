/* A configuration file that nobody has looked at: an error with a place, or a
 * configuration. */
#include <stdlib.h>
#include <string.h>

#include "supervisor/service/config_yaml.h"

static void require(int holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_yaml yaml;
    struct viv_error err = {0};

    if (config_yaml_parse("f", (const char *)data, size, &yaml, &err) == 0) {
        viv_fail(&err, VIV_INVALID_ARGUMENT, "why");
        require(config_yaml_at(&yaml, "tenants[0].defaults.pids", &err) == -1);
        require(strstr(err.text, ": why") != NULL);
        config_yaml_free(&yaml);
        return 0;
    }
    require(err.status == VIV_INVALID_ARGUMENT || err.status == VIV_RESOURCE_EXHAUSTED);
    require(strncmp(err.text, "f:", 2) == 0 || size > CONFIG_BYTES_MAX);
    return 0;
}
