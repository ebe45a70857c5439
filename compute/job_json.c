#include "compute/job_json.h"

#include "compute/job_print.h"
#include "compute/task.h"

static json_t *counters_json(const Pb__JobStatusProto *st)
{
    json_t *groups = json_object();

    for (size_t i = 0; i < st->n_counters; i++) {
        const Pb__CounterProto *c = st->counters[i];
        json_t *group = json_object_get(groups, c->group);

        if (!group) {
            group = json_object();
            json_object_set_new(groups, c->group, group);
        }
        json_object_set_new(group, c->name, json_integer(c->value));
    }
    return groups;
}

/* Bytes that are no UTF-8 come from programs: each becomes a question mark. */
static json_t *text_json(const char *bytes, size_t n)
{
    json_t *s = json_stringn(bytes, n);
    char *copy;

    if (s)
        return s;
    copy = malloc(n + 1);
    for (size_t i = 0; copy && i < n; i++)
        copy[i] = (unsigned char)bytes[i] >= 0x80 || !bytes[i] ? '?' : bytes[i];
    s = copy ? json_stringn(copy, n) : json_string("");
    free(copy);
    return s;
}

static void set_text(json_t *o, const char *key, const char *value)
{
    if (value)
        json_object_set_new(o, key, text_json(value, strlen(value)));
}

static void set_number(json_t *o, const char *key, uint64_t value)
{
    json_object_set_new(o, key, json_integer((json_int_t)value));
}

json_t *job_json_status(const Pb__JobStatusProto *st)
{
    const struct task_id id = {.epoch = st->id->epoch, .job = st->id->job};
    char name[TASK_NAME_MAX];
    json_t *o = json_object();

    task_job_name(&id, name, sizeof name);
    set_text(o, "id", name);
    set_text(o, "name", st->name);
    set_text(o, "user", st->user);
    set_text(o, "state", job_state_name(st->state));
    set_text(o, "output", st->output);
    set_number(o, "maps", st->maps);
    set_number(o, "reduces", st->reduces);
    set_number(o, "mapsDone", st->mapsdone);
    set_number(o, "reducesDone", st->reducesdone);
    json_object_set_new(o, "mapProgress", json_real((double)st->mappermille / 1000));
    json_object_set_new(o, "reduceProgress", json_real((double)st->reducepermille / 1000));
    set_number(o, "submittedMs", st->submittedms);
    if (st->has_finishedms)
        set_number(o, "finishedMs", st->finishedms);
    set_text(o, "failure", st->failure);
    json_object_set_new(o, "counters", counters_json(st));
    return o;
}

json_t *job_json_attempt(const Pb__AttemptReportProto *a)
{
    struct task_id id;
    char name[TASK_NAME_MAX];
    json_t *o = json_object();

    task_id_from(a->id, &id);
    task_attempt_name(&id, name, sizeof name);
    set_text(o, "id", name);
    set_text(o, "kind", id.is_reduce ? "reduce" : "map");
    set_number(o, "task", id.index);
    set_text(o, "state", a->state);
    set_text(o, "worker", a->worker);
    set_text(o, "rack", a->rack);
    set_text(o, "split", a->split);
    if (!id.is_reduce)
        set_text(o, "locality", a->locality);
    set_text(o, "why", a->why);
    set_number(o, "waitedMs", a->waitedms);
    if (a->speculative)
        json_object_set_new(o, "speculative", json_true());
    set_number(o, "startedMs", a->startedms);
    if (a->finishedms)
        set_number(o, "finishedMs", a->finishedms);
    set_text(o, "status", a->status);
    set_text(o, "failure", a->failure);
    if (a->has_stderrtail)
        json_object_set_new(o, "stderr",
                            text_json((const char *)a->stderrtail.data, a->stderrtail.len));
    return o;
}
