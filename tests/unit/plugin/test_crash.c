/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that kills the process is named on stderr. The victim is this program again, since cmocka takes over the
 * signals of its own process. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit.h"

static int victim(const char *how)
{
    struct sent sent;
    struct kit *kit = kit_new();
    dup2(kit->saved_stderr, STDERR_FILENO);
    struct instance *channel = kit_channel(kit, "t_crash", "how", how, NULL);
    printf("%s\n", kit->dir);
    fflush(stdout);
    kit_send_start(kit, channel, &sent);
    kit_until(kit, &sent.done);
    return 0;
}

/* The first line the victim says is its folder; the rest is given. */
static int die(const char *how, char *said, size_t size)
{
    char program[256] = "", dir[80] = "";
    assert_true(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
    AUTOFREE char *command = x_printf("ulimit -c 0; exec '%s' %s 2>&1", program, how);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    assert_non_null(fgets(dir, sizeof dir, f));
    size_t n = fread(said, 1, size - 1, f);
    said[n] = '\0';
    while (fgetc(f) != EOF)
        ;
    int status = pclose(f);
    dir[strcspn(dir, "\n")] = '\0';
    AUTOFREE char *clean = x_printf("rm -rf '%s'", dir);
    assert_int_equal(strncmp(dir, "/tmp/belfry-plugin-", 19), 0);
    assert_int_equal(system(clean), 0);
    return status;
}

static void the_plugin_at_work_is_named(void **state)
{
    (void)state;
    static const char *const ways[] = {"segv", "abort"};
    for (size_t i = 0; i < COUNT(ways); i++) {
        char said[4096];
        int status = die(ways[i], said, sizeof said);
        assert_has(said, "belfry: crashed in plugin t_crash (instance mine)\n");
        assert_true(WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) != 0));
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return victim(argv[1]);
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_plugin_at_work_is_named)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
