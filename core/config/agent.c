/* SPDX-License-Identifier: Apache-2.0 */
/* The agent: block, and what the command line puts over it. */
#include "config/build.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/un.h>

/* What is written one level deeper, beside the fields of the agent itself. */
struct log_options {
    const char *level, *format;
};
struct history_options {
    int64_t keep, records;
};
struct tls_options {
    const char *cert, *key;
};

#define FIELD(name) offsetof(struct config_agent, name)
static const struct belfry_option agent_options[] = {
    {"listen", BELFRY_LIST, .initial = "[\"127.0.0.1:8080\"]", .offset = FIELD(listen)},
    {"hosts", BELFRY_LIST, .offset = FIELD(hosts)},
    {"external_url", BELFRY_URL, .choices = "http|https", .offset = FIELD(external_url)},
    {"state_dir", BELFRY_PATH, .initial = BELFRY_STATE_DIR, .offset = FIELD(state_dir)},
    {"plugin_dirs", BELFRY_LIST, .initial = "[\"" BELFRY_PLUGIN_DIR "\"]", .offset = FIELD(plugin_dirs)},
    {"ping_key", BELFRY_SECRET, .offset = FIELD(ping_key)},
    {"notify", BELFRY_LIST, .offset = FIELD(notify)},
    {"ballast", BELFRY_SIZE, .initial = "16MiB", .offset = FIELD(ballast)},
    {0},
};
static const char *const agent_others[] = {"tokens", "tls", "log", "history", NULL};

static const struct belfry_option log_table[] = {
    {"level", BELFRY_STRING, .initial = "info", .choices = "error|warning|info|debug",
     .offset = offsetof(struct log_options, level)},
    {"format", BELFRY_STRING, .initial = "logfmt", .choices = "logfmt|json",
     .offset = offsetof(struct log_options, format)},
    {0},
};
static const struct belfry_option history_table[] = {
    {"keep", BELFRY_DURATION, .initial = "30d", .offset = offsetof(struct history_options, keep)},
    {"records", BELFRY_INTEGER, .initial = "1000000", .offset = offsetof(struct history_options, records)},
    {0},
};
static const struct belfry_option tls_table[] = {
    {"cert", BELFRY_PATH, BELFRY_REQUIRED, .doc = "a PEM file", .offset = offsetof(struct tls_options, cert)},
    {"key", BELFRY_PATH, BELFRY_REQUIRED, .doc = "a PEM file", .offset = offsetof(struct tls_options, key)},
    {0},
};
static const struct belfry_option token_table[] = {
    {"name", BELFRY_STRING, BELFRY_REQUIRED, .offset = offsetof(struct config_token, name)},
    {"token", BELFRY_SECRET, BELFRY_REQUIRED, .offset = offsetof(struct config_token, token)},
    {"role", BELFRY_STRING, BELFRY_REQUIRED, .choices = "view|ingest|operate|admin",
     .offset = offsetof(struct config_token, role)},
    {0},
};

/* ---- Listeners ---- */

static bool is_unix(const char *listener)
{
    return text_starts(listener, "unix:");
}

/* ADDRESS:PORT with the address as a number: the loop looks up no names. */
static bool is_tcp_listener(const char *text)
{
    unsigned char address[sizeof(struct in6_addr)];
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (!colon || !text_int(colon + 1, 0, 65535, &port) || colon[1] == '-')
        return false;
    size_t length = (size_t)(colon - text);
    bool brackets = length > 2 && text[0] == '[' && text[length - 1] == ']';
    AUTOFREE char *host = brackets ? x_strndup(text + 1, length - 2) : x_strndup(text, length);
    return inet_pton(brackets ? AF_INET6 : AF_INET, host, address) == 1;
}

static bool is_unix_listener(const char *text)
{
    const char *path = text + strlen("unix:");
    return path[0] == '/' && strlen(path) < sizeof((struct sockaddr_un *)0)->sun_path;
}

static void check_listeners(struct build *build)
{
    const struct node *list = node_get(build->agent, "listen");
    struct names seen = {0};
    for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
        const struct node *item = list->items[i];
        if (item->kind != NODE_SCALAR || item->broken || node_is_nothing(item))
            continue;
        bool good = is_unix(item->text) ? is_unix_listener(item->text) : is_tcp_listener(item->text);
        if (!good)
            problems_add(build->problems, item->at,
                         "agent: 'listen' wants ADDRESS:PORT with a numeric address (127.0.0.1:8080, [::1]:8080) or "
                         "unix:/PATH of at most %zu bytes, not '%.60s'",
                         sizeof((struct sockaddr_un *)0)->sun_path - 1, item->written);
        else if (names_add(&seen, item->text, item->at, i))
            problems_add(build->problems, item->at, "agent: 'listen' names '%s' twice", item->text);
    }
    names_free(&seen);
}

static const char *own_url(const struct config_agent *agent, struct arena *arena)
{
    for (size_t i = 0; i < agent->listen.n; i++)
        if (!is_unix(agent->listen.item[i]))
            return arena_printf(arena, "%s://%s", agent->tls_cert[0] ? "https" : "http", agent->listen.item[i]);
    return "http://localhost";
}

/* Paths are appended to it. */
static const char *without_slash(const char *url, struct arena *arena)
{
    size_t length = strlen(url);
    while (length && url[length - 1] == '/')
        length--;
    return arena_strndup(arena, url, length);
}

/* ---- Tokens ---- */

enum { TOKEN_LEAST = 16 };

static void check_token(struct build *build, const struct config_token *token, const struct node *map,
                        struct position at, struct names *names, struct names *texts)
{
    struct position name_at = config_option_position(map, at, "name");
    struct position token_at = config_option_position(map, at, "token");
    const struct name *first = token->name[0] ? names_add(names, token->name, name_at, 0) : NULL;
    if (first)
        problems_add(build->problems, name_at, "token '%s' is given twice: first in %s:%d:%d", token->name,
                     first->at.file, first->at.line, first->at.column);
    if (!token->token[0])
        return;
    if (strlen(token->token) < TOKEN_LEAST)
        problems_add(build->problems, token_at, "token '%s' is too short: %d characters are the least", token->name,
                     TOKEN_LEAST);
    first = names_add(texts, token->token, token_at, 0);
    if (first)
        problems_add(build->problems, token_at, "token '%s' is the same as the one in %s:%d:%d", token->name,
                     first->at.file, first->at.line, first->at.column);
}

static void bind_tokens(struct build *build, struct config_agent *agent)
{
    const struct node *list = node_get(build->agent, "tokens");
    if (!list || list->broken)
        return;
    if (list->kind != NODE_LIST) {
        problems_add(build->problems, list->at,
                     "agent: 'tokens' must be a list: write tokens: [{name: ci, token: …, role: operate}]");
        return;
    }
    struct arena *arena = build->config->arena;
    struct names names = {0}, texts = {0};
    agent->n_tokens = list->n;
    agent->tokens = arena_alloc(arena, list->n * sizeof *agent->tokens);
    for (size_t i = 0; i < list->n; i++) {
        const struct node *item = list->items[i];
        config_bind(item, item->at, "token", token_table, NULL, &agent->tokens[i], arena, build->problems);
        check_token(build, &agent->tokens[i], item, item->at, &names, &texts);
    }
    names_free(&names);
    names_free(&texts);
}

/* ---- The block ---- */

static void bind_groups(struct build *build, struct config_agent *agent)
{
    struct arena *arena = build->config->arena;
    struct log_options log = {0};
    struct history_options history = {0};
    struct tls_options tls = {"", ""};
    const struct node *node = node_get(build->agent, "log");
    config_bind(node, node ? node->at : (struct position){0}, "agent.log", log_table, NULL, &log, arena,
                build->problems);
    node = node_get(build->agent, "history");
    config_bind(node, node ? node->at : (struct position){0}, "agent.history", history_table, NULL, &history, arena,
                build->problems);
    struct position records_at = config_option_position(node, (struct position){0}, "records");
    if (history.records < 0)
        problems_add(build->problems, records_at, "agent.history: 'records' must not be negative");
    node = node_get(build->agent, "tls");
    if (node)
        config_bind(node, node->at, "agent.tls", tls_table, NULL, &tls, arena, build->problems);
    agent->log_level = log.level;
    agent->log_format = log.format;
    agent->history = history.keep;
    agent->history_records = history.records;
    agent->tls_cert = tls.cert;
    agent->tls_key = tls.key;
}

static void check_plugin_dirs(struct build *build)
{
    const struct node *list = node_get(build->agent, "plugin_dirs");
    for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
        const struct node *item = list->items[i];
        if (item->kind == NODE_SCALAR && !item->broken && item->text[0] != '/')
            problems_add(build->problems, item->at, "agent: 'plugin_dirs' wants absolute paths, not '%.60s'",
                         item->written);
    }
}

void build_agent(struct build *build)
{
    struct config_agent *agent = &build->config->agent;
    struct arena *arena = build->config->arena;
    struct position at = build->agent ? build->agent->at : (struct position){0};
    config_bind(build->agent, at, "agent", agent_options, agent_others, agent, arena, build->problems);
    bind_groups(build, agent);
    bind_tokens(build, agent);
    check_listeners(build);
    check_plugin_dirs(build);
    check_channel_list(build, node_get(build->agent, "notify"), "agent");
    agent->external_url = agent->external_url[0] ? without_slash(agent->external_url, arena) : own_url(agent, arena);
}

/* ---- The command line ---- */

static struct belfry_list copy_list(struct arena *arena, const char *const *items, size_t n)
{
    const char **copy = arena_alloc(arena, n * sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = arena_strdup(arena, items[i]);
    return (struct belfry_list){.n = n, .item = copy};
}

void config_override(struct config *config, const struct config_overrides *overrides)
{
    struct config_agent *agent = &config->agent;
    if (overrides->state_dir)
        agent->state_dir = arena_strdup(config->arena, overrides->state_dir);
    if (overrides->n_plugin_dirs)
        agent->plugin_dirs = copy_list(config->arena, overrides->plugin_dirs, overrides->n_plugin_dirs);
    if (overrides->n_listen == 0)
        return;
    agent->listen = copy_list(config->arena, overrides->listen, overrides->n_listen);
    if (!node_get(node_get(config->root, "agent"), "external_url"))
        agent->external_url = own_url(agent, config->arena);
}
