/* A program of somebody else's, with a supervisor of its own: no daemon, no gRPC. */
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include <vivarium/vivarium.h>

struct answer {
    sem_t ended;
    enum viv_outcome outcome;
    char text[600];
};

static void finished(void *arg, const struct viv_result *result)
{
    struct answer *answer = arg;

    answer->outcome = result->outcome;
    snprintf(answer->text, sizeof(answer->text), "%.*s", (int)result->stdout_len,
             (const char *)result->stdout_data);
    sem_post(&answer->ended);
}

static void rejected(void *arg, const struct viv_error *error)
{
    struct answer *answer = arg;

    snprintf(answer->text, sizeof(answer->text), "rejected: %s", error->text);
    sem_post(&answer->ended);
}

int main(int argc, char **argv)
{
    static const char code[] = "print(6 * 7, end='')";
    struct viv_callbacks callbacks = {.finished = finished, .rejected = rejected};
    struct viv_request request = {.code = code, .code_len = sizeof(code) - 1};
    struct viv_supervisor *supervisor;
    struct viv_config config;
    struct answer answer = {0};
    struct viv_error err;

    viv_config_init(&config);
    config.worker_path = argv[1];
    /* For this example's sake: a service names the layers that it can do without. */
    config.allow_absent = UINT64_MAX;
    sem_init(&answer.ended, 0, 0);
    if (viv_supervisor_create(&config, &supervisor, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    if (viv_submit(supervisor, &request, &callbacks, &answer, NULL, &err) < 0)
        rejected(&answer, &err);
    sem_wait(&answer.ended);
    printf("%s %s\n", viv_outcome_name(answer.outcome), answer.text);
    viv_supervisor_destroy(supervisor);
    return answer.outcome == VIV_OUTCOME_COMPLETED ? 0 : 1;
}
