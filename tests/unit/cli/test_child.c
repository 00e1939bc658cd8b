/* SPDX-License-Identifier: Apache-2.0 */
/* Each case runs in a process of its own, since the runner holds signals and works on the standard files. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/child.h"

/* What the process that ran the command found; in shared memory. */
struct found {
    struct child_end end;
    struct tail tail;
    bool holds_term; /* after its end */
};

static char folder[] = "/tmp/belfry-test-child-XXXXXX";

static void enter_files(void)
{
    AUTOFREE char *out = x_printf("%s/out", folder), *err = x_printf("%s/err", folder);
    dup2(open("/dev/null", O_RDONLY), 0);
    dup2(open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
    dup2(open(err, O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
}

/* Run a command, its outputs to files. */
static struct found *run(const char *const *argv, bool keep)
{
    struct found *found = mmap(NULL, sizeof *found, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = fork();
    if (pid == 0) {
        enter_files();
        alarm(60); /* a runner that hangs is a failure, not a wait */
        struct error e;
        struct child *child = child_new(&e);
        child_run(child, (char *const *)(uintptr_t)argv, keep ? &found->tail : NULL, &found->end);
        sigset_t held;
        sigprocmask(SIG_BLOCK, NULL, &held);
        found->holds_term = sigismember(&held, SIGTERM);
        child_free(child);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return found;
}

static struct found *run_shell(const char *script, bool keep)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    return run(argv, keep);
}

static void forget(struct found *found)
{
    munmap(found, sizeof *found);
}

static char *read_file(const char *name)
{
    AUTOFREE char *path = x_printf("%s/%s", folder, name);
    AUTOBUF text = {0};
    char chunk[4096];
    ssize_t n;
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    while ((n = read(fd, chunk, sizeof chunk)) > 0)
        buf_add(&text, chunk, (size_t)n);
    close(fd);
    return buf_take(&text);
}

static void test_output_passes_and_is_kept(void **state)
{
    (void)state;
    struct found *found = run_shell("echo one; echo two >&2; exit 3", true);
    AUTOFREE char *out = read_file("out"), *err = read_file("err"), *tail = tail_text(&found->tail);
    assert_string_equal(out, "one\n");
    assert_string_equal(err, "two\n");
    assert_int_equal(strlen(tail), 8);
    assert_int_equal(found->end.code, 3);
    assert_string_equal(found->end.reason, "");
    forget(found);
}

static void test_much_output_is_whole(void **state)
{
    (void)state;
    struct found *found = run_shell("i=0; while [ $i -lt 40000 ]; do echo line-$i; i=$((i+1)); done", true);
    AUTOFREE char *out = read_file("out"), *tail = tail_text(&found->tail);
    AUTOBUF expected = {0};
    for (int i = 0; i < 40000; i++)
        buf_addf(&expected, "line-%d\n", i);
    assert_string_equal(out, expected.data);
    assert_string_equal(tail, expected.data + expected.len - TAIL_BYTES);
    forget(found);
}

static void test_without_tail_output_is_left_alone(void **state)
{
    (void)state;
    struct found *found = run_shell("echo one", false);
    AUTOFREE char *out = read_file("out");
    assert_string_equal(out, "one\n");
    assert_int_equal(found->tail.len, 0);
    forget(found);
}

static void test_codes_are_the_shells(void **state)
{
    (void)state;
    struct found *found = run_shell("kill -9 $$", true);
    assert_int_equal(found->end.code, 128 + SIGKILL);
    assert_string_equal(found->end.reason, "it was ended by signal 9 (Killed)");
    forget(found);
    const char *const missing[] = {"belfry-no-such-command", NULL}, *const folder_argv[] = {folder, NULL};
    found = run(missing, true);
    assert_int_equal(found->end.code, 127);
    assert_non_null(strstr(found->end.reason, "cannot run 'belfry-no-such-command': No such file"));
    forget(found);
    found = run(folder_argv, true);
    assert_int_equal(found->end.code, 126);
    assert_non_null(strstr(found->end.reason, "Permission denied"));
    forget(found);
}

static void test_script_without_interpreter_line(void **state)
{
    (void)state;
    AUTOFREE char *path = x_printf("%s/script", folder);
    FILE *file = fopen(path, "w");
    fputs("echo \"$1-$2\"; exit 5\n", file);
    fclose(file);
    chmod(path, 0700);
    const char *const argv[] = {path, "a b", "c", NULL};
    struct found *found = run(argv, true);
    AUTOFREE char *out = read_file("out");
    assert_string_equal(out, "a b-c\n");
    assert_int_equal(found->end.code, 5);
    forget(found);
}

/* Each of these reaches the command, which sends it to its parent, us, and waits for the echo. */
static void test_signals_are_passed_on(void **state)
{
    (void)state;
    static const char *const names[] = {"TERM", "INT", "HUP", "USR1", "USR2", "QUIT"};
    for (size_t i = 0; i < COUNT(names); i++) {
        AUTOFREE char *script =
            x_printf("trap 'echo got; exit 7' %s; kill -%s $PPID; n=0; while [ $n -lt 400 ]; do sleep 0.05; "
                     "n=$((n+1)); done",
                     names[i], names[i]);
        struct found *found = run_shell(script, true);
        AUTOFREE char *out = read_file("out"); /* the shell may speak of the killed sleep on the other one */
        assert_string_equal(out, "got\n");
        assert_int_equal(found->end.code, 7);
        forget(found);
    }
}

/* A whole group gets it: also what the command has started. */
static void test_signal_reaches_the_group(void **state)
{
    (void)state;
    struct found *found = run_shell("sleep 20 & p=$!; trap : TERM; kill -TERM $PPID; "
                                    "while kill -0 $p 2>/dev/null; do wait $p; done; echo gone",
                                    true);
    AUTOFREE char *out = read_file("out");
    assert_string_equal(out, "gone\n");
    assert_true(found->end.duration < 10 * SECOND);
    forget(found);
}

/* Something in the background that keeps the outputs open does not keep us. */
static void test_background_process_does_not_hold(void **state)
{
    (void)state;
    struct found *found = run_shell("sleep 20 & echo $!", true);
    AUTOFREE char *tail = tail_text(&found->tail);
    int64_t pid;
    tail[strcspn(tail, "\n")] = '\0';
    assert_true(text_int(tail, 2, INT32_MAX, &pid));
    assert_true(found->end.duration < 10 * SECOND);
    assert_int_equal(found->end.code, 0);
    kill((pid_t)pid, SIGKILL);
    forget(found);
}

/* The command finds the signals as our caller left them, not as we hold them. */
static void test_command_gets_the_callers_mask(void **state)
{
    (void)state;
    struct found *found = run_shell("kill -TERM $$; echo not reached", true);
    assert_int_equal(found->end.code, 128 + SIGTERM);
    assert_int_equal(found->tail.len, 0);
    forget(found);
}

/* Whoever wants to break off what we do afterwards can. */
static void test_signals_act_on_us_afterwards(void **state)
{
    (void)state;
    struct found *found = run_shell("exit 0", true);
    assert_false(found->holds_term);
    forget(found);
}

static void test_use_of_resources(void **state)
{
    (void)state;
    struct found *found = run_shell("i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done", true);
    assert_true(found->end.usage.ru_maxrss > 0);
    assert_true(found->end.usage.ru_utime.tv_sec > 0 || found->end.usage.ru_utime.tv_usec > 0);
    forget(found);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"out", "err", "script"};
    for (size_t i = 0; i < COUNT(names); i++) {
        AUTOFREE char *path = x_printf("%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_passes_and_is_kept),
        cmocka_unit_test(test_much_output_is_whole),
        cmocka_unit_test(test_without_tail_output_is_left_alone),
        cmocka_unit_test(test_codes_are_the_shells),
        cmocka_unit_test(test_script_without_interpreter_line),
        cmocka_unit_test(test_signals_are_passed_on),
        cmocka_unit_test(test_signal_reaches_the_group),
        cmocka_unit_test(test_background_process_does_not_hold),
        cmocka_unit_test(test_command_gets_the_callers_mask),
        cmocka_unit_test(test_signals_act_on_us_afterwards),
        cmocka_unit_test(test_use_of_resources),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
