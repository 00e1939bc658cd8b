/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics in both formats, read back by a small strict parser of what Prometheus accepts. */
#include "fakes.h"

#include <ctype.h>
#include <stdlib.h>

/* ---- the parser ---- */

enum { MOST_SERIES = 400, MOST_FAMILIES = 80 };

static struct {
    bool openmetrics;
    char family[128], type[16]; /* of the family that is being read */
    bool helped;
    char families[MOST_FAMILIES][128];
    size_t n_families;
    char series[MOST_SERIES][256];
    double values[MOST_SERIES];
    size_t n_series;
} seen;

static bool is_name(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isalpha((unsigned char)s[i]) && s[i] != '_' && s[i] != ':' && !(i && isdigit((unsigned char)s[i])))
            return false;
    return len > 0;
}

static bool ends_with(const char *s, const char *end)
{
    size_t a = strlen(s), b = strlen(end);
    return a >= b && strcmp(s + a - b, end) == 0;
}

/* A family begins with HELP, then TYPE, then perhaps UNIT; its name never comes back. */
static void read_comment(const char *line)
{
    char what[8], name[128], rest[256];
    assert_int_equal(sscanf(line, "# %7s %127s %255[^\n]", what, name, rest), 3);
    assert_true(is_name(name, strlen(name)));
    if (strcmp(what, "HELP") == 0) {
        for (size_t i = 0; i < seen.n_families; i++)
            assert_string_not_equal(seen.families[i], name);
        assert_true(seen.n_families < MOST_FAMILIES);
        strcpy(seen.families[seen.n_families++], name);
        strcpy(seen.family, name);
        seen.helped = true;
        seen.type[0] = '\0';
        return;
    }
    assert_string_equal(name, seen.family);
    if (strcmp(what, "TYPE") == 0) {
        assert_true(seen.helped);
        assert_true(strlen(rest) < sizeof seen.type);
        memcpy(seen.type, rest, strlen(rest) + 1);
        bool suffixed = ends_with(name, "_total") || ends_with(name, "_info");
        assert_false(seen.openmetrics && suffixed);
        assert_false(!seen.openmetrics && strcmp(rest, "counter") == 0 && !ends_with(name, "_total"));
        assert_non_null(strstr(seen.openmetrics ? "gauge counter summary info" : "gauge counter summary", rest));
    } else {
        assert_string_equal(what, "UNIT");
        assert_true(seen.openmetrics);
        assert_true(ends_with(name, rest) && name[strlen(name) - strlen(rest) - 1] == '_');
    }
    seen.helped = false;
}

/* {name="value",…}; returns what stands behind it. */
static const char *read_labels(const char *at)
{
    if (*at != '{')
        return at;
    do {
        size_t len = strcspn(++at, "=");
        assert_true(is_name(at, len));
        at += len + 1;
        assert_int_equal(*at++, '"');
        for (; *at != '"'; at++) {
            assert_true(*at && *at != '\n');
            if (*at == '\\')
                assert_non_null(strchr("\\\"n", *++at));
        }
        at++;
    } while (*at == ',');
    assert_int_equal(*at, '}');
    return at + 1;
}

static const char *suffix_of_type(const char *suffix)
{
    if (strcmp(seen.type, "counter") == 0)
        return seen.openmetrics ? "_total" : "";
    if (strcmp(seen.type, "info") == 0)
        return "_info";
    if (strcmp(seen.type, "summary") == 0)
        return strcmp(suffix, "_sum") == 0 ? "_sum" : "_count";
    return "";
}

static void read_sample(const char *line)
{
    size_t len = strcspn(line, "{ "), family = strlen(seen.family);
    char name[128];
    assert_true(len < sizeof name && is_name(line, len));
    snprintf(name, sizeof name, "%.*s", (int)len, line);
    assert_true(text_starts(name, seen.family));
    assert_string_equal(name + family, suffix_of_type(name + family));
    const char *value = read_labels(line + len);
    assert_true(seen.n_series < MOST_SERIES && (size_t)(value - line) < sizeof seen.series[0]);
    snprintf(seen.series[seen.n_series], sizeof seen.series[0], "%.*s", (int)(value - line), line);
    for (size_t i = 0; i < seen.n_series; i++)
        assert_string_not_equal(seen.series[i], seen.series[seen.n_series]);
    assert_int_equal(*value, ' ');
    char *end;
    seen.values[seen.n_series] = strtod(value + 1, &end);
    assert_true(end != value + 1 && *end == '\0');
    if (strcmp(seen.type, "counter") == 0)
        assert_true(seen.values[seen.n_series] >= 0);
    seen.n_series++;
}

static void read_metrics(bool openmetrics)
{
    memset(&seen, 0, sizeof seen);
    seen.openmetrics = openmetrics;
    bool over = false;
    AUTOFREE char *copy = x_strdup(answer.text);
    char *at = copy;
    assert_true(ends_with(copy, "\n"));
    for (char *line; (line = strsep(&at, "\n")) != NULL && at;) {
        assert_false(over);
        if (strcmp(line, "# EOF") == 0)
            over = true;
        else if (*line == '#')
            read_comment(line);
        else
            read_sample(line);
    }
    assert_int_equal(over, openmetrics);
}

static double value_of(const char *series)
{
    for (size_t i = 0; i < seen.n_series; i++)
        if (strcmp(seen.series[i], series) == 0)
            return seen.values[i];
    fail_msg("no series %s", series);
    return 0;
}

static void get_metrics(const char *accept)
{
    memset(header, 0, sizeof header);
    if (accept)
        set_header("accept", accept);
    assert_int_equal(call(metrics_routes, METHOD_GET, "/metrics", NULL), ROLE_VIEW);
    assert_answer(200);
}

/* ---- the tests ---- */

static const char *const text_type = "text/plain; version=0.0.4; charset=utf-8",
                         *const open_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";

static void the_text_format_is_well_formed(void **state)
{
    (void)state;
    get_metrics(NULL);
    assert_string_equal(answer.type, text_type);
    read_metrics(false);
    assert_true(value_of("belfry_build_info{version=\"1.2.3\"}") == 1);
    assert_non_null(strstr(answer.text, "# TYPE belfry_build_info gauge\n"));
    assert_non_null(strstr(answer.text, "# TYPE belfry_events_total counter\n"));
}

static void openmetrics_is_well_formed(void **state)
{
    (void)state;
    get_metrics("application/openmetrics-text; version=1.0.0");
    assert_string_equal(answer.type, open_type);
    read_metrics(true);
    assert_true(value_of("belfry_build_info{version=\"1.2.3\"}") == 1);
    assert_non_null(strstr(answer.text, "# TYPE belfry_build info\n"));
    assert_non_null(strstr(answer.text, "# TYPE belfry_events counter\n"));
    assert_non_null(strstr(answer.text, "# UNIT belfry_notification_latency_seconds seconds\n"));
    assert_non_null(strstr(answer.text, "# UNIT process_cpu_seconds seconds\n"));
}

static void every_number_is_where_it_belongs(void **state)
{
    (void)state;
    static const struct {
        const char *series;
        double value;
    } expected[] = {
        {"belfry_config_last_reload_successful", 1},
        {"belfry_config_last_reload_success_timestamp_seconds", 1772330400.5},
        {"belfry_jobs{state=\"failed\"}", 2},
        {"belfry_jobs{state=\"paused\"}", 0},
        {"belfry_job_reports_total{kind=\"fail\"}", 9},
        {"belfry_alerts{state=\"firing\"}", 2},
        {"belfry_events_total", 1234},
        {"belfry_notifications_total{channel=\"hook\",result=\"failed\"}", 2},
        {"belfry_notification_attempts_total{channel=\"hook\",verdict=\"rate_limited\"}", 0},
        {"belfry_notification_latency_seconds_sum{channel=\"hook\"}", 0},
        {"belfry_outbox_waiting{channel=\"hook\"}", 0},
        {"belfry_channel_disabled{channel=\"hook\"}", 1},
        {"belfry_store_batches_total", 11},
        {"belfry_store_last_sync_seconds", 0.0015},
        {"belfry_store_size_bytes", 8192},
        {"belfry_http_requests_total", 43},
        {"belfry_http_responses_total{class=\"2xx\"}", 40},
        {"belfry_http_connections", 3},
        {"belfry_http_refused_total{reason=\"timeout\"}", 5},
    };
    get_metrics(NULL);
    read_metrics(false);
    for (size_t i = 0; i < COUNT(expected); i++)
        assert_true(value_of(expected[i].series) == expected[i].value);
}

static void label_values_are_escaped(void **state)
{
    (void)state;
    loop_set_virtual(loop, 1772330400000);
    get_metrics(NULL);
    read_metrics(false);
#define ODD "{channel=\"odd \\\"name\\\"\\\\\\n\""
    assert_true(value_of("belfry_notification_latency_seconds_sum" ODD "}") == 1.25);
    assert_true(value_of("belfry_notification_latency_seconds_count" ODD "}") == 4);
    assert_true(value_of("belfry_notification_attempts_total" ODD ",verdict=\"unavailable\"}") == 1);
    assert_true(value_of("belfry_outbox_waiting" ODD "}") == 4);
    assert_true(value_of("belfry_outbox_oldest_age_seconds" ODD "}") == 2.5);
    assert_true(value_of("belfry_channel_disabled" ODD "}") == 0);
}

static void two_instances_of_one_name_are_one_series(void **state)
{
    (void)state;
    get_metrics(NULL);
    read_metrics(false);
    assert_true(value_of("belfry_plugin_calls_total{instance=\"email\",plugin=\"smtp\"}") == 15);
    assert_true(value_of("belfry_plugin_call_seconds_total{instance=\"email\",plugin=\"smtp\"}") == 0.002);
    assert_true(value_of("belfry_plugin_worst_call_seconds{instance=\"email\",plugin=\"smtp\"}") == 0.00009);
}

static void the_process_shows_itself(void **state)
{
    (void)state;
    get_metrics(NULL);
    read_metrics(false);
    double start = value_of("process_start_time_seconds"), now = (double)time_wall() / SECOND;
    assert_true(start > now - 3600 && start < now + 5);
    assert_true(value_of("process_resident_memory_bytes") > 1e6);
    assert_true(value_of("process_virtual_memory_bytes") >= value_of("process_resident_memory_bytes"));
    assert_true(value_of("process_open_fds") >= 3 && value_of("process_open_fds") < 1000);
    assert_true(value_of("process_max_fds") >= value_of("process_open_fds"));
    assert_true(value_of("process_cpu_seconds_total") < 600);
}

static void accept_decides(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        bool openmetrics;
    } cases[] = {
        {"*/*", false},
        {"text/html", false},
        {"", false},
        {"application/openmetrics-text", true},
        {"Application/OpenMetrics-Text;version=1.0.0,text/plain;q=0.5", true},
        {"application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
         "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
         true},
        {"text/plain;version=0.0.4;q=0.9, application/openmetrics-text ; q=0.2", false},
        {"application/openmetrics-text;q=0", false},
        {"application/openmetrics-textual", false},
        {"text/plain", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        get_metrics(cases[i].accept);
        assert_string_equal(answer.type, cases[i].openmetrics ? open_type : text_type);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(the_text_format_is_well_formed),
        TEST(openmetrics_is_well_formed),
        TEST(every_number_is_where_it_belongs),
        TEST(label_values_are_escaped),
        TEST(two_instances_of_one_name_are_one_series),
        TEST(the_process_shows_itself),
        TEST(accept_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
