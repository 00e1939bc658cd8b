/* SPDX-License-Identifier: Apache-2.0 */
/* GET /metrics: Prometheus' text format 0.0.4, or OpenMetrics 1.0 for those who accept it. */
#include "http/server.h"

#include <dirent.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- The families: every name, unit and help text ---- */

enum family_kind { GAUGE, COUNTER, SUMMARY, INFO };
struct family {
    const char *name; /* without _total or _info, which the kind adds */
    enum family_kind kind;
    const char *unit; /* the name's last word, or "" */
    const char *help;
};

#define FAMILY(symbol, ...) static const struct family symbol = {__VA_ARGS__}
FAMILY(build, "belfry_build", INFO, "", "The agent's version.");
FAMILY(reload_ok, "belfry_config_last_reload_successful", GAUGE, "", "1 if the last reload was applied.");
FAMILY(loaded_at, "belfry_config_last_reload_success_timestamp_seconds", GAUGE, "seconds",
       "When the configuration in use was loaded.");
FAMILY(jobs_by_state, "belfry_jobs", GAUGE, "", "Jobs by state.");
FAMILY(job_reports, "belfry_job_reports", COUNTER, "", "Reports of jobs taken, by kind.");
FAMILY(job_reports_stale, "belfry_job_reports_stale", COUNTER, "", "Reports older than what was known already.");
FAMILY(events, "belfry_events", COUNTER, "", "Events processed by the engine.");
FAMILY(facts_late, "belfry_facts_late", COUNTER, "", "Facts older than what was known already.");
FAMILY(subjects, "belfry_subjects", GAUGE, "", "Subjects of which facts are known.");
FAMILY(rules, "belfry_rules", GAUGE, "", "Rules loaded.");
FAMILY(alerts, "belfry_alerts", GAUGE, "", "Alerts that are not over, by state.");
FAMILY(alerts_told, "belfry_alerts_told", COUNTER, "", "Times that people had to be told of an alert.");
FAMILY(notifications, "belfry_notifications", COUNTER, "", "Notifications finished, by channel and result.");
FAMILY(attempts, "belfry_notification_attempts", COUNTER, "", "Attempts to deliver, by channel and verdict.");
FAMILY(latency, "belfry_notification_latency_seconds", SUMMARY, "seconds", "How long attempts took, by channel.");
FAMILY(outbox_waiting, "belfry_outbox_waiting", GAUGE, "", "Notifications not finished, by channel.");
FAMILY(outbox_under_way, "belfry_outbox_under_way", GAUGE, "", "Attempts under way, by channel.");
FAMILY(outbox_age, "belfry_outbox_oldest_age_seconds", GAUGE, "seconds", "Age of the oldest one waiting, by channel.");
FAMILY(channel_disabled, "belfry_channel_disabled", GAUGE, "", "1 if the channel waits for a new configuration.");
FAMILY(store_batches, "belfry_store_batches", COUNTER, "", "Transactions written.");
FAMILY(store_records, "belfry_store_records", COUNTER, "", "Records written.");
FAMILY(store_full, "belfry_store_full", COUNTER, "", "Times that the disk was full.");
FAMILY(store_failed, "belfry_store_failed", COUNTER, "", "Times that a write or a sync failed.");
FAMILY(store_waiting, "belfry_store_waiting", GAUGE, "", "Commits not yet told.");
FAMILY(store_oldest, "belfry_store_oldest_waiting_seconds", GAUGE, "seconds", "Age of the oldest commit not yet told.");
FAMILY(store_last_sync, "belfry_store_last_sync_seconds", GAUGE, "seconds", "How long the last commit took to sync.");
FAMILY(store_worst_sync, "belfry_store_worst_sync_seconds", GAUGE, "seconds", "The longest sync so far.");
FAMILY(store_size, "belfry_store_size_bytes", GAUGE, "bytes", "Size of the database.");
FAMILY(http_requests, "belfry_http_requests", COUNTER, "", "Requests read.");
FAMILY(http_responses, "belfry_http_responses", COUNTER, "", "Answers, by class of status.");
FAMILY(http_connections, "belfry_http_connections", GAUGE, "", "Connections open.");
FAMILY(http_refused, "belfry_http_refused", COUNTER, "", "What was refused before it was handled, by reason.");
FAMILY(plugin_calls, "belfry_plugin_calls", COUNTER, "", "Calls into plugins, by instance.");
FAMILY(plugin_slow_calls, "belfry_plugin_slow_calls", COUNTER, "", "Calls that held the loop for more than 50 ms.");
FAMILY(plugin_seconds, "belfry_plugin_call_seconds", COUNTER, "seconds", "Time spent in plugins, by instance.");
FAMILY(plugin_worst, "belfry_plugin_worst_call_seconds", GAUGE, "seconds", "The longest call so far, by instance.");
FAMILY(process_cpu, "process_cpu_seconds", COUNTER, "seconds", "Total user and system CPU time spent in seconds.");
FAMILY(process_fds, "process_open_fds", GAUGE, "", "Number of open file descriptors.");
FAMILY(process_max_fds, "process_max_fds", GAUGE, "", "Maximum number of open file descriptors.");
FAMILY(process_rss, "process_resident_memory_bytes", GAUGE, "bytes", "Resident memory size in bytes.");
FAMILY(process_vsize, "process_virtual_memory_bytes", GAUGE, "bytes", "Virtual memory size in bytes.");
FAMILY(process_start, "process_start_time_seconds", GAUGE, "seconds", "Start time of the process since unix epoch.");

/* ---- The writer ---- */

struct writer {
    struct buf out;
    bool openmetrics;
    const struct family *family; /* the one whose samples come now */
};

static const char *kind_suffix(enum family_kind kind)
{
    static const char *const suffixes[] = {[GAUGE] = "", [COUNTER] = "_total", [SUMMARY] = "", [INFO] = "_info"};
    return suffixes[kind];
}

static const char *kind_name(const struct writer *w, enum family_kind kind)
{
    static const char *const names[] = {
        [GAUGE] = "gauge", [COUNTER] = "counter", [SUMMARY] = "summary", [INFO] = "info"};
    return kind == INFO && !w->openmetrics ? "gauge" : names[kind];
}

/* In OpenMetrics a family is named without the suffix of its samples, in the older format with it. */
static void begin(struct writer *w, const struct family *family)
{
    const char *suffix = w->openmetrics ? "" : kind_suffix(family->kind);
    w->family = family;
    buf_addf(&w->out, "# HELP %s%s %s\n", family->name, suffix, family->help);
    buf_addf(&w->out, "# TYPE %s%s %s\n", family->name, suffix, kind_name(w, family->kind));
    if (w->openmetrics && *family->unit)
        buf_addf(&w->out, "# UNIT %s %s\n", family->name, family->unit);
}

static void add_escaped(struct buf *out, const char *value)
{
    AUTOBUF mended = {0};
    text_add_utf8(&mended, value, strlen(value));
    for (const char *c = buf_str(&mended); *c; c++) {
        if (*c == '\n') {
            buf_adds(out, "\\n");
            continue;
        }
        if (*c == '\\' || *c == '"')
            buf_addc(out, '\\');
        buf_addc(out, *c);
    }
}

static void add_sample(struct writer *w, const char *suffix, double value, va_list labels)
{
    const char *before = "{", *name;
    buf_addf(&w->out, "%s%s", w->family->name, suffix);
    while ((name = va_arg(labels, const char *)) != NULL) {
        buf_addf(&w->out, "%s%s=\"", before, name);
        add_escaped(&w->out, va_arg(labels, const char *));
        buf_addc(&w->out, '"');
        before = ",";
    }
    if (*before == ',')
        buf_addc(&w->out, '}');
    /* Counts are whole; seconds need no more than microseconds. */
    buf_addf(&w->out, value == floor(value) ? " %.0f\n" : " %.6f\n", value);
}

/* A sample of the family begun last: sample(w, 3, "channel", "email", "result", "failed", NULL). */
__attribute__((sentinel)) static void sample(struct writer *w, double value, ...)
{
    va_list labels;
    va_start(labels, value);
    add_sample(w, kind_suffix(w->family->kind), value, labels);
    va_end(labels);
}

/* One of several samples of a summary, "_sum" or "_count". */
__attribute__((sentinel)) static void sample_part(struct writer *w, const char *suffix, double value, ...)
{
    va_list labels;
    va_start(labels, value);
    add_sample(w, suffix, value, labels);
    va_end(labels);
}

/* A family of one sample without labels. */
static void single(struct writer *w, const struct family *family, double value)
{
    begin(w, family);
    sample(w, value, NULL);
}

/* ---- The agent, jobs, events, alerts ---- */

static void write_agent(struct writer *w, const struct http_rooms *rooms)
{
    AUTOJSON *status = rooms->status(rooms->ctx);
    const json_t *config = json_object_get(status, "config");
    int64_t ms;
    begin(w, &build);
    sample(w, 1, "version", json_str(status, "version", "unknown"), NULL);
    single(w, &reload_ok, json_flag(config, "last_reload_successful", false));
    if (time_parse(json_str(config, "loaded_at", ""), &ms))
        single(w, &loaded_at, (double)ms / SECOND);
}

static void write_jobs(struct writer *w, const struct jobs *jobs)
{
    static const char *const kinds[] = {"start", "success", "fail", "log", "alive", "retry"};
    struct jobs_stats stats;
    jobs_get_stats(jobs, &stats);
    begin(w, &jobs_by_state);
    for (int state = JOB_NEW; state <= JOB_PAUSED; state++)
        sample(w, (double)stats.by_state[state], "state", job_state_name((enum job_state)state), NULL);
    begin(w, &job_reports);
    for (size_t kind = 0; kind < COUNT(kinds); kind++)
        sample(w, (double)stats.reports[kind], "kind", kinds[kind], NULL);
    single(w, &job_reports_stale, (double)stats.stale);
}

static void write_engine(struct writer *w, const struct engine *engine)
{
    struct engine_stats stats;
    engine_get_stats(engine, &stats);
    single(w, &events, (double)stats.events);
    single(w, &facts_late, (double)stats.late_facts);
    single(w, &subjects, (double)stats.subjects);
    single(w, &rules, (double)stats.rules);
    begin(w, &alerts);
    sample(w, (double)stats.firing, "state", alert_state_name(ALERT_FIRING), NULL);
    single(w, &alerts_told, (double)stats.told);
}

/* ---- Notifications ---- */

#define LIST_EACH(type, item, rows)                                                                                    \
    for (type *item = (rows)->list, *end_ = item ? item + (rows)->n : NULL; item != end_; item++)

/* A family's samples stand together, so the channels are gathered first and written family by family. */
struct channels {
    struct channel_status *list;
    size_t n;
};

static void gather_channel(void *ctx, const struct channel_status *status)
{
    struct channels *channels = ctx;
    channels->list = x_realloc(channels->list, (channels->n + 1) * sizeof *channels->list);
    channels->list[channels->n++] = *status;
}

static double attempts_of(const struct channel_status *channel)
{
    uint64_t sum = 0;
    for (int outcome = BELFRY_DELIVERED; outcome < BELFRY_AGAIN; outcome++)
        sum += channel->attempts[outcome];
    return (double)sum;
}

static double age_of(int64_t since, int64_t now)
{
    return since && since < now ? (double)(now - since) / SECOND : 0;
}

static void write_delivery(struct writer *w, const struct channels *channels)
{
    begin(w, &notifications);
    LIST_EACH (const struct channel_status, c, channels) {
        sample(w, (double)c->delivered, "channel", c->name, "result", "delivered", NULL);
        sample(w, (double)c->failed, "channel", c->name, "result", "failed", NULL);
    }
    begin(w, &attempts);
    LIST_EACH (const struct channel_status, c, channels) {
        for (int outcome = BELFRY_DELIVERED; outcome < BELFRY_AGAIN; outcome++)
            sample(w, (double)c->attempts[outcome], "channel", c->name, "verdict",
                   verdict_name((enum belfry_outcome)outcome), NULL);
    }
    begin(w, &latency);
    LIST_EACH (const struct channel_status, c, channels) {
        sample_part(w, "_sum", (double)c->latency_sum_ms / SECOND, "channel", c->name, NULL);
        sample_part(w, "_count", attempts_of(c), "channel", c->name, NULL);
    }
}

static void write_outbox(struct writer *w, const struct channels *channels, int64_t now)
{
    begin(w, &outbox_waiting);
    LIST_EACH (const struct channel_status, c, channels)
        sample(w, (double)c->waiting, "channel", c->name, NULL);
    begin(w, &outbox_under_way);
    LIST_EACH (const struct channel_status, c, channels)
        sample(w, (double)c->under_way, "channel", c->name, NULL);
    begin(w, &outbox_age);
    LIST_EACH (const struct channel_status, c, channels)
        sample(w, age_of(c->oldest, now), "channel", c->name, NULL);
    begin(w, &channel_disabled);
    LIST_EACH (const struct channel_status, c, channels)
        sample(w, strcmp(c->state, "disabled") == 0, "channel", c->name, NULL);
}

static void write_notify(struct writer *w, const struct http_rooms *rooms)
{
    struct channels channels = {0};
    notify_each_channel(rooms->notify, gather_channel, &channels);
    write_delivery(w, &channels);
    write_outbox(w, &channels, loop_now(rooms->loop));
    free(channels.list);
}

/* ---- Store, HTTP ---- */

static void write_store(struct writer *w, struct store *store)
{
    struct store_stats stats;
    store_get_stats(store, &stats);
    single(w, &store_batches, (double)stats.batches);
    single(w, &store_records, (double)stats.records);
    single(w, &store_full, (double)stats.full);
    single(w, &store_failed, (double)stats.failed);
    single(w, &store_waiting, (double)stats.waiting);
    single(w, &store_oldest, (double)stats.oldest_waiting_ms / SECOND);
    single(w, &store_last_sync, (double)stats.last_sync_us / 1e6);
    single(w, &store_worst_sync, (double)stats.worst_sync_us / 1e6);
    single(w, &store_size, (double)stats.size_bytes);
}

static void write_http(struct writer *w, const struct http *http)
{
    static const char *const classes[] = {"", "1xx", "2xx", "3xx", "4xx", "5xx"};
    struct http_stats stats;
    http_get_stats(http, &stats);
    single(w, &http_requests, (double)stats.requests);
    begin(w, &http_responses);
    for (size_t i = 1; i < COUNT(classes); i++)
        sample(w, (double)stats.per_status[i], "class", classes[i], NULL);
    single(w, &http_connections, (double)stats.connections);
    begin(w, &http_refused);
    sample(w, (double)stats.refused_by_gate, "reason", "malformed", NULL);
    sample(w, (double)stats.refused_connections, "reason", "too_many_connections", NULL);
    sample(w, (double)stats.unauthorized, "reason", "unauthorized", NULL);
    sample(w, (double)stats.timeouts, "reason", "timeout", NULL);
}

/* ---- Plugins ---- */

struct plugin_rows {
    struct plugin_stats *list;
    size_t n;
};

/* After a reload an instance and its successor of the same name may exist for a while; a series must not come twice. */
static void gather_plugin(void *ctx, const struct plugin_stats *stats)
{
    struct plugin_rows *rows = ctx;
    LIST_EACH (struct plugin_stats, row, rows) {
        if (strcmp(row->instance, stats->instance) != 0 || strcmp(row->plugin, stats->plugin) != 0)
            continue;
        row->calls += stats->calls;
        row->slow_calls += stats->slow_calls;
        row->total_us += stats->total_us;
        row->worst_us = row->worst_us > stats->worst_us ? row->worst_us : stats->worst_us;
        return;
    }
    rows->list = x_realloc(rows->list, (rows->n + 1) * sizeof *rows->list);
    rows->list[rows->n++] = *stats;
}

static void write_plugins(struct writer *w, struct plugins *plugins)
{
    struct plugin_rows rows = {0};
    plugins_each_stats(plugins, gather_plugin, &rows);
    begin(w, &plugin_calls);
    LIST_EACH (const struct plugin_stats, row, &rows)
        sample(w, (double)row->calls, "instance", row->instance, "plugin", row->plugin, NULL);
    begin(w, &plugin_slow_calls);
    LIST_EACH (const struct plugin_stats, row, &rows)
        sample(w, (double)row->slow_calls, "instance", row->instance, "plugin", row->plugin, NULL);
    begin(w, &plugin_seconds);
    LIST_EACH (const struct plugin_stats, row, &rows)
        sample(w, (double)row->total_us / 1e6, "instance", row->instance, "plugin", row->plugin, NULL);
    begin(w, &plugin_worst);
    LIST_EACH (const struct plugin_stats, row, &rows)
        sample(w, (double)row->worst_us / 1e6, "instance", row->instance, "plugin", row->plugin, NULL);
    free(rows.list);
}

/* ---- The process, named as every Prometheus client names it ---- */

struct process {
    double cpu_seconds, vsize_bytes, rss_bytes, start_seconds;
};

/* When the machine was started, from /proc/stat; 0: unknown. */
static double boot_seconds(void)
{
    char line[256];
    double seconds = 0;
    FILE *f = fopen("/proc/stat", "re");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "btime %lf", &seconds) == 1)
            break;
    if (f)
        fclose(f);
    return seconds;
}

/* False: there is no /proc here, and nothing to tell. */
static bool read_process(struct process *p)
{
    char line[1024];
    unsigned long utime, stime, vsize;
    unsigned long long start;
    long rss;
    FILE *f = fopen("/proc/self/stat", "re");
    if (!f)
        return false;
    const char *fields = fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL; /* the name may hold anything */
    fclose(f);
    if (!fields ||
        sscanf(fields + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %llu %lu %ld",
               &utime, &stime, &start, &vsize, &rss) != 5)
        return false;
    double ticks = (double)sysconf(_SC_CLK_TCK);
    p->cpu_seconds = (double)(utime + stime) / ticks;
    p->vsize_bytes = (double)vsize;
    p->rss_bytes = (double)rss * (double)sysconf(_SC_PAGESIZE);
    p->start_seconds = boot_seconds() + (double)start / ticks;
    return true;
}

static size_t count_fds(void)
{
    size_t n = 0;
    DIR *dir = opendir("/proc/self/fd");
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;)
        n += entry->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return n ? n - 1 : 0; /* without the one that reads */
}

static void write_process(struct writer *w)
{
    struct process process;
    struct rlimit limit;
    if (!read_process(&process))
        return;
    single(w, &process_cpu, process.cpu_seconds);
    single(w, &process_fds, (double)count_fds());
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        single(w, &process_max_fds, (double)limit.rlim_cur);
    single(w, &process_rss, process.rss_bytes);
    single(w, &process_vsize, process.vsize_bytes);
    single(w, &process_start, process.start_seconds);
}

/* ---- What the reader accepts ---- */

static const char *skip_blank(const char *s)
{
    return s + strspn(s, " \t");
}

/* The weight of one element of Accept if it names `type`, else -1. */
static double element_weight(const char *element, size_t len, const char *type)
{
    size_t type_len = strlen(type);
    if (len < type_len || strncasecmp(element, type, type_len) != 0)
        return -1;
    const char *end = element + len, *at = element + type_len;
    if (at < end && !strchr(" \t;", *at))
        return -1;
    double weight = 1;
    while ((at = memchr(at, ';', (size_t)(end - at))) != NULL) {
        at = skip_blank(at + 1);
        if (at + 2 < end && (*at == 'q' || *at == 'Q') && at[1] == '=')
            weight = strtod(at + 2, NULL);
    }
    return weight;
}

/* The best weight that an Accept field gives to a media type named in full; -1: none. */
static double accept_weight(const char *accept, const char *type)
{
    double best = -1;
    while (*(accept = skip_blank(accept))) {
        size_t len = strcspn(accept, ",");
        double weight = element_weight(accept, len, type);
        if (weight > best)
            best = weight;
        accept += len + (accept[len] == ',');
    }
    return best;
}

static bool wants_openmetrics(const struct exchange *x)
{
    const char *accept = exchange_header(x, "accept");
    double weight = accept ? accept_weight(accept, "application/openmetrics-text") : -1;
    return weight > 0 && weight >= accept_weight(accept, "text/plain");
}

/* GET /metrics
 * 200 in the format that Accept asks for. */
static void get_metrics(struct exchange *x)
{
    struct writer w = {.openmetrics = wants_openmetrics(x)};
    write_agent(&w, x->rooms);
    write_jobs(&w, x->rooms->jobs);
    write_engine(&w, x->rooms->engine);
    write_notify(&w, x->rooms);
    write_store(&w, x->rooms->store);
    write_http(&w, exchange_http(x));
    write_plugins(&w, x->rooms->plugins);
    write_process(&w);
    if (w.openmetrics)
        buf_adds(&w.out, "# EOF\n");
    exchange_text(x, 200,
                  w.openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                : "text/plain; version=0.0.4; charset=utf-8",
                  buf_str(&w.out), w.out.len);
    buf_free(&w.out);
}

const struct http_route metrics_routes[] = {
    {METHOD_GET, "/metrics", ROLE_VIEW, get_metrics},
    {0},
};
