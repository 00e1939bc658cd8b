/* SPDX-License-Identifier: Apache-2.0 */
/* The jobs: block. Alerts may add jobs and complete them (alerts.c), so each is a draft until finish_jobs(). */
#include "config/build.h"

#include <string.h>

#define DRAFT(field) offsetof(struct job_draft, field)
static const struct belfry_option job_table[] = {
    {"schedule", BELFRY_STRING, .offset = DRAFT(job.schedule_text)},
    {"every", BELFRY_DURATION, .offset = DRAFT(job.every)},
    {"timezone", BELFRY_STRING, .offset = DRAFT(job.timezone)},
    {"grace", BELFRY_DURATION, .initial = "5m", .offset = DRAFT(job.grace)},
    {"start_within", BELFRY_DURATION, .offset = DRAFT(job.start_within)},
    {"finish_within", BELFRY_DURATION, .offset = DRAFT(job.finish_within)},
    {"max_runtime", BELFRY_DURATION, .offset = DRAFT(job.max_runtime)},
    {"uuid", BELFRY_STRING, .offset = DRAFT(job.uuid)},
    {"slug", BELFRY_STRING, .offset = DRAFT(job.slug)},
    {"methods", BELFRY_LIST, .choices = "GET|HEAD|POST", .offset = DRAFT(job.methods)},
    {"recipients", BELFRY_LIST, .offset = DRAFT(recipients)},
    {0},
};
static const char *const job_others[] = {"notify", NULL};

/* Where an option was given, if it was and has a value. */
static struct position given_at(const struct node *map, const char *option)
{
    const struct node *node = node_get(map, option);
    return node && node->kind == NODE_SCALAR && !node->broken && node->text[0] ? node->at : (struct position){0};
}

static void check_durations(struct build *build, const struct job_draft *draft, const char *block)
{
    const struct config_job *job = &draft->job;
    const struct node *map = draft->block;
    check_positive(build, map, job->at, block, "every", job->every);
    check_positive(build, map, job->at, block, "start_within", job->start_within);
    check_positive(build, map, job->at, block, "finish_within", job->finish_within);
    check_positive(build, map, job->at, block, "max_runtime", job->max_runtime);
}

static void bind_job(struct build *build, struct job_draft *draft, const struct node *block)
{
    struct config_job *job = &draft->job;
    AUTOFREE char *what = x_printf("job '%s'", job->name);
    config_bind(block, job->at, what, job_table, job_others, draft, build->config->arena, build->problems);
    draft->block = block;
    draft->schedule_at = given_at(block, "schedule");
    draft->every_at = given_at(block, "every");
    draft->timezone_at = given_at(block, "timezone");
    draft->grace_at = given_at(block, "grace");
    check_durations(build, draft, what);
    if (draft->schedule_at.file && draft->every_at.file)
        problems_add(build->problems, draft->every_at, "%s: 'every' and 'schedule' (in %s:%d:%d) exclude each other",
                     what, draft->schedule_at.file, draft->schedule_at.line, draft->schedule_at.column);
    const struct node *recipients = node_get(block, "recipients");
    if (recipients && !node_get(block, "notify"))
        problems_add(build->problems, recipients->at, "%s: 'recipients' belongs to a 'notify' that is not there", what);
}

static struct job_draft *add_draft(struct build *build, const char *name, struct position at)
{
    struct job_draft *draft = &build->drafts[build->n_drafts];
    draft->job = (struct config_job){.name = name, .at = at};
    names_add(&build->job_names, name, at, build->n_drafts++);
    return draft;
}

void build_jobs(struct build *build)
{
    const struct node *map = build->jobs;
    build->drafts = x_calloc(map->n + build->alerts->n, sizeof *build->drafts); /* an alert makes one job at most */
    for (size_t i = 0; i < map->n; i++) {
        const char *name = map->keys[i]->text;
        struct position at = map->keys[i]->at;
        if (check_name(build, name, at, "job", false) && strpbrk(name, "*?[]"))
            problems_add(build->problems, at, "job '%s': * ? [ ] are for patterns, not for names", name);
        bind_job(build, add_draft(build, name, at), map->items[i]);
    }
}

struct job_draft *job_draft_get(struct build *build, const char *name, struct position at)
{
    const struct name *known = names_find(&build->job_names, name);
    if (known)
        return &build->drafts[known->index];
    check_name(build, name, at, "job", false);
    struct job_draft *draft = add_draft(build, name, at);
    AUTOFREE char *what = x_printf("job '%s'", name);
    bind_options(NULL, at, what, job_table, draft, build->config->arena, build->problems);
    draft->job.implicit = true;
    return draft;
}

/* ---- What needs all of them ---- */

static void parse_schedule(struct build *build, struct job_draft *draft)
{
    struct config_job *job = &draft->job;
    const char *timezone = draft->timezone_at.file ? job->timezone : NULL;
    if (timezone && !draft->schedule_at.file && !build->incomplete)
        problems_add(build->problems, draft->timezone_at, "job '%s': 'timezone' without a schedule", job->name);
    if (timezone && !schedule_timezone_known(timezone)) {
        problems_add(build->problems, draft->timezone_at,
                     "job '%s': unknown time zone '%s' (write it as Europe/Berlin or UTC)", job->name, timezone);
        timezone = NULL;
    }
    if (!draft->schedule_at.file)
        return;
    struct error e = {0};
    char why[sizeof e];
    job->schedule = schedule_parse(job->schedule_text, timezone, job->name, &e);
    if (!job->schedule)
        problems_add(build->problems, draft->schedule_at, "job '%s': bad schedule '%s': %s", job->name,
                     job->schedule_text, error_text(&e, why, sizeof why));
}

static void settle_uuid(struct build *build, struct job_draft *draft, struct names *uuids)
{
    struct config_job *job = &draft->job;
    struct position at = config_option_position(draft->block, job->at, "uuid");
    if (!job->uuid[0])
        return;
    if (!text_is_uuid(job->uuid)) {
        problems_add(build->problems, at, "job '%s': 'uuid' must look like 123e4567-e89b-12d3-a456-426614174000",
                     job->name);
        return;
    }
    char *lower = arena_strdup(build->config->arena, job->uuid);
    text_lower(lower);
    job->uuid = lower;
    const struct name *first = names_add(uuids, lower, at, 0);
    if (first)
        problems_add(build->problems, at, "job '%s': this uuid is taken: it stands in %s:%d:%d too", job->name,
                     first->at.file, first->at.line, first->at.column);
}

static bool is_slug(const char *text)
{
    return text[0] && !text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-")];
}

static void settle_slug(struct build *build, struct job_draft *draft, struct names *slugs)
{
    struct config_job *job = &draft->job;
    const struct node *written = node_get(draft->block, "slug");
    struct position at = written ? written->at : job->at;
    if (!written)
        job->slug = is_slug(job->name) ? job->name : "";
    else if (written->kind == NODE_SCALAR && !written->broken && !node_is_nothing(written) && !is_slug(job->slug))
        problems_add(build->problems, at, "job '%s': 'slug' has lower-case letters, digits, - and _, not '%.60s'",
                     job->name, job->slug);
    const struct name *first = job->slug[0] ? names_add(slugs, job->slug, at, 0) : NULL;
    if (first)
        problems_add(build->problems, at, "job '%s': slug '%s' is taken by the job in %s:%d:%d (give one a 'slug')",
                     job->name, job->slug, first->at.file, first->at.line, first->at.column);
}

void finish_jobs(struct build *build)
{
    struct config *config = build->config;
    struct names uuids = {0}, slugs = {0};
    config->n_jobs = build->n_drafts;
    config->jobs = arena_alloc(config->arena, build->n_drafts * sizeof *config->jobs);
    for (size_t i = 0; i < build->n_drafts; i++) {
        struct job_draft *draft = &build->drafts[i];
        parse_schedule(build, draft);
        settle_uuid(build, draft, &uuids);
        settle_slug(build, draft, &slugs);
        config->jobs[i] = draft->job;
    }
    names_free(&uuids);
    names_free(&slugs);
    free(build->drafts);
}
