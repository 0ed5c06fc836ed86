/* Parts of the metrics page that know nothing of the service. */
#ifndef VIVARIUM_SERVICE_METRICS_PROCESS_H
#define VIVARIUM_SERVICE_METRICS_PROCESS_H

#include <stdio.h>

/* The process_* metrics that every client library of Prometheus has. */
void metrics_process_write(FILE *f);

/* "NotFound" and so on, as grpc-go writes codes. Static. */
const char *metrics_code_name(unsigned code);

#endif
