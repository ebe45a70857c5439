/* sched_history.c -- what is left of a job when it has ended: a file in the store, and word to whoever asked for it.
 *
 * The file, STORE_DIR/history/JOB.json, holds what `job status -json` and `job logs` show; these read it when the
 * scheduler has forgotten the job.  The word is Hadoop's: a GET of mapreduce.job.end-notification.url, in which $jobId
 * and $jobStatus are replaced.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "compute/job_json.h"
#include "compute/job_print.h"
#include "compute/sched.h"

enum { ARENA_MAX = 1 << 28, ATTEMPTS_MAX = 100000, URL_MAX = 4096, TRIES_MAX = 10 };

bool sched_store_dir(const struct sched *s, const char *leaf, char *out, size_t n)
{
    const char *base = conf_text(s->conf, OPT_sched_store_dir);

    if (!*base || strcmp(base, "none") == 0)
        return false;
    snprintf(out, n, "%s/%s", base, leaf);
    return true;
}

char *sched_history_text(struct job *j)
{
    Pb__AttemptReportProto **list;
    Pb__JobStatusProto st;
    json_t *root = json_object(), *attempts = json_array();
    struct arena a;
    char *text;
    size_t n = 0;

    arena_init(&a, ARENA_MAX);
    sched_job_status(j, &a, &st);
    list = calloc(ATTEMPTS_MAX, sizeof *list);
    if (list)
        n = sched_attempt_reports(j, &a, list, ATTEMPTS_MAX);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(attempts, job_json_attempt(list[i]));
    free(list);
    json_object_set_new(root, "job", job_json_status(&st));
    json_object_set_new(root, "attempts", attempts);
    arena_done(&a);
    text = json_dumps(root, JSON_INDENT(1));
    json_decref(root);
    return text;
}

void sched_history_write(struct sched *s, const struct task_id *id, const char *text)
{
    char dir[STORE_URI_MAX], path[STORE_URI_MAX], name[TASK_NAME_MAX + 8];
    struct store *store = NULL;
    struct store_file *f;
    struct err err = {0};
    int rc;

    if (!text || !sched_store_dir(s, "history", dir, sizeof dir))
        return;
    task_job_name(id, name, TASK_NAME_MAX);
    strcat(name, ".json");
    rc = store_new(s->conf, NULL, NULL, &store, &err);
    if (rc == 0)
        rc = store_mkdirs(store, dir, &err);
    if (rc == 0)
        rc = store_join(dir, name, path, sizeof path, &err);
    if (rc == 0)
        rc = store_create(store, path, &f, &err);
    if (rc == 0) {
        rc = store_write(f, text, strlen(text), &err);
        if (rc == 0)
            rc = store_close_writer(f, &err);
        else
            store_abandon(f);
    }
    if (rc < 0)
        LOG_WARN("scheduler.history", "job=%u err=\"%s\" next=\"do without\"", id->job, err.text);
    store_free(store);
}

/* ---- the word ---- */

static void put_replaced(char *out, size_t n, const char *url, const char *id, const char *status)
{
    size_t k = 0;

    for (const char *p = url; *p && k + 1 < n; p++) {
        const char *word = strncmp(p, "$jobId", 6) == 0        ? id
                           : strncmp(p, "$jobStatus", 10) == 0 ? status
                                                               : NULL;

        if (word) {
            k += (size_t)snprintf(out + k, n - k, "%s", word);
            p += word == id ? 5 : 9;
            if (k >= n)
                k = n - 1;
        } else {
            out[k++] = *p;
        }
    }
    out[k] = 0;
}

static size_t drop(char *bytes, size_t size, size_t n, void *ctx)
{
    (void)bytes;
    (void)ctx;
    return size * n;
}

static bool get(const char *url, long timeout_ms, char *why, size_t why_n)
{
    CURL *c = curl_easy_init();
    long status = 0;
    CURLcode code;

    if (!c)
        return false;
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, drop);
    code = curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(c);
    if (code != CURLE_OK)
        snprintf(why, why_n, "%s", curl_easy_strerror(code));
    else if (status != 200)
        snprintf(why, why_n, "status %ld", status);
    return code == CURLE_OK && status == 200;
}

void sched_notify(struct sched *s, const struct job *j)
{
    const Pb__JobSpecProto *spec = j->submit->spec;
    const char *given = spec_get(spec, "mapreduce.job.end-notification.url");
    int64_t tries = 1 + spec_int(spec, "mapreduce.job.end-notification.retry.attempts", 0);
    int64_t pause = spec_int(spec, "mapreduce.job.end-notification.retry.interval", 1000);
    int64_t timeout = spec_int(spec, "mapreduce.job.end-notification.timeout", 5000);
    char url[URL_MAX], name[TASK_NAME_MAX], why[200] = "";

    if (!given || !*given)
        return;
    task_job_name(&j->id, name, sizeof name);
    put_replaced(url, sizeof url, given, name, job_state_name(j->state));
    tries = tries < 1 ? 1 : tries > TRIES_MAX ? TRIES_MAX : tries;
    for (int64_t i = 0; i < tries && !s->stopping; i++) {
        if (get(url, timeout < 1 ? 5000 : timeout, why, sizeof why))
            return;
        if (i + 1 < tries)
            usleep((unsigned)(pause < 0 ? 0 : pause > 5000 ? 5000 : pause) * 1000);
    }
    LOG_WARN("scheduler.notify", "job=%u url=%s err=\"%s\" next=\"let it be\"", j->id.job, url,
             why);
}
