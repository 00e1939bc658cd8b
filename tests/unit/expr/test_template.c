/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <string.h>

#include "expr/expr.h"

static const struct template_name names[] = {{"title", false}, {"text", false},       {"status", false},
                                             {"labels", true}, {"annotations", true}, {"absent", false}};

/* What the names are worth: `labels` gives its key back in angle brackets, apart from a few. */
struct values {
    const char *title, *text, *label;
};

static const char *lookup(void *ctx, size_t name, const char *key)
{
    const struct values *values = ctx;
    static char shown[256];
    assert_in_range(name, 0, COUNT(names) - 1);
    assert_int_equal(key != NULL, names[name].is_map);
    if (strcmp(names[name].name, "title") == 0)
        return values->title;
    if (strcmp(names[name].name, "text") == 0)
        return values->text;
    if (strcmp(names[name].name, "labels") != 0 || strcmp(key, "absent") == 0)
        return NULL;
    snprintf(shown, sizeof shown, "[%s]", key);
    return values->label ? values->label : shown;
}

static char *render(const char *text, struct values values, enum template_escape escape)
{
    struct error e = {0};
    char shown[1024];
    struct belfry_template *template = template_parse(text, names, COUNT(names), &e);
    if (!template)
        fail_msg("%s: %s", text, error_text(&e, shown, sizeof shown));
    AUTOBUF out = {0};
    buf_adds(&out, ">"); /* what is there stays */
    assert_int_equal(template_render(template, lookup, &values, escape, &out, &e), 0);
    template_free(template);
    assert_int_equal(out.data[0], '>');
    assert_int_equal(strlen(out.data), out.len);
    assert_true(text_is_utf8(out.data, out.len, NULL));
    return x_strdup(out.data + 1);
}

static void expect(const char *text, struct values values, enum template_escape escape, const char *want)
{
    AUTOFREE char *got = render(text, values, escape);
    assert_string_equal(got, want);
}

static void expect_plain(const char *text, const char *want)
{
    expect(text, (struct values){"T", "two\nlines", NULL}, TEMPLATE_PLAIN, want);
}

static void test_text_and_names(void **state)
{
    (void)state;
    expect_plain("", "");
    expect_plain("no names", "no names");
    expect_plain("{{ title }}", "T");
    expect_plain("{{title}}", "T");
    expect_plain("{{\t\r\n title \n}}", "T");
    expect_plain("<{{ title }}>{{ title }}", "<T>T");
    expect_plain("{{ title }}{{ text }}", "Ttwo\nlines");
    expect_plain("{{ absent }}", "");
    expect_plain("a{{ status }}b", "ab");
    expect_plain("\xc3\xa9 {{ title }} \xe2\x82\xac", "\xc3\xa9 T \xe2\x82\xac");
}

static void test_keys(void **state)
{
    (void)state;
    expect_plain("{{ labels.severity }}", "[severity]");
    expect_plain("{{ labels . severity }}", "[severity]");
    expect_plain("{{ labels._a1 }}", "[_a1]");
    expect_plain("{{ labels[\"severity\"] }}", "[severity]");
    expect_plain("{{labels['severity']}}", "[severity]");
    expect_plain("{{ labels [ \"a b-c.d\" ] }}", "[a b-c.d]");
    expect_plain("{{ labels[\"\"] }}", "[]");
    expect_plain("{{ labels[\"}}\"] }}", "[}}]");
    expect_plain("{{ labels[\"a\\\"]b\"] }}", "[a\"]b]");
    expect_plain("{{ labels[\"in\"] }}", "[in]");
    expect_plain("{{ labels.absent }}{{ annotations.summary }}", "");
}

static void test_strings(void **state)
{
    (void)state;
    expect_plain("{{ \"{{\" }}", "{{");
    expect_plain("{{ '}}' }}", "}}");
    expect_plain("{{\"{{\"}}title{{\"}}\"}}", "{{title}}");
    expect_plain("{{ \"\" }}", "");
    expect_plain("{{ \"it's\" }}{{ 'a \"b\"' }}", "it'sa \"b\"");
    expect_plain("{{ \"\\\\ \\\" \\' \\` \\? \\n\\t\\r\\a\\b\\f\\v\" }}", "\\ \" ' ` ? \n\t\r\a\b\f\v");
    expect_plain("{{ \"\\x41\\XE9\\u20ac\\U0001F514\" }}", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x94");
    expect_plain("{{ \"\xe2\x82\xac\" }}", "\xe2\x82\xac");
}

/* Braces of the text itself are text, as long as they pair. */
static void test_braces(void **state)
{
    (void)state;
    expect_plain("{", "{");
    expect_plain("}", "}");
    expect_plain("{ }", "{ }");
    expect_plain("} }", "} }");
    expect_plain("a { b", "a { b");
    expect_plain("{\"a\":{\"b\":\"{{ title }}\"}}", "{\"a\":{\"b\":\"T\"}}");
    expect_plain("{\"a\":{\"b\":{\"c\":1}}}", "{\"a\":{\"b\":{\"c\":1}}}");
    expect_plain("{\"a\":{\"b\":{{ title }}}}", "{\"a\":{\"b\":T}}");
}

struct refusal {
    const char *text, *where, *what, *mend; /* the last two: a part of it */
};

static void check_refusals(const struct refusal *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct error e = {0};
        if (template_parse(rows[i].text, names, COUNT(names), &e))
            fail_msg("accepted: %s", rows[i].text);
        if (strcmp(e.where, rows[i].where) != 0 || !strstr(e.what, rows[i].what) || !strstr(e.mend, rows[i].mend))
            fail_msg("%s: \"%s: %s (%s)\" instead of \"%s: %s (%s)\"", rows[i].text, e.where, e.what, e.mend,
                     rows[i].where, rows[i].what, rows[i].mend);
        assert_null(template_parse(rows[i].text, names, COUNT(names), NULL));
    }
}
#define CHECK_REFUSALS(...)                                                                                            \
    do {                                                                                                               \
        static const struct refusal rows_[] = {__VA_ARGS__};                                                           \
        check_refusals(rows_, COUNT(rows_));                                                                           \
    } while (0)

static void test_unknown_names(void **state)
{
    (void)state;
    CHECK_REFUSALS({"{{ titel }}", "line 1, column 4", "titel", "did you mean title?"},
                   {"{{ Title }}", "line 1, column 4", "Title", "did you mean title?"},
                   {"{{ label.x }}", "line 1, column 4", "label", "did you mean labels?"},
                   {"{{ zebra }}", "line 1, column 4", "zebra", "known are title, text, status, labels"},
                   {"a\nbc {{\n  txt }}", "line 3, column 3", "txt", "did you mean text?"},
                   {"\xe2\x82\xac\xc3\xa9{{ txt }}", "line 1, column 6", "txt", "did you mean text?"},
                   {"{{ title }} {{ txt }}", "line 1, column 16", "txt", "did you mean text?"});
    struct error e = {0};
    assert_null(template_parse("{{ title }}", NULL, 0, &e));
    assert_non_null(strstr(e.what, "title"));
}

static void test_maps_and_plain_names(void **state)
{
    (void)state;
    CHECK_REFUSALS({"{{ labels }}", "line 1, column 4", "labels is a map", "{{ labels.key }}"},
                   {"{{ title.x }}", "line 1, column 4", "title has no keys", "{{ title }}"},
                   {"{{ title[\"x\"] }}", "line 1, column 4", "title has no keys", "{{ title }}"},
                   {"{{ labels.true }}", "line 1, column 11", "true", "[\"true\"]"},
                   {"{{ labels.in }}", "line 1, column 11", "in", "[\"in\"]"},
                   {"{{ labels. }}", "line 1, column 12", "not understood", "name.key"},
                   {"{{ labels.1 }}", "line 1, column 11", "not understood", "name.key"},
                   {"{{ labels.a.b }}", "line 1, column 12", "not understood", ""},
                   {"{{ labels.a-b }}", "line 1, column 12", "not understood", "name[\"key\"]"},
                   {"{{ labels[x] }}", "line 1, column 11", "not understood", "name[\"key\"]"},
                   {"{{ labels[1] }}", "line 1, column 11", "not understood", ""},
                   {"{{ labels[] }}", "line 1, column 11", "not understood", ""},
                   {"{{ labels[\"a\" }}", "line 1, column 15", "not understood", ""},
                   {"{{ labels[\"a\"][\"b\"] }}", "line 1, column 15", "not understood", ""});
}

static void test_braces_that_do_not_pair(void **state)
{
    (void)state;
    CHECK_REFUSALS(
        {"{{", "line 1, column 1", "not closed", "}}"}, {"a {{ ", "line 1, column 3", "not closed", "}}"},
        {"{{ title", "line 1, column 1", "not closed", "}}"}, {"{{ title }", "line 1, column 10", "not understood", ""},
        {"{{ title } }", "line 1, column 10", "not understood", ""},
        {"\n{{ labels.", "line 2, column 1", "not closed", ""}, {"{{ labels[", "line 1, column 1", "not closed", ""},
        {"{{ labels[\"x", "line 1, column 1", "not closed", ""},
        {"{{ labels[\"x\"", "line 1, column 1", "not closed", ""}, {"{{ \"x", "line 1, column 1", "not closed", ""},
        {"{{ \"x\\", "line 1, column 1", "not closed", ""}, {"{{ \"\\u00", "line 1, column 1", "not closed", ""},
        {"{{ 'x\" }}", "line 1, column 1", "not closed", ""}, {"{{ \"x\n\" }}", "line 1, column 4", "its line", "\\n"},
        {"}}", "line 1, column 1", "closes nothing", "{{ \"}}\" }}"},
        {"title }}", "line 1, column 7", "closes nothing", ""},
        {"{ title }}", "line 1, column 9", "closes nothing", ""},
        {"{{ title }} }}", "line 1, column 13", "closes nothing", ""},
        {"{{ title }}}}", "line 1, column 12", "closes nothing", ""},
        {"{{ {{ title }} }}", "line 1, column 4", "not understood", ""},
        {"{{{ title }}}", "line 1, column 3", "not understood", ""});
}

static void test_what_is_no_expression(void **state)
{
    (void)state;
    CHECK_REFUSALS({"{{}}", "line 1, column 1", "nothing", "name"}, {"{{ \n }}", "line 1, column 1", "nothing", "name"},
                   {"{{ title text }}", "line 1, column 10", "not understood", ""},
                   {"{{ 1 }}", "line 1, column 4", "not understood", ""},
                   {"{{ .title }}", "line 1, column 4", "not understood", ""},
                   {"{{ $title }}", "line 1, column 4", "not understood", ""},
                   {"{{ title | upper }}", "line 1, column 10", "not understood", ""},
                   {"{{ title + text }}", "line 1, column 10", "not understood", ""},
                   {"{{ title() }}", "line 1, column 9", "not understood", ""},
                   {"{{- title }}", "line 1, column 3", "not understood", ""},
                   {"{{ \"a\" \"b\" }}", "line 1, column 8", "not understood", ""},
                   {"{{ \xc3\xa9 }}", "line 1, column 4", "not understood", ""},
                   {"{{ \"\\q\" }}", "line 1, column 5", "escape", "backslash"},
                   {"{{ \"\\x4\" }}", "line 1, column 5", "2 hexadecimal", ""},
                   {"{{ \"\\u12g4\" }}", "line 1, column 5", "4 hexadecimal", ""},
                   {"{{ \"\\u0000\" }}", "line 1, column 5", "no character", ""},
                   {"{{ \"\\ud800\" }}", "line 1, column 5", "no character", ""},
                   {"{{ \"\\U00110000\" }}", "line 1, column 5", "no character", ""});
}

/* ---- Values that would like to be more than values ---- */

static const char *const hostile[] = {
    "\"",
    "\\",
    "\\\"",
    "'",
    "\",\"admin\":true,\"x\":\"",
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "<b onclick='x'>&amp;</b>",
    "a\r\nBcc: everyone@example.com",
    "a\nb",
    "a\rb",
    "\t\v\f\b\a\x1b[31m\x7f",
    "\xc2\x85new line",
    "\xe2\x80\xa8\xe2\x80\xa9",
    "\xff\xfe",
    "\xc3",
    "\xe2\x82",
    "\xed\xa0\x80",
    "\xc0\xaf",
    "\xf5\x80\x80\x80",
    "\xf0\x9f\x94\x94",
    "{{ title }}",
    "}}",
    "%s%n",
    "\xc2",
    "\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f"};

static void test_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hostile); i++) {
        AUTOFREE char *got = render("{\"t\":\"{{ title }}\",\"l\":[\"{{ labels.x }}\"]}",
                                    (struct values){hostile[i], "", hostile[i]}, TEMPLATE_JSON);
        json_error_t why;
        json_t *read = json_loads(got, JSON_REJECT_DUPLICATES, &why);
        if (!read)
            fail_msg("%s: %s", got, why.text);
        AUTOBUF valid = {0};
        text_add_utf8(&valid, hostile[i], strlen(hostile[i]));
        assert_int_equal(json_object_size(read), 2);
        assert_string_equal(json_string_value(json_object_get(read, "t")), buf_str(&valid));
        assert_string_equal(json_string_value(json_array_get(json_object_get(read, "l"), 0)), buf_str(&valid));
        assert_null(strstr(got, "</"));
        assert_null(strstr(got, "<!"));
        json_decref(read);
    }
    expect("{{ title }}", (struct values){.title = "a\"b\\c\n\x01<"}, TEMPLATE_JSON, "a\\\"b\\\\c\\n\\u0001\\u003c");
    expect("\"<\n{{ \"\\\"\" }}", (struct values){0}, TEMPLATE_JSON, "\"<\n\\\""); /* the text itself is left alone */
}

static void test_html(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hostile); i++) {
        AUTOFREE char *got = render("{{ title }}", (struct values){.title = hostile[i]}, TEMPLATE_HTML);
        assert_null(strpbrk(got, "<>\"'\v\f\b\a\x1b\x7f\x01\x1f"));
        for (const char *p = got; (p = strchr(p, '&')); p++)
            assert_true(text_starts(p, "&amp;") || text_starts(p, "&lt;") || text_starts(p, "&gt;") ||
                        text_starts(p, "&#34;") || text_starts(p, "&#39;"));
    }
    expect("<b title=\"{{ title }}\">{{ text }}</b>", (struct values){"\"x' y", "1 < 2 & 3\n\xff", NULL}, TEMPLATE_HTML,
           "<b title=\"&#34;x&#39; y\">1 &lt; 2 &amp; 3\n\xef\xbf\xbd</b>");
}

static void test_header(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hostile); i++) {
        AUTOFREE char *got = render("X: {{ title }}", (struct values){.title = hostile[i]}, TEMPLATE_HEADER);
        for (const char *p = got; *p; p++)
            assert_true((unsigned char)*p >= ' ' && *p != 0x7f);
        assert_null(strstr(got, "\xc2\x85"));
    }
    expect("{{ title }}", (struct values){.title = "a\r\nBcc: x\tb\x7f\xc2\x85"}, TEMPLATE_HEADER, "a  Bcc: x b  ");
    expect("{{ title }}", (struct values){.title = "caf\xc3\xa9 \xc2\xa0 \"x\" <y>"}, TEMPLATE_HEADER,
           "caf\xc3\xa9 \xc2\xa0 \"x\" <y>");
}

static void test_plain(void **state)
{
    (void)state;
    expect("{{ title }}", (struct values){.title = "a\r\n<b>\"\\\x01"}, TEMPLATE_PLAIN, "a\r\n<b>\"\\\x01");
    expect("{{ title }}",
           (struct values){.title = "a\xff"
                                    "b\xc3"},
           TEMPLATE_PLAIN,
           "a\xef\xbf\xbd"
           "b\xef\xbf\xbd");
    expect("{{ title }}", (struct values){.title = "{{ text }}"}, TEMPLATE_PLAIN, "{{ text }}"); /* not read again */
}

static void test_longest_output(void **state)
{
    (void)state;
    enum { MIB = 1 << 20 };
    AUTOFREE char *half = x_malloc(MIB / 2 + 1);
    memset(half, 'x', MIB / 2);
    half[MIB / 2] = '\0';
    struct values values = {.title = half, .text = "y"};
    struct error e = {0};
    AUTOBUF out = {0};
    buf_adds(&out, "before");
    struct belfry_template *fits = template_parse("{{ title }}{{ title }}", names, COUNT(names), NULL);
    struct belfry_template *over = template_parse("{{ title }}{{ title }}{{ text }}", names, COUNT(names), NULL);
    assert_int_equal(template_render(fits, lookup, &values, TEMPLATE_PLAIN, &out, &e), 0);
    assert_int_equal(out.len, 6 + MIB);
    assert_int_equal(template_render(over, lookup, &values, TEMPLATE_PLAIN, &out, &e), -1);
    assert_true(e.what[0] != '\0');
    assert_int_equal(out.len, 6 + MIB); /* nothing was added by halves */
    assert_int_equal(strlen(out.data), out.len);
    template_free(fits);
    template_free(over);
    template_free(NULL);
}

/* A template may be rendered often, and without its text. */
static void test_text_is_not_kept(void **state)
{
    (void)state;
    char text[] = "a {{ labels.key }} {{ \"s\" }} b";
    struct belfry_template *template = template_parse(text, names, COUNT(names), NULL);
    memset(text, '#', sizeof text);
    for (int i = 0; i < 2; i++) {
        AUTOBUF out = {0};
        assert_int_equal(template_render(template, lookup, &(struct values){0}, TEMPLATE_PLAIN, &out, NULL), 0);
        assert_string_equal(out.data, "a [key] s b");
    }
    template_free(template);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_and_names),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_braces),
        cmocka_unit_test(test_unknown_names),
        cmocka_unit_test(test_maps_and_plain_names),
        cmocka_unit_test(test_braces_that_do_not_pair),
        cmocka_unit_test(test_what_is_no_expression),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_html),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_longest_output),
        cmocka_unit_test(test_text_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
