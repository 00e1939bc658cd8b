/* SPDX-License-Identifier: Apache-2.0 */
/* What bad configurations are told: the exact place, and the words that help. */
#include "help.h"

enum { MOST_SAID = 4 };

struct mistake {
    const char *text;
    struct {
        const char *at;    /* LINE:COLUMN */
        const char *words; /* each must be in that line, separated by | */
    } said[MOST_SAID];     /* all that is said */
};

#define CHANNEL "channels: {mail: {}}\n" /* in line 1 */
#define ALERT(more) CHANNEL "alerts:\n  - {job_name: x, trigger_condition: on_late, notify: [mail], " more "}\n"
#define UUID "123e4567-e89b-12d3-a456-426614174000"

static const struct mistake mistakes[] = {
    /* the file's own form */
    {"[a, b]\n", {{"1:1", "is a map"}}},
    {"just text\n", {{"1:1", "is a map"}}},
    {"chanels: {}\n", {{"1:1", "unknown key 'chanels' (did you mean 'channels'?)"}}},
    {"xyzzy: {}\n", {{"1:1", "unknown key 'xyzzy'"}}},
    {"jobs: [a]\n", {{"1:7", "jobs|must be a map"}}},
    {"alerts: {a: b}\n", {{"1:9", "alerts|must be a list"}}},
    {"agent: text\n", {{"1:8", "agent|must be a map"}}},

    /* what YAML offers and we refuse */
    {"jobs:\n  a: &x {}\n  b: *x\n", {{"2:6", "anchors (&x)"}, {"3:6", "aliases (*x)"}}},
    {"jobs:\n  a: !!map {}\n", {{"2:6", "tags"}}},
    {"jobs:\n  a: {every: !!str 5m}\n", {{"2:14", "tags"}}},
    {"%YAML 1.1\n---\njobs:\n", {{"1:1", "directives"}}},
    {"# c\n\n%TAG ! x\n---\njobs:\n", {{"3:1", "directives"}}},
    {"jobs:\n---\njobs:\n", {{"2:1", "second document"}}},
    {"jobs:\n...\n# c\n%YAML 1.1\n---\n", {{"4:1", "second document"}}},
    {"jobs:\n  a: {<<: {}}\n", {{"2:7", "merge keys"}}},
    {"jobs:\n  ? [a]\n  : {}\n", {{"2:5", "a key must be plain text"}}},
    {"jobs: {{a: b}: c}\n", {{"1:8", "a key must be plain text"}}},
    {"jobs:\n  a: {}\n  b: {}\n  a: {}\n", {{"4:3", "key 'a' is given twice: first in |/c.yaml:2:3"}}},
    {"jobs:\n\ta: {}\n", {{"2:1", "a tab"}}},
    {"agent: {ping_key: ${env:X}}\n", {{"1:20", "a value with ${…} must be quoted"}}},
    {"jobs: [a\n", {{"2:1", "YAML: |did not find expected ',' or ']'"}}},
    {"jobs: \"a\n", {{"2:1", "YAML: |unexpected end of stream"}}},
    {"jobs:\n  a: \"\\0\"\n", {{"2:6", "NUL"}}},
    {"jobs:\n  a: \"\x01\"\n", {{"2:7", "control characters"}}},
    {"jobs:\n  \xc3\xa4\xc3: 1\n", {{"2:4", "not UTF-8"}}},
    {"jobs:\n  \xc3\xa4: 1\n", {{"2:6", "job '\xc3\xa4' must be a map"}}},

    /* types: nothing is guessed */
    {"channels:\n  a: {send_resolved: no}\n",
     {{"2:22", "channel 'a': 'send_resolved' must be true or false, not 'no'"}}},
    {"channels:\n  a: {send_resolved: \"true\"}\n", {{"2:22", "true or false without quotes"}}},
    {"channels:\n  a: {send_resolved: True}\n", {{"2:22", "must be true or false, not 'True'"}}},
    {"channels:\n  a: {send_resolved: [true]}\n", {{"2:22", "must be true or false, not a list"}}},
    {"agent: {history: {records: 010}}\n", {{"1:28", "'records' must be a whole number|not '010'"}}},
    {"agent: {history: {records: \"10\"}}\n", {{"1:28", "without quotes"}}},
    {"agent: {history: {records: 1:30}}\n", {{"1:28", "whole number|not '1:30'"}}},
    {"agent: {history: {records: 1e3}}\n", {{"1:28", "whole number|not '1e3'"}}},
    {"agent: {history: {records: -1}}\n", {{"1:28", "must not be negative"}}},
    {"agent: {history: {records: 99999999999999999999}}\n", {{"1:28", "whole number"}}},
    {"agent: {history: {keep: 30}}\n", {{"1:25", "'keep' must be a duration|30s|not '30'"}}},
    {"agent: {ballast: 16 MiB}\n", {{"1:18", "'ballast' must be a size|10MiB|not '16 MiB'"}}},
    {"agent: {ballast: }\n", {{"1:18", "'ballast' has no value: it must be a size"}}},
    {"agent: {state_dir: var}\n", {{"1:20", "'state_dir' must be an absolute path, not 'var'"}}},
    {"agent: {state_dir: {a: b}}\n", {{"1:20", "must be an absolute path, not a map"}}},
    {"agent: {listen: {a: b}}\n", {{"1:17", "'listen' must be a list, not a map"}}},
    {"agent: {hosts: [[a]]}\n", {{"1:17", "'hosts' may hold only text"}}},
    {"agent: {hosts: [a, ]}\nchannels: {a: }\njobs: {b: {slug: }}\n", {{"3:18", "'slug' has no value"}}},
    {"agent:\n  hosts:\n    - a\n    -\n", {{"4:6", "'hosts' has an item without a value"}}},
    {"agent: {log: {level: warnin}}\n",
     {{"1:22", "'level' must be one of error|warning|info|debug, not 'warnin' (did you mean 'warning'?)"}}},
    {"agent: {log: debug}\n", {{"1:14", "agent.log must be a map"}}},
    {"channels:\n  a: {retry: {factor: 0.5}}\n", {{"2:23", "'factor' must be at least 1"}}},
    {"channels:\n  a: {retry: {factor: 02}}\n", {{"2:23", "'factor' must be a number"}}},

    /* the agent */
    {"agent: {statedir: /x}\n", {{"1:9", "agent: unknown key 'statedir' (did you mean 'state_dir'?)"}}},
    {"agent: {log: {colour: on}}\n", {{"1:15", "agent.log: unknown key 'colour'"}}},
    {"agent: {external_url: \"ftp://x\"}\n", {{"1:23", "'external_url' must be a URL (http|https://"}}},
    {"agent: {external_url: \"http://x:99999\"}\n", {{"1:23", "must be a URL"}}},
    {"agent: {external_url: \"http:x\"}\n", {{"1:23", "scheme://host"}}},
    {"agent: {listen: [\"localhost:80\"]}\n", {{"1:18", "numeric address|not 'localhost:80'"}}},
    {"agent: {listen: [\"1.2.3.4\"]}\n", {{"1:18", "ADDRESS:PORT"}}},
    {"agent: {listen: [\"1.2.3.4:65536\"]}\n", {{"1:18", "ADDRESS:PORT"}}},
    {"agent: {listen: [\"::1:80\"]}\n", {{"1:18", "[::1]:8080"}}},
    {"agent: {listen: [\"unix:x.sock\"]}\n", {{"1:18", "unix:/PATH"}}},
    {"agent: {listen: [\"1.2.3.4:1\", \"1.2.3.4:1\"]}\n", {{"1:31", "twice"}}},
    {"agent: {plugin_dirs: [lib]}\n", {{"1:23", "'plugin_dirs' wants absolute paths, not 'lib'"}}},
    {"agent: {notify: [ops]}\nchannels: {oops: }\n", {{"1:18", "unknown channel 'ops' (did you mean 'oops'?)"}}},
    {"agent: {tls: {cert: /c}}\n", {{"1:14", "agent.tls: 'key' is required"}}},
    {"agent: {tokens: [{name: a, token: short, role: view}]}\n", {{"1:35", "token 'a' is too short: 16"}}},
    {"agent: {tokens: [{name: a, role: root}]}\n",
     {{"1:18", "'token' is required"}, {"1:34", "'role' must be one of"}}},
    {"agent: {tokens: a}\n", {{"1:17", "'tokens' must be a list"}}},
    {"agent:\n  tokens:\n    - {name: a, token: 0123456789abcdef, role: view}\n"
     "    - {name: a, token: 0123456789abcdef, role: view}\n",
     {{"4:14", "token 'a' is given twice: first in |c.yaml:3:14"}, {"4:24", "the same as the one in |c.yaml:3:24"}}},

    /* channels and sources */
    {"channels: {a/b: {}}\n", {{"1:12", "channel 'a/b'|letters"}, {"1:12", "Add plugin:|channel 'a/b'"}}},
    {"channels:\n  a: {fallback: b}\n  c: {}\n", {{"2:17", "unknown channel 'b'"}}},
    {"channels:\n  a: {fallback: a}\n", {{"2:17", "circle: a → a"}}},
    {"channels:\n  a: {fallback: b}\n  b: {fallback: c}\n  c: {fallback: b}\n", {{"3:17", "circle: b → c → b"}}},
    {"channels:\n  a: {timeout: 0}\n", {{"2:16", "'timeout' must be more than 0"}}},
    {"channels:\n  a: {retry: {delay: 1m, max_delay: 1s}}\n", {{"2:37", "'max_delay' must not be less"}}},
    {"channels:\n  a: {retry: {tries: 3}}\n", {{"2:15", "channel 'a', retry: unknown key 'tries'"}}},
    {"channels:\n  a: {plugin: ../x}\n", {{"2:15", "'plugin' has lower-case letters"}}},
    {"channels:\n  a: [b]\n", {{"2:6", "channel 'a' must be a map"}}},
    {"channels:\n  a: {language: de}\n", {{"2:17", "one of en|zh|not 'de'"}}},
    {"sources: {\"\": {plugin: x}}\n", {{"1:11", "1 to 200 bytes"}}},
    {"sources:\n  X: {}\n", {{"2:3", "source 'X'|Add plugin: NAME"}}},

    /* jobs */
    {"jobs:\n  a: {shedule: x}\n", {{"2:7", "job 'a': unknown key 'shedule' (did you mean 'schedule'?)"}}},
    {"jobs:\n  a: {run: [x]}\n", {{"2:7", "job 'a': unknown key 'run'"}}},
    {"jobs:\n  a: {schedule: \"61 * * * *\"}\n", {{"2:17", "job 'a': bad schedule '61 * * * *'"}}},
    {"jobs:\n  a: {schedule: \"* * *\"}\n", {{"2:17", "bad schedule"}}},
    {"jobs:\n  a: {schedule: \"@daily\", timezone: Mars/Base}\n", {{"2:37", "unknown time zone 'Mars/Base'"}}},
    {"jobs:\n  a: {timezone: UTC}\n", {{"2:17", "'timezone' without a schedule"}}},
    {"jobs:\n  a: {schedule: \"@daily\", every: 5m}\n", {{"2:34", "exclude each other|c.yaml:2:17"}}},
    {"jobs:\n  a: {every: 5 min}\n", {{"2:14", "'every' must be a duration|not '5 min'"}}},
    {"jobs:\n  a: {every: 0}\n", {{"2:14", "'every' must be more than 0"}}},
    {"jobs:\n  a: {uuid: x}\n", {{"2:13", "'uuid' must look like"}}},
    {"jobs:\n  a: {uuid: " UUID "}\n  b: {uuid: " UUID "}\n", {{"3:13", "uuid is taken|c.yaml:2:13"}}},
    {"jobs:\n  a: {slug: A}\n", {{"2:13", "'slug' has lower-case"}}},
    {"jobs:\n  a: {slug: b}\n  b: {}\n", {{"3:3", "slug 'b' is taken|c.yaml:2:13"}}},
    {"jobs:\n  a: {methods: [PUT]}\n", {{"2:17", "one of GET|HEAD|POST"}}},
    {"jobs:\n  a: {recipients: [x]}\n", {{"2:19", "'recipients' belongs to a 'notify'"}}},
    {"jobs:\n  a*: {}\n", {{"2:3", "for patterns"}}},
    {"jobs:\n  a/b: {}\n", {{"2:3", "job 'a/b'|no '/'"}}},
    {"jobs:\n  \"a\\nb\": {}\n", {{"2:3", "key 'a\\nb'|no control characters"}}},
    {CHANNEL "jobs:\n  a: {notify: {on_fail: [mail]}}\n", {{"3:16", "unknown key 'on_fail'"}}},
    {CHANNEL "jobs:\n  a: {notify: {on_late: [male]}}\n", {{"3:26", "unknown channel 'male' (did you mean 'mail'?)"}}},
    {CHANNEL "jobs:\n  a: {notify: {on_late: {}}}\n", {{"3:25", "'on_late' must be a list, not a map"}}},
    {CHANNEL "jobs:\n  a: {notify: {on_late: []}}\n", {{"3:25", "no channel is named"}}},
    {"jobs:\n  a: {}\ntasks:\n  a: {}\n", {{"4:3", "job 'a' is defined twice: first in |c.yaml:2:3"}}},

    /* alerts */
    {"alerts: [text]\n", {{"1:10", "alert must be a map"}}},
    {"alerts: [{}]\n",
     {{"1:10", "'job_name' is required"},
      {"1:10", "'trigger_condition' is required"},
      {"1:10", "'notify_methods' is required"}}},
    {ALERT("trigers: x"), {{"3:63", "alert 'x': unknown key 'trigers'"}}},
    {ALERT("notify_methods: [mail]"), {{"3:55", "say the same"}}},
    {ALERT("schedule_cron: \"99 * * * *\""), {{"3:78", "job 'x': bad schedule"}}},
    {ALERT("grace: soon"), {{"3:70", "'grace' must be a duration"}}},
    {ALERT("repeat_interval: 0"), {{"3:80", "'repeat_interval' must be more than 0"}}},
    {ALERT("labels: {1a: b}"), {{"3:72", "label '1a'"}}},
    {ALERT("labels: {job: b}"), {{"3:72", "label 'job' is set by the agent"}}},
    {ALERT("labels: {a: [b]}"), {{"3:75", "'labels' may hold only text"}}},
    {ALERT("timezone: UTC"), {{"3:73", "'timezone' without a schedule"}}},
    {CHANNEL "alerts:\n  - job_name: x\n    trigger_condition: on_fail\n    notify: [mail]\n",
     {{"4:24", "on_failure|not 'on_fail'"}}},
    {CHANNEL "alerts:\n  - job_name: x\n    trigger_condition: [on_late, on_los]\n    notify: [mial, mail, mail]\n",
     {{"4:34", "not 'on_los'"}, {"5:14", "unknown channel 'mial' (did you mean 'mail'?)"}, {"5:26", "named twice"}}},
    {CHANNEL
     "alerts:\n  - job_name: x*\n    trigger_condition: on_late\n    notify: [mail]\n    schedule_cron: \"@daily\"\n",
     {{"6:20", "'schedule_cron' describes one job|pattern"}}},
    {CHANNEL "alerts:\n  - {name: n, job_name: a, trigger_condition: on_late, notify: [mail]}\n"
             "  - {name: n, job_name: a, trigger_condition: on_late, notify: [mail]}\n",
     {{"4:12", "alert 'n' is defined twice: first in |c.yaml:3:12"}}},
    {CHANNEL "jobs:\n  a: {schedule: \"@hourly\"}\nalerts:\n"
             "  - {job_name: a, trigger_condition: on_late, notify: [mail], schedule_cron: \"@daily\"}\n",
     {{"5:78", "job 'a': two values for its schedule|c.yaml:3:17"}}},
    {CHANNEL "jobs:\n  a: {every: 5m}\nalerts:\n"
             "  - {job_name: a, trigger_condition: on_late, notify: [mail], schedule_cron: \"@daily\"}\n",
     {{"5:78", "job 'a': two values for its schedule|c.yaml:3:14"}}},
    {CHANNEL "alerts:\n"
             "  - {job_name: a, trigger_condition: on_late, notify: [mail], schedule_cron: \"@daily\", grace: 1m}\n"
             "  - {job_name: a, trigger_condition: on_late, notify: [mail], schedule_cron: \"@hourly\", grace: 2m}\n",
     {{"4:78", "job 'a': two values for its schedule|c.yaml:3:78"}, {"4:96", "two values for its grace|c.yaml:3:95"}}},
    {CHANNEL "alerts:\n  - {job_name: a/b, trigger_condition: on_late, notify: [mail]}\n", {{"3:16", "job 'a/b'"}}},

    /* what is filled in */
    {"agent: {ping_key: \"${env:BELFRY_TEST_UNSET}\"}\n", {{"1:19", "'BELFRY_TEST_UNSET' is not set"}}},
    {"agent: {ballast: \"${env:BELFRY_TEST_UNSET}\"}\n", {{"1:18", "is not set"}}},
    {"agent: {ping_key: \"${env:}\"}\n", {{"1:19", "no name"}}},
    {"agent: {ping_key: \"${secret:x}\"}\n", {{"1:19", "none of ${env:NAME}"}}},
    {"agent: {ping_key: \"${env:X\"}\n", {{"1:19", "without its '}'"}}},
    {"agent: {ping_key: \"${file:x}\"}\n", {{"1:19", "absolute"}}},
    {"agent: {ping_key: \"${file:/nonexistent/x}\"}\n", {{"1:19", "cannot open '/nonexistent/x'"}}},
    {"agent: {ping_key: \"${credential:../x}\"}\n", {{"1:19", "no name of a credential"}}},
    {"agent: {ping_key: \"${credential:x}\"}\n", {{"1:19", "$CREDENTIALS_DIRECTORY is not set"}}},
};

static void check_mistake(const struct mistake *m, struct buf *failures)
{
    AUTOLOADED l = load_text(m->text);
    size_t n = 0;
    bool good = true;
    for (; n < MOST_SAID && m->said[n].at; n++) {
        AUTOFREE char *place = x_printf("c.yaml:%s", m->said[n].at);
        good &= was_said(&l, place, m->said[n].words);
    }
    if (!good || l.problems.errors != n || l.problems.n != n)
        buf_addf(failures, "%swants %s … %s%s, is told\n%s\n", m->text, m->said[0].at, m->said[0].words,
                 n > 1 ? " and more" : "", l.said);
}

static void each_mistake_is_told_with_its_place(void **state)
{
    (void)state;
    AUTOBUF failures = {0};
    for (size_t i = 0; i < COUNT(mistakes); i++)
        check_mistake(&mistakes[i], &failures);
    print_error("%s", buf_str(&failures));
    assert_int_equal(failures.len, 0);
}

static void all_mistakes_are_told_in_order(void **state)
{
    (void)state;
    make_sub_folder("many");
    put("many/b.yaml", "jobs:\n  z: {slug: \"\"}\n  a: {evry: 5m, uuid: x}\n");
    put("many/a.yaml", "alerts: [{}]\nfoo: 1\njobs: {z: }\n");
    put("many/c.yaml", "jobs: [\n");
    AUTOLOADED l = load("many");
    static const char *const order[] = {"a.yaml:1:10: ", "a.yaml:1:10: ", "a.yaml:1:10: ", "a.yaml:2:1: ",
                                        "b.yaml:2:3: ",  "b.yaml:3:7: ",  "b.yaml:3:23: ", "c.yaml:2:1: "};
    const char *p = l.said;
    for (size_t i = 0; i < COUNT(order); i++) {
        AUTOFREE char *start = x_printf("%s/many/%serror: ", folder, order[i]);
        if (strncmp(p, start, strlen(start)) != 0)
            fail_msg("message %zu should begin with %s in:\n%s", i, start, l.said);
        p = strchr(p, '\n') + 1;
    }
    assert_string_equal(p, "");
    assert_said(&l, "many/b.yaml:2:3", "job 'z' is defined twice: first in |a.yaml:3:8");
}

/* A file that cannot be read may hold the channel: what is missing because of that is no mistake of others. */
static void a_broken_file_makes_no_others_wrong(void **state)
{
    (void)state;
    make_sub_folder("broken");
    put("broken/a.yaml", "jobs: {a: {notify: {on_late: [mail]}}}\n");
    put("broken/b.yaml", "channels: {mail: {}\n");
    AUTOLOADED l = load("broken");
    assert_int_equal(l.problems.n, 1);
    assert_said(&l, "broken/b.yaml:2:1", "YAML");
    put("broken/b.yaml", "channels: {mail: {}}\n");
    AUTOFREE char *path = in_folder("broken/b.yaml");
    assert_int_equal(chmod(path, 0666), 0);
    AUTOLOADED refused = load("broken");
    assert_int_equal(refused.problems.n, 1);
    assert_said(&refused, "broken/b.yaml", "written by others");
}

static void names_across_files_are_told_with_both_places(void **state)
{
    (void)state;
    make_sub_folder("twice");
    put("twice/a.yaml", "agent: {state_dir: /a}\nchannels: {c: {}}\nsources: {s: {}}\njobs: {j: }\n");
    put("twice/b.yaml", "agent:\n  state_dir: /b\nchannels:\n  c: {}\nsources:\n  s: {}\ntasks:\n  j: {}\n");
    AUTOLOADED l = load("twice");
    assert_said(&l, "twice/b.yaml:2:3", "agent: option 'state_dir' is defined twice: first in |/a.yaml:1:9");
    assert_said(&l, "twice/b.yaml:4:3", "channel 'c' is defined twice: first in |/a.yaml:2:12");
    assert_said(&l, "twice/b.yaml:6:3", "source 's' is defined twice: first in |/a.yaml:3:11");
    assert_said(&l, "twice/b.yaml:8:3", "job 'j' is defined twice: first in |/a.yaml:4:8");
    assert_int_equal(l.problems.n, 4);
}

static void messages_are_capped_and_counted(void **state)
{
    (void)state;
    AUTOBUF text = {0};
    for (int i = 0; i < 3000; i++)
        buf_addf(&text, "k%d: 1\n", i);
    AUTOLOADED l = load_text(buf_str(&text));
    assert_int_equal(l.problems.errors, 3000);
    size_t lines = 0;
    for (const char *p = l.said; *p; p++)
        lines += *p == '\n';
    assert_int_equal(lines, 201);
    assert_has(l.said, "\nand 2800 more errors\n");
}

static void messages_do_not_command_the_terminal(void **state)
{
    (void)state;
    AUTOLOADED l = load_text("agent: {state_dir: \"\\e[31m\\u202E\\x85\\\\\"}\n");
    assert_has(l.said, "not '\\u001b[31m\\u202e\\u0085\\'");
}

/* ---- Limits ---- */

static int64_t time_of(const char *text, size_t size, const char *place, const char *words)
{
    put_bytes("c.yaml", text, size);
    int64_t begin = time_monotonic();
    AUTOLOADED l = load("c.yaml");
    int64_t took = time_monotonic() - begin;
    assert_said(&l, place, words);
    assert_int_equal(l.problems.n, 1);
    return took;
}

static void add_times(struct buf *out, const char *what, int times)
{
    for (int i = 0; i < times; i++)
        buf_adds(out, what);
}

static void deep_nesting_ends_at_once(void **state)
{
    (void)state;
    static const char *const openers[] = {"[", "{", "{a: ", "[{a: "};
    static const char *const at[] = {"c.yaml:1:33", "c.yaml:1:33", "c.yaml:1:129", "c.yaml:1:81"};
    for (size_t i = 0; i < COUNT(openers); i++) {
        AUTOBUF text = {0};
        add_times(&text, openers[i], 100000);
        assert_true(time_of(text.data, text.len, at[i], "nested more than 32 deep") < 1000);
    }
    AUTOBUF dashes = {0};
    add_times(&dashes, "- ", 1000);
    assert_true(time_of(dashes.data, dashes.len, "c.yaml:1:65", "nested more than 32 deep") < 1000);
}

static void depth_32_is_allowed(void **state)
{
    (void)state;
    AUTOBUF text = {0};
    buf_adds(&text, "channels: {a: {x: ");
    add_times(&text, "[", 29);
    add_times(&text, "]", 29);
    buf_adds(&text, "}}\n");
    AUTOLOADED l = load_text(buf_str(&text));
    assert_quiet(&l);
}

static void an_alias_bomb_is_a_message(void **state)
{
    (void)state;
    AUTOBUF text = {0};
    buf_adds(&text, "channels:\n  a: &a [x, x, x, x, x, x, x, x, x, x]\n");
    for (char c = 'b'; c <= 'z'; c++) {
        buf_addf(&text, "  %c: &%c [", c, c);
        for (int i = 0; i < 10; i++)
            buf_addf(&text, "%s*%c", i ? ", " : "", c - 1);
        buf_adds(&text, "]\n");
    }
    int64_t begin = time_monotonic();
    AUTOLOADED l = load_text(buf_str(&text));
    assert_true(time_monotonic() - begin < 1000);
    assert_said(&l, "c.yaml:2:6", "anchors (&a)");
    assert_said(&l, "c.yaml:3:10", "aliases (*a)");
}

static void sizes_are_limited(void **state)
{
    (void)state;
    AUTOBUF events = {0};
    buf_adds(&events, "jobs:\n  a:\n");
    for (int i = 0; i < 60000; i++)
        buf_addf(&events, "    k%d: x\n", i);
    assert_true(time_of(events.data, events.len, "c.yaml:49999:13", "100000") < 5000);
    AUTOBUF scalar = {0};
    buf_adds(&scalar, "agent:\n  ping_key: ");
    add_times(&scalar, "x", 64 * 1024 + 1);
    assert_true(time_of(scalar.data, scalar.len, "c.yaml:2:13", "64 KiB") < 1000);
    AUTOBUF directives = {0};
    for (int i = 0; i < 60000; i++)
        buf_addf(&directives, "%%TAG !a%d! !\n", i);
    assert_true(time_of(directives.data, directives.len, "c.yaml:1:1", "directives") < 1000);
    assert_true(time_of("jobs: {a: 1}\0", 13, "c.yaml:1:13", "NUL") < 1000);
}

static void names_are_limited(void **state)
{
    (void)state;
    char name[202];
    memset(name, 'n', 201);
    name[201] = '\0';
    AUTOFREE char *text = x_printf("jobs:\n  %.200s: {}\n  m%s: {}\nchannels: {c: {}}\nalerts:\n"
                                   "  - {job_name: %s, trigger_condition: on_late, notify: [c]}\n",
                                   name, name, name);
    AUTOLOADED l = load_text(text);
    assert_said(&l, "c.yaml:3:3", "a key has at most 200 bytes");
    assert_said(&l, "c.yaml:6:16", "the name of a job has 1 to 200 bytes, this one 201");
    assert_int_equal(l.problems.n, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mistake_is_told_with_its_place),
        cmocka_unit_test(all_mistakes_are_told_in_order),
        cmocka_unit_test(a_broken_file_makes_no_others_wrong),
        cmocka_unit_test(names_across_files_are_told_with_both_places),
        cmocka_unit_test(messages_are_capped_and_counted),
        cmocka_unit_test(messages_do_not_command_the_terminal),
        cmocka_unit_test(deep_nesting_ends_at_once),
        cmocka_unit_test(depth_32_is_allowed),
        cmocka_unit_test(an_alias_bomb_is_a_message),
        cmocka_unit_test(sizes_are_limited),
        cmocka_unit_test(names_are_limited),
    };
    return cmocka_run_group_tests_name("config: mistakes", tests, make_folder, remove_folder);
}
