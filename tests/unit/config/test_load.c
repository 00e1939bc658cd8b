/* SPDX-License-Identifier: Apache-2.0 */
/* What good configurations turn into. */
#include "help.h"

static const struct config_job *find_job(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->n_jobs; i++)
        if (strcmp(config->jobs[i].name, name) == 0)
            return &config->jobs[i];
    fail_msg("no job '%s'", name);
    return NULL;
}

static void assert_list(struct belfry_list list, const char *joined)
{
    AUTOBUF all = {0};
    for (size_t i = 0; i < list.n; i++)
        buf_addf(&all, "%s%s", i ? " " : "", list.item[i]);
    assert_string_equal(buf_str(&all), joined);
}

static void an_empty_file_gives_the_defaults(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "# nothing\n",
                                        "---\n",
                                        "\n\n",
                                        "jobs:\nchannels:\nalerts:\nagent:\n",
                                        "{}",
                                        "---\n{}\n...\n# end\n",
                                        "\xef\xbb\xbf# with a mark\n"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        AUTOLOADED l = load_text(texts[i]);
        assert_quiet(&l);
        const struct config_agent *agent = &l.config->agent;
        assert_list(agent->listen, "127.0.0.1:8080");
        assert_string_equal(agent->external_url, "http://127.0.0.1:8080");
        assert_string_equal(agent->state_dir, BELFRY_STATE_DIR);
        assert_list(agent->plugin_dirs, BELFRY_PLUGIN_DIR);
        assert_string_equal(agent->log_level, "info");
        assert_string_equal(agent->log_format, "logfmt");
        assert_int_equal(agent->history, 30LL * DAY);
        assert_int_equal(agent->history_records, 1000000);
        assert_int_equal(agent->ballast, 16 * 1024 * 1024);
        assert_string_equal(agent->ping_key, "");
        assert_string_equal(agent->tls_cert, "");
        assert_int_equal(agent->n_tokens + agent->hosts.n + agent->notify.n, 0);
        assert_int_equal(l.config->n_channels + l.config->n_sources + l.config->n_alerts + l.config->n_jobs, 0);
    }
}

static void the_short_form_loads_as_written(void **state)
{
    (void)state;
    AUTOLOADED l = load_text("channels:\n"
                             "  email: {plugin: smtp, url: \"smtps://mail.example.com\"}\n"
                             "  webhook: {url: \"https://hooks.example.com/x\"}\n"
                             "alerts:\n"
                             "  - job_name: \"model-training-pipeline\"\n"
                             "    trigger_condition: \"on_failure\"\n"
                             "    notify_methods:\n"
                             "      - email\n"
                             "      - webhook\n"
                             "    recipients:\n"
                             "      - \"admin@example.com\"\n"
                             "    schedule_cron: \"0 2 * * *\"\n");
    assert_quiet(&l);
    assert_int_equal(l.config->n_alerts, 1);
    const struct config_alert *alert = &l.config->alerts[0];
    assert_string_equal(alert->id, "model-training-pipeline/on_failure");
    assert_string_equal(alert->job, "model-training-pipeline");
    assert_false(alert->job_is_pattern);
    assert_int_equal(alert->triggers, ON_FAILURE);
    assert_list(alert->notify, "email webhook");
    assert_list(alert->recipients, "admin@example.com");
    assert_int_equal(alert->repeat_interval, 4 * HOUR);
    assert_int_equal(alert->at.line, 5);
    assert_int_equal(alert->at.column, 5);
    assert_int_equal(l.config->n_jobs, 1);
    const struct config_job *job = &l.config->jobs[0];
    assert_string_equal(job->name, "model-training-pipeline");
    assert_true(job->implicit);
    assert_non_null(job->schedule);
    assert_string_equal(job->schedule_text, "0 2 * * *");
    assert_string_equal(job->timezone, "");
    assert_int_equal(job->grace, 5 * MINUTE);
    assert_string_equal(job->slug, "model-training-pipeline");
}

static void channels_have_their_common_options(void **state)
{
    (void)state;
    AUTOLOADED l = load_text("channels:\n"
                             "  a.b-C_1:\n"
                             "    plugin: smtp\n"
                             "    language: zh\n"
                             "    fallback: plain\n"
                             "    send_resolved: false\n"
                             "    timeout: 10s\n"
                             "    retry: {delay: 2s, factor: 1.5, max_delay: 1m, give_up_after: 1h}\n"
                             "    anything: of the plugin's\n"
                             "  plain:\n"
                             "sources:\n"
                             "  heartbeat:\n"
                             "  logs: {plugin: log-rate, files: [/var/log/*.log]}\n");
    assert_quiet(&l);
    const struct config_channel *c = &l.config->channels[0];
    assert_string_equal(c->name, "a.b-C_1");
    assert_string_equal(c->plugin, "smtp");
    assert_string_equal(c->language, "zh");
    assert_string_equal(c->fallback, "plain");
    assert_int_equal(c->send_resolved, 0);
    assert_int_equal(c->timeout, 10 * SECOND);
    assert_int_equal(c->retry.delay, 2 * SECOND);
    assert_true(c->retry.factor == 1.5);
    assert_int_equal(c->retry.max_delay, MINUTE);
    assert_int_equal(c->retry.give_up_after, HOUR);
    assert_string_equal(node_get(c->block, "anything")->text, "of the plugin's");
    c++;
    assert_string_equal(c->plugin, "plain");
    assert_string_equal(c->language, "en");
    assert_string_equal(c->fallback, "");
    assert_int_equal(c->send_resolved, 1);
    assert_int_equal(c->timeout, 30 * SECOND);
    assert_int_equal(c->retry.delay, SECOND);
    assert_true(c->retry.factor == 2);
    assert_int_equal(c->retry.max_delay, 5 * MINUTE);
    assert_int_equal(c->retry.give_up_after, 24 * HOUR);
    assert_int_equal(l.config->n_sources, 2);
    assert_string_equal(l.config->sources[0].plugin, "heartbeat");
    assert_string_equal(l.config->sources[1].plugin, "log-rate");
}

static void the_agent_block_is_read_whole(void **state)
{
    (void)state;
    AUTOLOADED l = load_text("agent:\n"
                             "  listen: [\"unix:/run/b.sock\", \"[::1]:9000\"]\n"
                             "  hosts: [belfry.example.com]\n"
                             "  external_url: \"https://belfry.example.com/b/\"\n"
                             "  state_dir: /srv/belfry\n"
                             "  plugin_dirs: [/opt/a, /opt/b]\n"
                             "  tokens: [{name: ci, token: \"0123456789abcdef\", role: operate}]\n"
                             "  tls: {cert: /etc/c.pem, key: /etc/k.pem}\n"
                             "  ping_key: \"secret key\"\n"
                             "  notify: [ops]\n"
                             "  log: {level: debug, format: json}\n"
                             "  history: {keep: 7d, records: 50}\n"
                             "  ballast: 1MiB\n"
                             "channels: {ops: {plugin: webhook}}\n");
    assert_quiet(&l);
    const struct config_agent *agent = &l.config->agent;
    assert_list(agent->listen, "unix:/run/b.sock [::1]:9000");
    assert_list(agent->hosts, "belfry.example.com");
    assert_string_equal(agent->external_url, "https://belfry.example.com/b");
    assert_string_equal(agent->state_dir, "/srv/belfry");
    assert_list(agent->plugin_dirs, "/opt/a /opt/b");
    assert_int_equal(agent->n_tokens, 1);
    assert_string_equal(agent->tokens[0].name, "ci");
    assert_string_equal(agent->tokens[0].token, "0123456789abcdef");
    assert_string_equal(agent->tokens[0].role, "operate");
    assert_string_equal(agent->tls_cert, "/etc/c.pem");
    assert_string_equal(agent->tls_key, "/etc/k.pem");
    assert_string_equal(agent->ping_key, "secret key");
    assert_list(agent->notify, "ops");
    assert_string_equal(agent->log_level, "debug");
    assert_string_equal(agent->log_format, "json");
    assert_int_equal(agent->history, 7LL * DAY);
    assert_int_equal(agent->history_records, 50);
    assert_int_equal(agent->ballast, 1024 * 1024);
}

static void the_url_follows_the_first_tcp_listener(void **state)
{
    (void)state;
    AUTOLOADED tcp = load_text("agent: {listen: [\"unix:/run/b\", \"[::1]:9000\"]}\n");
    assert_string_equal(tcp.config->agent.external_url, "http://[::1]:9000");
    AUTOLOADED tls = load_text("agent: {tls: {cert: /c, key: /k}}\n");
    assert_string_equal(tls.config->agent.external_url, "https://127.0.0.1:8080");
    AUTOLOADED none = load_text("agent: {listen: [\"unix:/run/b\"]}\n");
    assert_quiet(&none);
    assert_string_equal(none.config->agent.external_url, "http://localhost");
}

static void the_command_line_goes_over_the_agent_block(void **state)
{
    (void)state;
    const char *listen[] = {"127.0.0.1:0"}, *dirs[] = {"/p1", "/p2"};
    struct config_overrides all = {"/state", listen, 1, dirs, 2}, none = {0};
    AUTOLOADED l = load_text("agent: {listen: [\"127.0.0.1:1\"], state_dir: /old}\n");
    config_override(l.config, &none);
    assert_list(l.config->agent.listen, "127.0.0.1:1");
    assert_string_equal(l.config->agent.state_dir, "/old");
    config_override(l.config, &all);
    assert_list(l.config->agent.listen, "127.0.0.1:0");
    assert_list(l.config->agent.plugin_dirs, "/p1 /p2");
    assert_string_equal(l.config->agent.state_dir, "/state");
    assert_string_equal(l.config->agent.external_url, "http://127.0.0.1:0");
    AUTOLOADED given = load_text("agent: {external_url: \"http://me\"}\n");
    config_override(given.config, &all);
    assert_string_equal(given.config->agent.external_url, "http://me");
}

static void jobs_are_read_and_told_of(void **state)
{
    (void)state;
    AUTOLOADED l = load_text("channels: {mail: {}, hook: {}}\n"
                             "tasks:\n"
                             "  nightly:\n"
                             "    schedule: \"0 0 3 * * *\"\n"
                             "    timezone: Europe/Berlin\n"
                             "    start_within: 1m\n"
                             "    finish_within: 2h\n"
                             "    max_runtime: 3h\n"
                             "    grace: 0\n"
                             "    uuid: 123E4567-E89B-12D3-A456-426614174000\n"
                             "    slug: night\n"
                             "    methods: [POST, GET]\n"
                             "    recipients: [a@example.com]\n"
                             "    notify: {on_late: [hook], on_failure: [mail, hook]}\n"
                             "  \"Beat it\": {every: 15s}\n"
                             "  bare:\n");
    assert_quiet(&l);
    const struct config_job *job = find_job(l.config, "nightly");
    assert_non_null(job->schedule);
    assert_string_equal(job->timezone, "Europe/Berlin");
    assert_int_equal(job->start_within, MINUTE);
    assert_int_equal(job->finish_within, 2 * HOUR);
    assert_int_equal(job->max_runtime, 3 * HOUR);
    assert_int_equal(job->grace, 0);
    assert_string_equal(job->uuid, "123e4567-e89b-12d3-a456-426614174000");
    assert_string_equal(job->slug, "night");
    assert_list(job->methods, "POST GET");
    assert_false(job->implicit);
    job = find_job(l.config, "Beat it");
    assert_null(job->schedule);
    assert_int_equal(job->every, 15 * SECOND);
    assert_string_equal(job->slug, "");
    job = find_job(l.config, "bare");
    assert_string_equal(job->slug, "bare");
    assert_int_equal(job->grace, 5 * MINUTE);
    assert_int_equal(l.config->n_alerts, 2);
    const struct config_alert *alert = &l.config->alerts[0];
    assert_string_equal(alert->id, "nightly/on_failure");
    assert_int_equal(alert->triggers, ON_FAILURE);
    assert_list(alert->notify, "mail hook");
    assert_list(alert->recipients, "a@example.com");
    assert_int_equal(alert->repeat_interval, 4 * HOUR);
    assert_string_equal(alert[1].id, "nightly/on_late");
    assert_list(alert[1].notify, "hook");
}

static void alerts_have_ids_and_all_their_options(void **state)
{
    (void)state;
    AUTOLOADED l =
        load_text("channels: {c: {}}\n"
                  "jobs: {x: {notify: {on_failure: [c]}}}\n"
                  "alerts:\n"
                  "  - {job_name: x, trigger_condition: on_failure, notify: [c]}\n"
                  "  - {job_name: x, trigger_condition: [on_late, on_failure], notify: [c]}\n"
                  "  - {job_name: x, trigger_condition: on_failure, notify: [c]}\n"
                  "  - name: mine\n"
                  "    job_name: \"etl-*\"\n"
                  "    trigger_condition: [on_start, on_success, on_failure, on_retry, on_timeout, on_late,\n"
                  "      on_missed, on_recovery, on_complete]\n"
                  "    notify_methods: [c]\n"
                  "    labels: {severity: critical, team: \"\"}\n"
                  "    annotations: {summary: \"{{ x }}\"}\n"
                  "    repeat_interval: 30m\n");
    assert_quiet(&l);
    const struct config_alert *a = l.config->alerts;
    assert_int_equal(l.config->n_alerts, 5);
    assert_string_equal(a[0].id, "x/on_failure");
    assert_string_equal(a[1].id, "x/on_failure,on_late");
    assert_int_equal(a[1].triggers, ON_LATE | ON_FAILURE);
    assert_string_equal(a[2].id, "x/on_failure#2");
    assert_string_equal(a[3].id, "mine");
    assert_true(a[3].job_is_pattern);
    assert_int_equal(a[3].triggers, ON_START | ON_SUCCESS | ON_FAILURE | ON_RETRY | ON_TIMEOUT | ON_LATE | ON_MISSED |
                                        ON_RECOVERY | ON_COMPLETE);
    assert_int_equal(a[3].labels.n, 2);
    assert_string_equal(a[3].labels.pair[0].key, "severity");
    assert_string_equal(a[3].labels.pair[0].value, "critical");
    assert_string_equal(a[3].labels.pair[1].value, "");
    assert_string_equal(a[3].annotations.pair[0].value, "{{ x }}");
    assert_int_equal(a[3].repeat_interval, 30 * MINUTE);
    assert_string_equal(a[4].id, "x/on_failure#3");
    assert_int_equal(l.config->n_jobs, 1);
}

static void alerts_complete_their_jobs(void **state)
{
    (void)state;
    AUTOLOADED l = load_text(
        "channels: {c: {}}\n"
        "jobs: {known: {timezone: UTC}}\n"
        "alerts:\n"
        "  - {job_name: known, trigger_condition: on_late, notify: [c], schedule_cron: \"@daily\", grace: 1m}\n"
        "  - {job_name: new, trigger_condition: on_late, notify: [c], schedule_cron: \"0 2 * * *\", timezone: UTC}\n"
        "  - {job_name: new, trigger_condition: on_failure, notify: [c], schedule_cron: \"0 2 * * *\", grace: 2m}\n");
    assert_quiet(&l);
    assert_int_equal(l.config->n_jobs, 2);
    const struct config_job *job = find_job(l.config, "known");
    assert_false(job->implicit);
    assert_non_null(job->schedule);
    assert_int_equal(job->grace, MINUTE);
    job = find_job(l.config, "new");
    assert_true(job->implicit);
    assert_string_equal(job->schedule_text, "0 2 * * *");
    assert_string_equal(job->timezone, "UTC");
    assert_int_equal(job->grace, 2 * MINUTE);
}

static void files_are_merged_by_name(void **state)
{
    (void)state;
    make_sub_folder("merge");
    put("merge/b.yaml", "alerts: [{job_name: b, trigger_condition: on_late, notify: [two]}]\n"
                        "agent: {state_dir: /b}\njobs: {b: }\n");
    put("merge/a.yaml", "alerts: [{job_name: a, trigger_condition: on_late, notify: [one]}]\n"
                        "agent: {ballast: 1MiB}\nchannels: {one: {}}\n");
    put("merge/c.yaml", "channels: {two: {fallback: one}}\ntasks: {c: }\njobs: {d: }\n");
    AUTOLOADED l = load("merge");
    assert_quiet(&l);
    assert_string_equal(l.config->alerts[0].job, "a");
    assert_string_equal(l.config->alerts[1].job, "b");
    assert_string_equal(l.config->agent.state_dir, "/b");
    assert_int_equal(l.config->agent.ballast, 1024 * 1024);
    assert_int_equal(l.config->n_channels, 2);
    assert_int_equal(l.config->n_jobs, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_gives_the_defaults),
        cmocka_unit_test(the_short_form_loads_as_written),
        cmocka_unit_test(channels_have_their_common_options),
        cmocka_unit_test(the_agent_block_is_read_whole),
        cmocka_unit_test(the_url_follows_the_first_tcp_listener),
        cmocka_unit_test(the_command_line_goes_over_the_agent_block),
        cmocka_unit_test(jobs_are_read_and_told_of),
        cmocka_unit_test(alerts_have_ids_and_all_their_options),
        cmocka_unit_test(alerts_complete_their_jobs),
        cmocka_unit_test(files_are_merged_by_name),
    };
    return cmocka_run_group_tests_name("config: load", tests, make_folder, remove_folder);
}
