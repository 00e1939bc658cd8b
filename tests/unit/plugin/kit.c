/* SPDX-License-Identifier: Apache-2.0 */
#include "kit.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the host ---- */

static int on_emit(void *ctx, const char *source, struct cloud_event *event, const char *checkpoint,
                   void (*committed)(void *data, int status), void *data, struct error *e)
{
    struct kit *kit = ctx;
    assert_string_equal(event->source, source);
    if (kit->refuse_events) {
        cloud_event_free(event);
        return error_set(e, "the store is full");
    }
    buf_addf(&kit->events, "%s %s\n", event->type, event->subject);
    if (checkpoint)
        buf_addf(&kit->checkpoints, "%s\n", checkpoint);
    cloud_event_free(event);
    assert_true(kit->n_waiting < COUNT(kit->waiting));
    kit->waiting[kit->n_waiting].committed = committed;
    kit->waiting[kit->n_waiting++].data = data;
    return 0;
}

void kit_commit(struct kit *kit, int status)
{
    for (size_t i = 0; i < kit->n_waiting; i++)
        kit->waiting[i].committed(kit->waiting[i].data, status);
    kit->n_waiting = 0;
}

static const char *on_checkpoint(void *ctx, const char *source)
{
    (void)ctx, (void)source;
    return "offset 42";
}

static void log_to_file(struct kit *kit)
{
    snprintf(kit->log, sizeof kit->log, "%s/log", kit->dir);
    int fd = open(kit->log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    kit->saved_stderr = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
    close(fd);
}

struct kit *kit_new(void)
{
    struct kit *kit = NEW(struct kit);
    snprintf(kit->dir, sizeof kit->dir, "/tmp/belfry-plugin-XXXXXX");
    assert_non_null(mkdtemp(kit->dir));
    kit->arena = arena_new();
    kit->loop = loop_new();
    assert_non_null(kit->loop);
    const char *dirs[] = {kit->dir};
    struct plugins_options options = {.loop = kit->loop,
                                      .dirs = {1, dirs},
                                      .external_url = "http://127.0.0.1:8080",
                                      .emit = on_emit,
                                      .checkpoint = on_checkpoint,
                                      .ctx = kit};
    kit->plugins = plugins_new(&options);
    log_to_file(kit);
    return kit;
}

static void remove_dir(const char *dir)
{
    AUTOFREE char *command = x_printf("rm -rf '%s'", dir);
    assert_int_equal(system(command), 0);
}

void kit_free(struct kit *kit)
{
    plugins_free(kit->plugins);
    kit_commit(kit, 0); /* late by now: nobody may be called */
    loop_free(kit->loop);
    dup2(kit->saved_stderr, STDERR_FILENO);
    close(kit->saved_stderr);
    problems_free(&kit->problems);
    buf_free(&kit->events);
    buf_free(&kit->checkpoints);
    arena_free(kit->arena);
    remove_dir(kit->dir);
    free(kit);
}

static char *read_all(struct kit *kit, const char *path, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st))
        fail_msg("%s cannot be read", path);
    char *data = arena_alloc(kit->arena, (size_t)st.st_size + 1);
    assert_int_equal(read(fd, data, (size_t)st.st_size), st.st_size);
    close(fd);
    *size = (size_t)st.st_size;
    return data;
}

void kit_install(struct kit *kit, const char *name, const char *as)
{
    size_t size;
    const char *data =
        read_all(kit, arena_printf(kit->arena, "%s/tests/plugins/.libs/%s.so", TEST_BUILDDIR, name), &size);
    int fd = open(arena_printf(kit->arena, "%s/%s.so", kit->dir, as ? as : name), O_CREAT | O_WRONLY | O_EXCL, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), size);
    fchmod(fd, 0644);
    close(fd);
}

const char *kit_problems(struct kit *kit)
{
    struct buf out = {0};
    problems_write(&kit->problems, &out);
    const char *text = arena_strdup(kit->arena, buf_str(&out));
    buf_free(&out);
    return text;
}

void assert_has(const char *text, const char *part)
{
    if (strstr(text, part))
        return;
    printf("'%s' is not in '%s'\n", part, text); /* stderr is the log that tests look at */
    fail();
}

const char *kit_log(struct kit *kit)
{
    size_t size;
    return read_all(kit, kit->log, &size);
}

/* ---- instances ---- */

static struct node *scalar(struct kit *kit, const char *text, int line)
{
    struct node *node = arena_alloc(kit->arena, sizeof *node);
    *node = (struct node){.kind = NODE_SCALAR, .at = {"test.yaml", line, 5}, .text = text, .written = text};
    return node;
}

static void node_add(struct kit *kit, struct node *to, struct node *key, struct node *item)
{
    struct node **items = arena_alloc(kit->arena, (to->n + 1) * sizeof *items);
    struct node **keys = arena_alloc(kit->arena, (to->n + 1) * sizeof *keys);
    if (to->n) {
        memcpy(items, to->items, to->n * sizeof *items);
        memcpy(keys, to->keys, to->n * sizeof *keys);
    }
    items[to->n] = item;
    keys[to->n++] = key;
    to->items = items;
    to->keys = keys;
}

static struct node *value_of(struct kit *kit, const char *text, int line)
{
    if (*text != '[' && *text != '{')
        return scalar(kit, text, line);
    struct node *node = scalar(kit, NULL, line);
    node->kind = *text == '[' ? NODE_LIST : NODE_MAP;
    char *copy = arena_strndup(kit->arena, text + 1, strlen(text) - 2), *rest;
    for (char *part = strtok_r(copy, ",", &rest); part; part = strtok_r(NULL, ",", &rest)) {
        char *equal = *text == '{' ? strchr(part, '=') : NULL;
        if (equal)
            *equal = '\0';
        node_add(kit, node, scalar(kit, part, line), scalar(kit, equal ? equal + 1 : part, line));
    }
    return node;
}

static struct node *block_of(struct kit *kit, va_list ap)
{
    struct node *map = scalar(kit, NULL, 1);
    map->kind = NODE_MAP;
    const char *key;
    for (int line = 2; (key = va_arg(ap, const char *)); line++) {
        const char *value = va_arg(ap, const char *);
        if (*value)
            node_add(kit, map, scalar(kit, key, line), value_of(kit, value, line));
    }
    return map;
}

static void install_once(struct kit *kit, const char *plugin)
{
    if (access(arena_printf(kit->arena, "%s/%s.so", kit->dir, plugin), F_OK))
        kit_install(kit, plugin, NULL);
}

struct instance *kit_channel(struct kit *kit, const char *plugin, ...)
{
    va_list ap;
    va_start(ap, plugin);
    const struct node *block = block_of(kit, ap);
    va_end(ap);
    install_once(kit, plugin);
    struct config_channel *config = arena_alloc(kit->arena, sizeof *config);
    *config = (struct config_channel){
        .name = "mine", .at = {"test.yaml", 1, 1}, .plugin = plugin, .language = "en", .timeout = 5000, .block = block};
    const struct node *timeout = node_get(block, "timeout"); /* one of the keys that all channels have */
    if (timeout)
        assert_true(duration_parse(timeout->text, &config->timeout));
    return instance_new_channel(kit->plugins, config, &kit->problems);
}

struct instance *kit_source(struct kit *kit, const char *plugin, ...)
{
    va_list ap;
    va_start(ap, plugin);
    const struct node *block = block_of(kit, ap);
    va_end(ap);
    install_once(kit, plugin);
    struct config_source *config = arena_alloc(kit->arena, sizeof *config);
    *config = (struct config_source){.name = "mine", .at = {"test.yaml", 1, 1}, .plugin = plugin, .block = block};
    return instance_new_source(kit->plugins, config, &kit->problems);
}

/* ---- waiting ---- */

static void on_tick(evutil_socket_t fd, short what, void *data)
{
    (void)fd, (void)what, (void)data;
}

/* One round of the loop that takes at most a moment. */
static void turn(struct kit *kit)
{
    struct event *tick = evtimer_new(loop_base(kit->loop), on_tick, NULL);
    event_add(tick, &(struct timeval){.tv_usec = 5000});
    event_base_loop(loop_base(kit->loop), EVLOOP_ONCE);
    event_free(tick);
}

bool kit_until(struct kit *kit, const bool *flag)
{
    for (int64_t end = time_monotonic() + 10 * SECOND; !*flag && time_monotonic() < end;)
        turn(kit);
    return *flag;
}

bool kit_until_event(struct kit *kit, const char *text)
{
    for (int64_t end = time_monotonic() + 10 * SECOND; time_monotonic() < end; turn(kit))
        if (strstr(buf_str(&kit->events), text))
            return true;
    return false;
}

void kit_turns(struct kit *kit, int n)
{
    while (n--)
        loop_turn(kit->loop);
}

/* ---- sending ---- */

static void on_sent(void *ctx, const struct channel_result *result)
{
    struct sent *sent = ctx;
    sent->done = true;
    sent->times++;
    sent->result = *result;
    snprintf(sent->text, sizeof sent->text, "%s", result->text);
    size_t used = 0;
    for (size_t i = 0; i < result->n_failures; i++)
        used += (size_t)snprintf(sent->failures + used, sizeof sent->failures - used, "%s %d %s %s\n",
                                 result->failures[i].address, result->failures[i].code,
                                 result->failures[i].again ? "again" : "never", result->failures[i].text);
}

void kit_send_start(struct kit *kit, struct instance *channel, struct sent *sent)
{
    static const struct belfry_pair labels[] = {{"job", "backup"}, {"severity", "critical"}};
    static const char *const recipients[] = {"a@example.com"};
    const struct belfry_notification notification = {.size = sizeof notification,
                                                     .id = "id-1",
                                                     .attempt = 1,
                                                     .channel = "mine",
                                                     .title = "backup failed",
                                                     .common_labels = {2, labels},
                                                     .recipients = {1, recipients},
                                                     .json = "{}"};
    *sent = (struct sent){0};
    /* The notification on this stack is gone when the attempt goes on: what it needs, it must have copied. */
    struct belfry_notification *borrowed = NEW(struct belfry_notification);
    *borrowed = notification;
    sent->attempt = channel_send(channel, borrowed, on_sent, sent);
    free(borrowed);
    (void)kit;
    assert_false(sent->done); /* never from inside the call */
}

const char *kit_send(struct kit *kit, struct instance *channel, struct sent *sent)
{
    if (!channel)
        printf("%s\n", kit_problems(kit));
    assert_non_null(channel);
    kit_send_start(kit, channel, sent);
    assert_true(kit_until(kit, &sent->done));
    return sent->text;
}
