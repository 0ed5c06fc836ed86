#include "tests/hostile/harness.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/hostile/driver.h"
#include "tests/unit/test.h"
#include "vivarium/v1/vivarium.pb-c.h"

void harness_config(struct viv_config *config, const char *start)
{
    static const char *preload[2];

    viv_config_init(config);
    config->worker_path = "tests/hostile/fake_worker";
    preload[0] = start;
    config->preload = preload;
    config->allow_absent = UINT64_MAX; /* the fake has no jail */
}

struct viv_supervisor *harness_start(const struct viv_config *config)
{
    const struct viv_profile exec = {.name = "default",
                                     .preload = config->preload,
                                     .workers_warm = config->workers_warm,
                                     .isolation = VIV_ISOLATION_EXEC};
    struct viv_config c = *config;
    struct viv_supervisor *s = NULL;
    struct viv_error err = {0};

    if (getenv("HARNESS_EXEC") && c.profile_count == 0) {
        c.profiles = &exec;
        c.profile_count = 1;
    }
    if (viv_supervisor_create(&c, &s, &err) < 0)
        fail_msg("%s", err.text);
    if (getenv("HARNESS_DRIVEN"))
        driver_start(s);
    return s;
}

void harness_stop(struct viv_supervisor *supervisor)
{
    driver_stop(supervisor);
    viv_supervisor_destroy(supervisor);
}

static void on_started(void *arg, const char *id)
{
    struct run *r = arg;

    pthread_mutex_lock(&r->lock);
    r->started++;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static bool on_output(void *arg, enum viv_stream stream, const void *data, size_t len)
{
    struct run *r = arg;
    bool hold;

    pthread_mutex_lock(&r->lock);
    r->streamed += len;
    hold = r->hold;
    r->held = hold;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    return !hold;
}

static void copy_body(struct run *r, const struct viv_result *result)
{
    Vivarium__V1__ExecuteResponse *body;

    r->body_len = result->body_len;
    body = vivarium__v1__execute_response__unpack(NULL, result->body_len, result->body);
    if (!body)
        return;
    snprintf(r->repr, sizeof(r->repr), "%.60s", body->result_repr);
    vivarium__v1__execute_response__free_unpacked(body, NULL);
}

static void copy_session(struct run *r, const struct viv_session_state *session)
{
    r->in_session = session != NULL;
    if (!session)
        return;
    r->saved = session->saved;
    r->restored_from = session->restored_from;
    snprintf(r->save_error, sizeof(r->save_error), "%.120s",
             session->save_error ? session->save_error : "");
}

static void on_finished(void *arg, const struct viv_result *result)
{
    struct run *r = arg;

    pthread_mutex_lock(&r->lock);
    r->finished++;
    r->outcome = result->outcome;
    r->has_receipt = result->receipt != NULL;
    if (result->receipt)
        r->receipt = *result->receipt;
    r->death = result->death;
    r->usage = result->usage;
    r->isolation = result->isolation;
    r->stdout_len = result->stdout_len;
    r->stdout_truncated = result->stdout_truncated;
    copy_body(r, result);
    copy_session(r, result->session);
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static void on_rejected(void *arg, const struct viv_error *error)
{
    struct run *r = arg;

    pthread_mutex_lock(&r->lock);
    r->rejected++;
    r->error = *error;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static struct run *submit(struct viv_supervisor *s, const struct viv_request *request, bool hold)
{
    static const struct viv_callbacks callbacks = {on_started, on_output, on_finished, on_rejected};
    struct run *r = calloc(1, sizeof(*r));

    r->hold = hold;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    if (viv_submit(s, request, &callbacks, r, &r->ticket, &r->error) < 0)
        r->rejected++;
    return r;
}

struct run *harness_request(struct viv_supervisor *s, const struct viv_request *request)
{
    return submit(s, request, false);
}

struct run *harness_request_held(struct viv_supervisor *s, const struct viv_request *request)
{
    return submit(s, request, true);
}

struct run *harness_submit(struct viv_supervisor *s, const char *id, const char *code,
                           const struct viv_limits *limits)
{
    struct viv_request request = {.execution_id = id, .code = code, .code_len = strlen(code)};

    if (limits)
        request.limits = *limits;
    return harness_request(s, &request);
}

struct run *harness_open(struct viv_supervisor *s, const char *session,
                         enum viv_durability durability)
{
    const struct viv_request request = {.kind = VIV_REQUEST_OPEN_SESSION,
                                        .code = "",
                                        .session_id = session,
                                        .durability = durability};

    return harness_request(s, &request);
}

struct run *harness_in(struct viv_supervisor *s, const char *session, const char *code)
{
    const struct viv_request request = {
        .session_id = session, .code = code, .code_len = strlen(code)};

    return harness_request(s, &request);
}

void harness_wait(struct run *r)
{
    pthread_mutex_lock(&r->lock);
    while (!r->finished && !r->rejected)
        pthread_cond_wait(&r->changed, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

bool harness_has_finished(struct run *run)
{
    bool finished;

    pthread_mutex_lock(&run->lock);
    finished = run->finished > 0;
    pthread_mutex_unlock(&run->lock);
    return finished;
}

void harness_wait_started(struct run *r)
{
    pthread_mutex_lock(&r->lock);
    while (!r->started && !r->finished && !r->rejected)
        pthread_cond_wait(&r->changed, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

void harness_wait_held(struct run *r)
{
    pthread_mutex_lock(&r->lock);
    while (!r->held && !r->finished && !r->rejected)
        pthread_cond_wait(&r->changed, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

void harness_free(struct run *r)
{
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->changed);
    free(r);
}

void harness_expect(struct viv_supervisor *s, const char *code, enum viv_outcome outcome)
{
    struct run *r = harness_submit(s, NULL, code, NULL);

    harness_wait(r);
    if (r->rejected || r->outcome != outcome)
        fail_msg("%s: %s, not %s; %s%s", code, viv_outcome_name(r->outcome),
                 viv_outcome_name(outcome), r->death.text, r->error.text);
    assert_int_equal(r->finished, 1);
    harness_free(r);
}

struct answer_wait {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
    enum viv_cancel_state state;
    bool has_receipt;
    struct viv_receipt receipt;
    struct viv_description description;
    enum viv_status status;
    unsigned count, resident;
};

static void wait_begin(struct answer_wait *w)
{
    memset(w, 0, sizeof(*w));
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
}

static void wait_end(struct answer_wait *w)
{
    pthread_mutex_lock(&w->lock);
    while (!w->done)
        pthread_cond_wait(&w->changed, &w->lock);
    pthread_mutex_unlock(&w->lock);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->changed);
}

static void wait_done(struct answer_wait *w)
{
    w->done = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static void on_cancel(void *arg, enum viv_cancel_state state, const struct viv_receipt *receipt)
{
    struct answer_wait *w = arg;

    pthread_mutex_lock(&w->lock);
    w->state = state;
    w->has_receipt = receipt != NULL;
    if (receipt)
        w->receipt = *receipt;
    wait_done(w);
}

enum viv_cancel_state harness_cancel(struct viv_supervisor *s, const struct viv_cancel *cancel,
                                     struct viv_receipt *ret_receipt)
{
    struct answer_wait w;

    wait_begin(&w);
    assert_int_equal(viv_cancel(s, cancel, on_cancel, &w, NULL), 0);
    wait_end(&w);
    if (ret_receipt && w.has_receipt)
        *ret_receipt = w.receipt;
    return w.state;
}

static void on_close(void *arg, const struct viv_error *error)
{
    struct answer_wait *w = arg;

    pthread_mutex_lock(&w->lock);
    w->status = error ? error->status : VIV_OK;
    wait_done(w);
}

void harness_finish(struct run *r, const char *repr, enum viv_restored_from from)
{
    harness_wait(r);
    if (r->rejected || r->outcome != VIV_OUTCOME_COMPLETED)
        fail_msg("%s %s%s", viv_outcome_name(r->outcome), r->death.text, r->error.text);
    if (repr)
        assert_string_equal(r->repr, repr);
    assert_int_equal(r->restored_from, from);
    harness_free(r);
}

static char folder[32];

void harness_use_file(struct viv_config *config, const char *node)
{
    static char url[64], key[64];

    assert_non_null(mkdtemp(strcpy(folder, "/tmp/viv-session-XXXXXX")));
    snprintf(url, sizeof(url), "sqlite:%s/s.db", folder);
    snprintf(key, sizeof(key), "%s/s.db.key", folder);
    config->sessions.store_url = url;
    config->sessions.store_key_path = key;
    config->sessions.node = node;
}

void harness_remove_file(void)
{
    static const char *const files[] = {"s.db", "s.db-wal", "s.db-shm", "s.db.key"};
    char path[64];

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
        unlink(path);
    }
    rmdir(folder);
}

enum viv_status harness_close(struct viv_supervisor *s, const char *session)
{
    struct answer_wait w;

    wait_begin(&w);
    assert_int_equal(viv_session_close(s, NULL, session, on_close, &w, NULL), 0);
    wait_end(&w);
    return w.status;
}

static void on_sessions(void *arg, const struct viv_session_info *sessions, size_t count,
                        const struct viv_error *error)
{
    struct answer_wait *w = arg;

    pthread_mutex_lock(&w->lock);
    w->status = error ? error->status : VIV_OK;
    w->count = (unsigned)count;
    for (size_t i = 0; i < count; i++)
        w->resident += sessions[i].resident;
    wait_done(w);
}

unsigned harness_sessions(struct viv_supervisor *s, unsigned *ret_resident)
{
    struct answer_wait w;

    wait_begin(&w);
    assert_int_equal(viv_session_list(s, NULL, on_sessions, &w, NULL), 0);
    wait_end(&w);
    assert_int_equal(w.status, VIV_OK);
    if (ret_resident)
        *ret_resident = w.resident;
    return w.count;
}

static void on_drained(void *arg)
{
    struct answer_wait *w = arg;

    pthread_mutex_lock(&w->lock);
    wait_done(w);
}

void harness_drain(struct viv_supervisor *s)
{
    struct answer_wait w;

    wait_begin(&w);
    assert_int_equal(viv_drain(s, 0, on_drained, &w, NULL), 0);
    wait_end(&w);
}

static void on_describe(void *arg, const struct viv_description *description)
{
    struct answer_wait *w = arg;

    pthread_mutex_lock(&w->lock);
    w->description = *description;
    wait_done(w);
}

void harness_describe(struct viv_supervisor *s, struct viv_description *ret)
{
    struct answer_wait w;

    wait_begin(&w);
    assert_int_equal(viv_describe(s, NULL, on_describe, &w, NULL), 0);
    wait_end(&w);
    *ret = w.description;
}

unsigned harness_open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned count = 0;

    while (readdir(dir))
        count++;
    closedir(dir);
    return count - 3; /* ".", ".." and the folder itself */
}

static size_t children_of(const char *thread, pid_t *ret_pids, size_t most)
{
    size_t count = 0;
    char path[64];
    FILE *f;

    snprintf(path, sizeof(path), "/proc/self/task/%.20s/children", thread);
    f = fopen(path, "re");
    while (f && count < most && fscanf(f, "%d", &ret_pids[count]) == 1)
        count++;
    if (f)
        fclose(f);
    return count;
}

size_t harness_children(pid_t *ret_pids, size_t most)
{
    DIR *dir = opendir("/proc/self/task");
    const struct dirent *entry;
    size_t count = 0;

    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            count += children_of(entry->d_name, ret_pids + count, most - count);
    closedir(dir);
    return count;
}
