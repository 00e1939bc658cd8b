/* SPDX-License-Identifier: Apache-2.0 */
/* Which files are read, in which order, and which are not believed. */
#include "help.h"

#include "config/build.h"

/* Load as if these sub-folders were /etc/belfry and /usr/lib/belfry. */
static struct loaded load_system(const char *conf, const char *vendor)
{
    AUTOFREE char *conf_path = in_folder(conf);
    AUTOFREE char *vendor_path = in_folder(vendor);
    struct file_places places = {NULL, 0, conf_path, vendor_path};
    struct loaded loaded = {0};
    loaded.config = config_load_from(&places, &loaded.problems);
    hear(&loaded);
    return loaded;
}

static void assert_jobs(const struct loaded *l, const char *joined)
{
    AUTOBUF all = {0};
    for (size_t i = 0; i < l->config->n_jobs; i++)
        buf_addf(&all, "%s%s", i ? " " : "", l->config->jobs[i].name);
    assert_string_equal(buf_str(&all), joined);
}

static void set_mode(const char *name, mode_t mode)
{
    AUTOFREE char *path = in_folder(name);
    assert_int_equal(chmod(path, mode), 0);
}

static void link_to(const char *target, const char *name)
{
    AUTOFREE char *path = in_folder(name);
    assert_int_equal(symlink(target, path), 0);
}

static void no_file_at_all_is_fine(void **state)
{
    (void)state;
    AUTOLOADED l = load_system("nowhere", "no-vendor");
    assert_quiet(&l);
    assert_int_equal(l.config->n_jobs, 0);
}

static void the_system_files_come_in_order_and_mask(void **state)
{
    (void)state;
    make_sub_folder("etc");
    make_sub_folder("etc/conf.d");
    make_sub_folder("usr");
    make_sub_folder("usr/conf.d");
    put("etc/belfry.yaml", "jobs: {main: }\n");
    put("etc/conf.d/30-c.yaml", "jobs: {etc-30: }\n");
    put("etc/conf.d/10-a.yaml", "jobs: {etc-10: }\n");
    put("etc/conf.d/50-empty.yaml", "");
    put("usr/conf.d/20-b.yaml", "jobs: {usr-20: }\n");
    put("usr/conf.d/30-c.yaml", "jobs: {usr-30: }\n");
    put("usr/conf.d/40-d.yaml", "jobs: {usr-40: }\n");
    put("usr/conf.d/50-empty.yaml", "jobs: {usr-50: }\n");
    put("usr/conf.d/B.yaml", "jobs: {usr-B: }\n");
    put("usr/conf.d/a.yaml", "jobs: {usr-a: }\n");
    link_to("/dev/null", "etc/conf.d/40-d.yaml");
    /* none of these is a drop-in */
    put("etc/conf.d/.hidden.yaml", "[");
    put("etc/conf.d/x.yaml~", "[");
    put("etc/conf.d/x.yml", "[");
    put("etc/conf.d/x.yaml.dpkg-new", "[");
    put("usr/belfry.yaml", "[");
    AUTOLOADED l = load_system("etc", "usr");
    assert_quiet(&l);
    assert_jobs(&l, "main etc-10 usr-20 etc-30 usr-B usr-a");
    AUTOLOADED vendor = load_system("nowhere", "usr");
    assert_jobs(&vendor, "usr-20 usr-30 usr-40 usr-50 usr-B usr-a");
}

static void paths_are_read_in_the_order_given(void **state)
{
    (void)state;
    make_sub_folder("given");
    put("given/2.yaml", "jobs: {two: }\n");
    put("given/10.yaml", "jobs: {ten: }\n");
    put("z.conf", "jobs: {first: }\n");
    AUTOFREE char *file = in_folder("z.conf");
    AUTOFREE char *dir = in_folder("given/");
    const char *paths[] = {file, dir};
    AUTOLOADED l = {0};
    l.config = config_load(paths, 2, &l.problems);
    hear(&l);
    assert_quiet(&l);
    assert_jobs(&l, "first ten two");
}

static void what_is_not_there_is_told(void **state)
{
    (void)state;
    AUTOLOADED l = load("missing.yaml");
    assert_said(&l, "missing.yaml", "error: cannot open it: No such file");
    make_sub_folder("empty");
    AUTOLOADED empty = load("empty");
    assert_int_equal(empty.problems.errors, 0);
    assert_said(&empty, "empty", "warning: no *.yaml file");
}

static void files_that_others_can_change_are_refused(void **state)
{
    (void)state;
    static const mode_t modes[] = {0666, 0646, 0664, 0602};
    for (size_t i = 0; i < COUNT(modes); i++) {
        put("c.yaml", "jobs: {a: }\n");
        set_mode("c.yaml", modes[i]);
        AUTOFREE char *mode = x_printf("can be written by others|mode %04o", modes[i]);
        AUTOLOADED l = load("c.yaml");
        assert_said(&l, "c.yaml", mode);
        assert_int_equal(l.config->n_jobs, 0);
    }
    set_mode("c.yaml", 0600);
    AUTOLOADED good = load("c.yaml");
    assert_quiet(&good);
}

static void folders_that_others_can_change_are_refused(void **state)
{
    (void)state;
    make_sub_folder("open");
    make_sub_folder("open/inner");
    put("open/inner/c.yaml", "jobs: {a: }\n");
    set_mode("open", 0777);
    AUTOFREE char *place = in_folder("open");
    AUTOFREE char *words = x_printf("folder '%s'|can be written by others|mode 0777", place);
    AUTOLOADED file = load("open/inner/c.yaml");
    assert_said(&file, "open/inner/c.yaml", words);
    AUTOLOADED folder_of_it = load("open/inner");
    assert_said(&folder_of_it, "open/inner", words);
    assert_int_equal(folder_of_it.config->n_jobs, 0);
    set_mode("open", 01777);
    AUTOLOADED sticky = load("open/inner/c.yaml");
    assert_quiet(&sticky);
}

static void files_of_other_users_are_refused(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    put("c.yaml", "jobs: {a: }\n");
    AUTOFREE char *path = in_folder("c.yaml");
    assert_int_equal(chown(path, 12345, 0), 0);
    AUTOLOADED l = load("c.yaml");
    assert_said(&l, "c.yaml", "is owned by user 12345");
    make_sub_folder("theirs");
    put("theirs/c.yaml", "jobs: {a: }\n");
    AUTOFREE char *dir = in_folder("theirs");
    assert_int_equal(chown(dir, 12345, 0), 0);
    AUTOLOADED in = load("theirs/c.yaml");
    assert_said(&in, "theirs/c.yaml", "folder '|is owned by user 12345");
    assert_int_equal(unlink(path), 0);
}

static void unreadable_files_are_told(void **state)
{
    (void)state;
    enum { NOBODY = 65534 };
    bool root = geteuid() == 0;
    put("secret.yaml", "jobs: {a: }\n");
    set_mode("secret.yaml", 0);
    if (root)
        assert_int_equal(seteuid(NOBODY), 0);
    struct loaded l = load("secret.yaml");
    if (root)
        assert_int_equal(seteuid(0), 0);
    assert_said(&l, "secret.yaml", "cannot open it: Permission denied");
    unload(&l);
}

static void links_are_followed_only_where_the_user_named_them(void **state)
{
    (void)state;
    make_sub_folder("links");
    put("real.yaml", "jobs: {a: }\n");
    link_to("../real.yaml", "links/l.yaml");
    AUTOLOADED named = load("links/l.yaml");
    assert_quiet(&named);
    assert_jobs(&named, "a");
    AUTOLOADED drop_in = load("links");
    assert_said(&drop_in, "links/l.yaml", "symbolic link");
    assert_int_equal(drop_in.config->n_jobs, 0);
    link_to("links", "alias");
    AUTOLOADED through = load("alias/l.yaml");
    assert_quiet(&through);
    set_mode("real.yaml", 0666);
    AUTOLOADED bad = load("links/l.yaml");
    assert_said(&bad, "links/l.yaml", "can be written by others");
}

static void only_regular_files_are_read(void **state)
{
    (void)state;
    make_sub_folder("odd");
    AUTOFREE char *fifo = in_folder("odd/f.yaml");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    make_sub_folder("odd/d.yaml");
    AUTOLOADED l = load("odd");
    assert_said(&l, "odd/f.yaml", "not a regular file");
    assert_said(&l, "odd/d.yaml", "not a regular file");
    assert_int_equal(l.problems.n, 2);
    AUTOLOADED named = load("odd/f.yaml");
    assert_said(&named, "odd/f.yaml", "not a regular file");
}

static void sizes_and_numbers_are_limited(void **state)
{
    (void)state;
    enum { LIMIT = 1 << 20 };
    AUTOFREE char *text = x_malloc(LIMIT + 1);
    memset(text, '\n', LIMIT + 1);
    put_bytes("big.yaml", text, LIMIT + 1);
    AUTOLOADED big = load("big.yaml");
    assert_said(&big, "big.yaml", "larger than 1 MiB");
    put_bytes("big.yaml", text, LIMIT);
    AUTOLOADED fits = load("big.yaml");
    assert_quiet(&fits);
    make_sub_folder("lots");
    for (int i = 0; i < 66; i++) {
        AUTOFREE char *name = x_printf("lots/%02d.yaml", i);
        AUTOFREE char *job = x_printf("jobs: {j%02d: }\n", i);
        put(name, job);
    }
    AUTOLOADED lots = load("lots");
    assert_said(&lots, "lots/64.yaml", "more than 64");
    assert_int_equal(lots.problems.n, 1);
    assert_int_equal(lots.config->n_jobs, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_file_at_all_is_fine),
        cmocka_unit_test(the_system_files_come_in_order_and_mask),
        cmocka_unit_test(paths_are_read_in_the_order_given),
        cmocka_unit_test(what_is_not_there_is_told),
        cmocka_unit_test(files_that_others_can_change_are_refused),
        cmocka_unit_test(folders_that_others_can_change_are_refused),
        cmocka_unit_test(files_of_other_users_are_refused),
        cmocka_unit_test(unreadable_files_are_told),
        cmocka_unit_test(links_are_followed_only_where_the_user_named_them),
        cmocka_unit_test(only_regular_files_are_read),
        cmocka_unit_test(sizes_and_numbers_are_limited),
    };
    return cmocka_run_group_tests_name("config: files", tests, make_folder, remove_folder);
}
