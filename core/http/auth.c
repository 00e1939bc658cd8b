/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "http/internal.h"

enum { MOST_BAD_TOKENS = 10, WINDOW_MS = MINUTE, MOST_PEERS = 4096 };

struct token {
    const char *name, *secret;
    size_t size;
    unsigned roles;
};

struct policy {
    struct arena *arena;
    struct token *tokens;
    size_t n_tokens;
    const char **hosts; /* lower case, with a port where only that one is meant */
    size_t n_hosts;
    const char *ping_key; /* "" if none */
    const char *prefix;
    const char *origin; /* scheme://authority of external_url; "" if there is none */
};

/* ---- What the configuration allows ---- */

static unsigned roles_of(const char *role)
{
    static const struct {
        const char *name;
        unsigned roles;
    } known[] = {{"view", ROLE_VIEW},
                 {"ingest", ROLE_INGEST},
                 {"operate", ROLE_VIEW | ROLE_INGEST | ROLE_OPERATE},
                 {"admin", ROLE_ALL}};
    for (size_t i = 0; i < COUNT(known); i++)
        if (text_equal(role, known[i].name))
            return known[i].roles;
    return 0;
}

static int add_tokens(struct policy *p, const struct config_agent *agent, struct error *e)
{
    p->tokens = arena_alloc(p->arena, (agent->n_tokens + 1) * sizeof *p->tokens);
    for (size_t i = 0; i < agent->n_tokens; i++) {
        const struct config_token *from = &agent->tokens[i];
        struct token *to = &p->tokens[p->n_tokens++];
        *to = (struct token){.name = arena_strdup(p->arena, from->name ? from->name : ""),
                             .secret = arena_strdup(p->arena, from->token ? from->token : ""),
                             .roles = roles_of(from->role)};
        to->size = strlen(to->secret);
        if (to->size && to->roles)
            continue;
        error_set(e, "the token '%s' %s", to->name, to->size ? "has no known role" : "is empty");
        error_where(e, "agent.tokens");
        return error_mend(e, "roles are view, ingest, operate and admin");
    }
    return 0;
}

static const char *lower(struct arena *arena, const char *s, size_t n)
{
    char *out = arena_strndup(arena, s, n);
    for (char *c = out; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c |= 0x20;
    return out;
}

/* The authority without its port. */
static size_t host_size(const char *authority)
{
    if (*authority == '[')
        return strcspn(authority, "]") + 1;
    return strcspn(authority, ":");
}

static int add_external_url(struct policy *p, const char *url, struct error *e)
{
    p->prefix = p->origin = "";
    if (text_empty(url))
        return 0;
    const char *authority = strstr(url, "://");
    if (!authority || (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0)) {
        error_set(e, "'%s' is no URL", url);
        error_where(e, "agent.external_url");
        return error_mend(e, "write it as https://belfry.example.com/path");
    }
    authority += 3;
    size_t size = strcspn(authority, "/?#");
    p->origin = lower(p->arena, url, (size_t)(authority + size - url));
    const char *host = p->origin + (authority - url);
    p->hosts[p->n_hosts++] = arena_strndup(p->arena, host, host_size(host));
    const char *path = authority + size;
    size_t end = strcspn(path, "?#");
    while (end && path[end - 1] == '/')
        end--;
    p->prefix = arena_strndup(p->arena, path, end);
    return 0;
}

struct policy *policy_new(const struct config_agent *agent, struct error *e)
{
    struct policy *p = NEW(struct policy);
    p->arena = arena_new();
    p->hosts = arena_alloc(p->arena, (agent->hosts.n + 1) * sizeof *p->hosts);
    for (size_t i = 0; i < agent->hosts.n; i++)
        p->hosts[p->n_hosts++] = lower(p->arena, agent->hosts.item[i], strlen(agent->hosts.item[i]));
    p->ping_key = arena_strdup(p->arena, agent->ping_key ? agent->ping_key : "");
    if (add_tokens(p, agent, e) < 0 || add_external_url(p, agent->external_url, e) < 0) {
        policy_free(p);
        return NULL;
    }
    return p;
}

void policy_free(struct policy *policy)
{
    if (!policy)
        return;
    for (size_t i = 0; i < policy->n_tokens; i++)
        explicit_bzero((char *)(uintptr_t)policy->tokens[i].secret, policy->tokens[i].size);
    arena_free(policy->arena);
    free(policy);
}

bool policy_has_tokens(const struct policy *policy)
{
    return policy->n_tokens > 0;
}

const char *policy_ping_key(const struct policy *policy)
{
    return policy->ping_key;
}

const char *policy_prefix(const struct policy *policy)
{
    return policy->prefix;
}

/* ---- Host and Origin ---- */

static bool is_same(const char *s, size_t n, const char *word)
{
    return strlen(word) == n && memcmp(s, word, n) == 0;
}

static bool is_local_name(const char *host, size_t n)
{
    return is_same(host, n, "localhost") || is_same(host, n, "127.0.0.1") || is_same(host, n, "[::1]");
}

/*
 * What this guards against is a name of an attacker's that resolves to us (DNS rebinding), so it is names that are
 * listed; the port is compared only where the list has one. The address that the peer connected to is always right, and
 * so is no Host at all (HTTP/1.0), which no browser sends.
 */
bool auth_host_allowed(const struct policy *policy, const struct connection *c, const char *host)
{
    size_t n = host_size(host);
    if (!*host || c->listener->path || is_same(host, n, c->local) || (c->is_local && is_local_name(host, n)))
        return true;
    for (size_t i = 0; i < policy->n_hosts; i++)
        if (strcmp(policy->hosts[i], host) == 0 || is_same(host, n, policy->hosts[i]))
            return true;
    return false;
}

bool auth_origin_allowed(const struct policy *policy, const char *origin, const char *host)
{
    if (*policy->origin && strcasecmp(origin, policy->origin) == 0)
        return true;
    const char *authority = strstr(origin, "://");
    bool is_http = strncasecmp(origin, "http://", 7) == 0 || strncasecmp(origin, "https://", 8) == 0;
    return is_http && *host && strcasecmp(authority + 3, host) == 0;
}

/* ---- Peers ---- */

struct peer {
    char key[PEER_TEXT];
    size_t connections;
    int64_t window; /* when counting bad tokens began */
    unsigned bad_tokens;
    UT_hash_handle hh;
};

void peer_write_key(const struct sockaddr *address, char out[PEER_TEXT])
{
    if (address->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, out, PEER_TEXT);
    } else if (address->sa_family == AF_INET6) {
        struct in6_addr net = ((const struct sockaddr_in6 *)address)->sin6_addr;
        memset(net.s6_addr + 8, 0, 8);
        inet_ntop(AF_INET6, &net, out, PEER_TEXT);
    } else {
        strcpy(out, "unix");
    }
}

static void forget_peer(struct http *http, struct peer *peer)
{
    HASH_DEL(http->peers, peer);
    free(peer);
}

static bool in_window(const struct http *http, const struct peer *peer)
{
    return peer->bad_tokens && loop_monotonic(http->rooms.loop) - peer->window < WINDOW_MS;
}

/* A table that anyone can fill must not grow without end: first what is over goes, then what is oldest. */
static void make_room(struct http *http)
{
    struct peer *peer, *next;
    HASH_ITER(hh, http->peers, peer, next)
    if (!peer->connections && !in_window(http, peer))
        forget_peer(http, peer);
    HASH_ITER(hh, http->peers, peer, next)
    {
        if (HASH_COUNT(http->peers) < MOST_PEERS)
            break;
        if (!peer->connections)
            forget_peer(http, peer);
    }
}

static struct peer *find_peer(const struct http *http, const char *key)
{
    struct peer *peer;
    HASH_FIND_STR(http->peers, key, peer);
    return peer;
}

static struct peer *need_peer(struct http *http, const char *key)
{
    struct peer *peer = find_peer(http, key);
    if (peer)
        return peer;
    if (HASH_COUNT(http->peers) >= MOST_PEERS)
        make_room(http);
    peer = NEW(struct peer);
    strcpy(peer->key, key);
    HASH_ADD_STR(http->peers, key, peer);
    return peer;
}

size_t peer_add_connection(struct http *http, const char *key)
{
    return ++need_peer(http, key)->connections;
}

void peer_drop_connection(struct http *http, const char *key)
{
    struct peer *peer = find_peer(http, key);
    peer->connections--;
    if (!peer->connections && !in_window(http, peer))
        forget_peer(http, peer);
}

void peers_free(struct http *http)
{
    struct peer *peer, *next;
    HASH_ITER(hh, http->peers, peer, next)
    forget_peer(http, peer);
}

static void count_bad_token(struct http *http, const char *key)
{
    struct peer *peer = need_peer(http, key);
    if (!in_window(http, peer)) {
        peer->window = loop_monotonic(http->rooms.loop);
        peer->bad_tokens = 0;
    }
    peer->bad_tokens++;
}

int64_t auth_retry_after(const struct http *http, const char *peer_key)
{
    const struct peer *peer = find_peer(http, peer_key);
    int64_t left = peer ? peer->window + WINDOW_MS - loop_monotonic(http->rooms.loop) : 0;
    return left > 0 ? (left + SECOND - 1) / SECOND : 1;
}

static bool is_throttled(const struct http *http, const char *key)
{
    const struct peer *peer = find_peer(http, key);
    return peer && in_window(http, peer) && peer->bad_tokens >= MOST_BAD_TOKENS;
}

/* ---- Tokens ---- */

/* Every token is compared, so that the time taken does not tell which came near. */
static const struct token *find_token(const struct policy *policy, const char *secret, size_t size)
{
    const struct token *found = NULL;
    for (size_t i = 0; i < policy->n_tokens; i++)
        if (text_same_secret(secret, size, policy->tokens[i].secret, policy->tokens[i].size))
            found = &policy->tokens[i];
    return found;
}

enum auth_result auth_identify(struct exchange_inner *inner, bool counts)
{
    const struct connection *c = inner->connection;
    struct http *http = inner->http;
    if (c->listener->path || (!policy_has_tokens(http->policy) && c->is_local)) {
        inner->x.roles = ROLE_ALL;
        return AUTH_KNOWN;
    }
    const char *given = gate_find(inner->request, "authorization");
    if (!given)
        return AUTH_NO_TOKEN;
    /* A good token is not let through either: it would tell which of many tries was right. */
    if (is_throttled(http, c->peer_key))
        return AUTH_THROTTLED;
    bool is_bearer = strncasecmp(given, "Bearer ", 7) == 0;
    const char *secret = is_bearer ? given + 7 + strspn(given + 7, " ") : "";
    const struct token *token = find_token(http->policy, secret, strlen(secret));
    if (!token) {
        if (counts)
            count_bad_token(http, c->peer_key);
        return AUTH_BAD_TOKEN;
    }
    inner->x.roles = token->roles;
    inner->x.token_name = arena_strdup(inner->x.arena, token->name);
    return AUTH_KNOWN;
}
