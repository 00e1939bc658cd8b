/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of each subject: the newest value of each field, by event time. */
#include "engine/rules.h"

#include <string.h>

/* Bounds: a subject that nobody spoke of for a week is forgotten; beyond the most subjects, the one not heard of for
 * longest goes. */
enum { MOST_SUBJECTS = 100000, MOST_FIELDS = 256, MOST_VALUE = 4096 };
static const int64_t time_to_live = 7LL * DAY;

struct subject {
    int64_t id;
    char *name;
    json_t *fields; /* name → {"value", "time" (ms), "source"} */
    int64_t heard_at;
    UT_hash_handle hh;
};

struct facts {
    struct loop *loop;
    struct store *store;
    struct subject *subjects; /* the one heard of least recently first */
    struct timer sweep;
};

static void forget(struct facts *facts, struct subject *subject)
{
    HASH_DEL(facts->subjects, subject);
    json_decref(subject->fields);
    free(subject->name);
    free(subject);
}

static void forget_durably(struct facts *facts, struct subject *subject)
{
    store_delete(facts->store, STORE_FACTS, subject->id);
    forget(facts, subject);
}

static void on_sweep(void *data)
{
    struct facts *facts = data;
    int64_t oldest = loop_now(facts->loop) - time_to_live;
    while (facts->subjects && facts->subjects->heard_at < oldest)
        forget_durably(facts, facts->subjects);
    timer_after(&facts->sweep, HOUR);
}

struct facts *facts_new(struct loop *loop, struct store *store)
{
    struct facts *facts = NEW(struct facts);
    facts->loop = loop;
    facts->store = store;
    timer_init(&facts->sweep, loop, on_sweep, facts);
    timer_after(&facts->sweep, HOUR);
    return facts;
}

void facts_free(struct facts *facts)
{
    if (!facts)
        return;
    timer_stop(&facts->sweep);
    while (facts->subjects)
        forget(facts, facts->subjects);
    free(facts);
}

static struct subject *add(struct facts *facts, int64_t id, const char *name, json_t *fields, int64_t heard_at)
{
    struct subject *subject = NEW(struct subject);
    subject->id = id;
    subject->name = x_strdup(name);
    subject->fields = fields;
    subject->heard_at = heard_at;
    HASH_ADD_KEYPTR(hh, facts->subjects, subject->name, strlen(subject->name), subject);
    return subject;
}

static int load_one(void *ctx, const struct store_record *record)
{
    struct facts *facts = ctx;
    struct error e;
    json_t *fields = json_parse(record->data, record->size, &e);
    if (!json_is_object(fields)) {
        log_at(LOG_WARNING, "engine", "the facts of '%s' cannot be read and begin anew", record->key);
        json_decref(fields);
        return 0;
    }
    add(facts, record->id, record->key, fields, record->time);
    return 0;
}

int facts_restore(struct facts *facts, struct error *e)
{
    return store_load(facts->store, STORE_FACTS, load_one, facts, e);
}

static struct subject *find(const struct facts *facts, const char *name)
{
    struct subject *subject;
    HASH_FIND_STR(facts->subjects, name, subject);
    return subject;
}

static bool fits(const json_t *value)
{
    if (json_is_string(value))
        return json_string_length(value) <= MOST_VALUE;
    if (!json_is_array(value) && !json_is_object(value))
        return true;
    AUTOFREE char *text = json_text(value);
    return strlen(text) <= MOST_VALUE;
}

enum merged { NOTHING_NEW, CHANGED, TOO_LATE };

static enum merged merge_field(struct subject *subject, const char *name, json_t *value,
                               const struct cloud_event *event)
{
    json_t *field = json_object_get(subject->fields, name);
    if (!field && json_object_size(subject->fields) >= MOST_FIELDS)
        return NOTHING_NEW;
    if (field && json_int(field, "time", 0) > event->time)
        return TOO_LATE;
    bool same = field && json_equal(json_object_get(field, "value"), value) &&
                text_equal(json_str(field, "source", NULL), event->source);
    if (!field) {
        field = json_object();
        json_put(subject->fields, name, field);
    }
    json_put(field, "value", json_incref(value));
    json_put_int(field, "time", event->time);
    json_put(field, "source", json_utf8(event->source));
    return same ? NOTHING_NEW : CHANGED;
}

size_t facts_merge(struct facts *facts, const struct cloud_event *event)
{
    if (!*event->subject)
        return 0;
    int64_t now = loop_now(facts->loop);
    struct subject *subject = find(facts, event->subject);
    if (!subject) {
        if (HASH_COUNT(facts->subjects) >= MOST_SUBJECTS)
            forget_durably(facts, facts->subjects);
        subject = add(facts, store_next_id(facts->store, STORE_FACTS), event->subject, json_object(), now);
    } else {
        /* To the end of the order in which subjects were heard of. */
        HASH_DEL(facts->subjects, subject);
        HASH_ADD_KEYPTR(hh, facts->subjects, subject->name, strlen(subject->name), subject);
    }
    subject->heard_at = now;
    size_t late = 0;
    bool changed = false;
    const char *name;
    json_t *value;
    json_object_foreach(event->data, name, value)
    {
        enum merged merged = fits(value) ? merge_field(subject, name, value, event) : NOTHING_NEW;
        late += merged == TOO_LATE;
        changed |= merged == CHANGED;
    }
    if (changed) /* an unchanged repeat writes nothing */
        store_put_json(facts->store, STORE_FACTS, subject->id, subject->name, now, subject->fields);
    return late;
}

json_t *facts_of(const struct facts *facts, const char *name)
{
    const struct subject *subject = find(facts, name);
    if (!subject)
        return NULL;
    json_t *out = json_object();
    const char *field_name;
    json_t *field;
    json_object_foreach(subject->fields, field_name, field)
    {
        json_t *shown = json_object();
        json_put(shown, "value", json_incref(json_object_get(field, "value")));
        json_put_time(shown, "time", json_int(field, "time", 0));
        json_put_str(shown, "source", json_str(field, "source", ""));
        json_put(out, field_name, shown);
    }
    return out;
}

size_t facts_count(const struct facts *facts)
{
    return HASH_COUNT(facts->subjects);
}
