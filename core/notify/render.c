/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in texts, in English and Chinese: a title of one line, and a plain text. */
#include "notify/outbox.h"

#include <string.h>

struct words {
    const char *firing, *resolved;
    const char *job, *reason, *exit_code, *duration, *node, *since, *until, *labels, *output /* a heading */;
    const char *colon;
};
static const struct words english = {
    .firing = "[FIRING] ",
    .resolved = "[RESOLVED] ",
    .job = "Job",
    .reason = "Reason",
    .exit_code = "Exit code",
    .duration = "Duration",
    .node = "Node",
    .since = "Since",
    .until = "Until",
    .labels = "Labels",
    .output = "Last output:",
    .colon = ": ",
};
static const struct words chinese = {
    .firing = "[告警] ",
    .resolved = "[恢复] ",
    .job = "任务",
    .reason = "原因",
    .exit_code = "退出码",
    .duration = "耗时",
    .node = "节点",
    .since = "开始时间",
    .until = "结束时间",
    .labels = "标签",
    .output = "最近输出：",
    .colon = "：",
};

static const struct {
    const char *alertname, *english, *chinese;
} names[] = {
    {"JobFailed", "Job failed", "任务失败"},           {"JobLate", "Job is late", "任务延迟"},
    {"JobMissed", "Job was missed", "任务未按时运行"}, {"JobTimedOut", "Job timed out", "任务超时"},
    {"JobStarted", "Job started", "任务开始"},         {"JobSucceeded", "Job succeeded", "任务成功"},
    {"JobRetried", "Job is tried again", "任务重试"},  {"JobCompleted", "Job completed", "任务结束"},
};

static bool is_chinese(const struct belfry_notification *n)
{
    return strcmp(n->language, "zh") == 0;
}

static const struct words *words_of(const struct belfry_notification *n)
{
    return is_chinese(n) ? &chinese : &english;
}

static const char *shown_name(const char *alertname, bool zh)
{
    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(names[i].alertname, alertname) == 0)
            return zh ? names[i].chinese : names[i].english;
    return alertname;
}

static const char *value_of(const struct belfry_map *map, const char *key)
{
    for (size_t i = 0; i < map->n; i++)
        if (strcmp(map->pair[i].key, key) == 0)
            return map->pair[i].value;
    return "";
}

/* What an alert is about, in a word: its job, or what its summary says. */
static const char *about(const struct belfry_alert *alert)
{
    const char *job = value_of(&alert->labels, "job");
    return *job ? job : value_of(&alert->annotations, "summary");
}

const char *render_title(const struct belfry_notification *n, bool once, struct arena *arena)
{
    const struct words *words = words_of(n);
    const struct belfry_alert *first = n->alerts[0];
    AUTOBUF out = {0};
    if (!once)
        buf_adds(&out, n->resolved ? words->resolved : words->firing);
    buf_adds(&out, shown_name(first->name, is_chinese(n)));
    if (*about(first))
        buf_addf(&out, "%s%s", words->colon, about(first));
    if (n->n_alerts > 1) {
        AUTOFREE char *count = x_printf("%zu", n->n_alerts - 1);
        buf_addf(&out, is_chinese(n) ? " 等 %s 项" : " and %s more", count);
    }
    for (char *c = out.data; *c; c++) /* one line, whatever a label holds */
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    return arena_strdup(arena, out.data);
}

static void add_line(struct buf *out, const struct words *words, const char *name, const char *value)
{
    if (*value)
        buf_addf(out, "%s%s%s\n", name, words->colon, value);
}

static bool is_shown_already(const char *label)
{
    return strcmp(label, "alertname") == 0 || strcmp(label, "job") == 0;
}

static void add_labels(struct buf *out, const struct words *words, const struct belfry_map *labels)
{
    AUTOBUF list = {0};
    for (size_t i = 0; i < labels->n; i++)
        if (!is_shown_already(labels->pair[i].key))
            buf_addf(&list, "%s%s=%s", list.len ? ", " : "", labels->pair[i].key, labels->pair[i].value);
    add_line(out, words, words->labels, buf_str(&list));
}

static void add_alert(struct buf *out, const struct belfry_notification *n, const struct belfry_alert *alert)
{
    const struct words *words = words_of(n);
    char text[TIME_TEXT];
    const char *summary = value_of(&alert->annotations, "summary");
    buf_addf(out, "%s\n", *summary && !is_chinese(n) ? summary : shown_name(alert->name, is_chinese(n)));
    add_line(out, words, words->job, value_of(&alert->labels, "job"));
    add_line(out, words, words->reason, value_of(&alert->annotations, "reason"));
    add_line(out, words, words->exit_code, value_of(&alert->annotations, "exit_code"));
    add_line(out, words, words->duration, value_of(&alert->annotations, "duration"));
    add_line(out, words, words->node, value_of(&alert->annotations, "node"));
    add_line(out, words, words->since, time_format(alert->starts_at, text));
    if (alert->resolved && alert->ends_at)
        add_line(out, words, words->until, time_format(alert->ends_at, text));
    add_labels(out, words, &alert->labels);
    const char *description = value_of(&alert->annotations, "description"),
               *output = value_of(&alert->annotations, "output");
    if (*description)
        buf_addf(out, "\n%s\n", description);
    if (*output && !alert->resolved)
        buf_addf(out, "\n%s\n%s\n", words->output, output);
}

const char *render_text(const struct belfry_notification *n, struct arena *arena)
{
    AUTOBUF out = {0};
    for (size_t i = 0; i < n->n_alerts; i++) {
        if (i)
            buf_adds(&out, "\n");
        add_alert(&out, n, n->alerts[i]);
    }
    return arena_strdup(arena, buf_str(&out));
}
