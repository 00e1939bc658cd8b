/* SPDX-License-Identifier: Apache-2.0 */
/* Any HTTP receiver: method, headers and body of the user's own. */
#include <belfry/plugin.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "json.h"

struct webhook {
    const struct belfry_host *host;
    const char *url, *method, *content_type, *unix_socket;
    const char *username, *password, *bearer;
    const char *ca_file, *cert_file, *key_file;
    struct belfry_map headers;
    const struct belfry_template *body;
};

/* ---- Compose ---- */

static bool is_json(const char *content_type)
{
    size_t n = strcspn(content_type, "; ");
    return (n == 16 && strncasecmp(content_type, "application/json", n) == 0) ||
           (n > 5 && strncasecmp(content_type + n - 5, "+json", 5) == 0);
}

static int check_json(const struct belfry_host *host, const char *text, struct belfry_error *e)
{
    const char *fault = json_find_fault(text);
    if (!fault)
        return 0;
    int line = 1, column = 1;
    for (const char *p = text; p < fault; p++) {
        column = *p == '\n' ? 1 : column + 1;
        line += *p == '\n';
    }
    return host->fail(
        e, "body",
        "the body is not JSON at line %d, column %d once rendered: put quotes around each \"{{ }}\", or set "
        "content_type",
        line, column);
}

static int escape_for(const char *content_type)
{
    if (is_json(content_type))
        return BELFRY_JSON;
    return strcasestr(content_type, "html") || strcasestr(content_type, "xml") ? BELFRY_HTML : BELFRY_PLAIN;
}

static int add_body(const struct webhook *webhook, const struct belfry_notification *notification,
                    struct belfry_request *request, struct belfry_error *e)
{
    const struct belfry_host *host = webhook->host;
    const char *body = notification->json;
    if (webhook->body) {
        body = host->render(request, webhook->body, notification, escape_for(webhook->content_type), e);
        if (!body || (is_json(webhook->content_type) && check_json(host, body, e)))
            return -1;
    }
    request->body = body;
    request->body_size = strlen(body);
    return host->header(request, "Content-Type", webhook->content_type, e);
}

static int add_headers(const struct webhook *webhook, const struct belfry_notification *notification,
                       struct belfry_request *request, struct belfry_error *e)
{
    const struct belfry_host *host = webhook->host;
    const char *agent = "belfry/" PACKAGE_VERSION;
    for (size_t i = 0; i < webhook->headers.n; i++) {
        const struct belfry_pair *header = &webhook->headers.pair[i];
        if (host->header(request, header->key, header->value, e))
            return -1;
        if (strcasecmp(header->key, "User-Agent") == 0)
            agent = NULL;
    }
    const char *seconds = host->text(request, "%lld", (long long)(host->now(host) / 1000));
    return host->header(request, "webhook-id", notification->id, e) ||
                   host->header(request, "Idempotency-Key", notification->id, e) ||
                   host->header(request, "webhook-timestamp", seconds, e) ||
                   (agent && host->header(request, "User-Agent", agent, e))
               ? -1
               : 0;
}

static int webhook_compose(void *self, const struct belfry_notification *notification, struct belfry_request *request,
                           struct belfry_error *e)
{
    const struct webhook *webhook = self;
    request->url = webhook->url;
    request->method = webhook->method;
    request->unix_socket = webhook->unix_socket;
    request->username = webhook->username;
    request->password = webhook->password;
    request->bearer = webhook->bearer;
    request->ca_file = webhook->ca_file;
    request->cert_file = webhook->cert_file;
    request->key_file = webhook->key_file;
    bool has_body = strcmp(webhook->method, "GET") != 0;
    return add_headers(webhook, notification, request, e) || (has_body && add_body(webhook, notification, request, e))
               ? -1
               : 0;
}

static void webhook_judge(void *self, const struct belfry_notification *notification, const struct belfry_reply *reply,
                          struct belfry_request *next, struct belfry_verdict *verdict)
{
    const struct webhook *webhook = self;
    (void)notification;
    (void)next;
    webhook->host->judge_http(reply, verdict);
}

/* ---- Options ---- */

static int check_options(const struct webhook *webhook, struct belfry_error *e)
{
    static const char ours[] = " content-type webhook-id idempotency-key webhook-timestamp ";
    const struct belfry_host *host = webhook->host;
    char word[80];
    for (size_t i = 0; i < webhook->headers.n; i++) {
        snprintf(word, sizeof word, " %.70s ", webhook->headers.pair[i].key);
        if (strcasestr(ours, word))
            return host->fail(e, "headers", "%s is written by the channel itself", webhook->headers.pair[i].key);
    }
    if (*webhook->bearer && (*webhook->username || *webhook->password))
        return host->fail(e, "bearer", "give a username and password or a bearer token, not both");
    if (*webhook->password && !*webhook->username)
        return host->fail(e, "password", "password needs a username beside it");
    if (*webhook->key_file && !*webhook->cert_file)
        return host->fail(e, "key_file", "key_file needs cert_file beside it");
    if (strncmp(webhook->url, "https:", 6) != 0 && (*webhook->ca_file || *webhook->cert_file))
        return host->fail(e, *webhook->ca_file ? "ca_file" : "cert_file",
                          "certificates are of use only with an https:// url");
    if (webhook->body && strcmp(webhook->method, "GET") == 0)
        return host->fail(e, "body", "GET has no body: use POST, PUT or PATCH");
    if (!webhook->body && !is_json(webhook->content_type))
        return host->fail(e, "content_type", "the built-in body is JSON: give a `body` for another type");
    if (strcasestr(webhook->content_type, "x-www-form-urlencoded"))
        return host->fail(e, "content_type", "templates cannot escape for forms: use JSON or text");
    return 0;
}

/* Composing a sample now finds at load what every message would be refused for later. */
static int webhook_open(void *self, const struct belfry_host *host, struct belfry_error *e)
{
    static const struct belfry_notification sample = {.size = sizeof sample,
                                                      .id = "sample",
                                                      .attempt = 1,
                                                      .channel = "",
                                                      .receiver = "",
                                                      .group_key = "",
                                                      .language = "en",
                                                      .title = "a \"title\"",
                                                      .text = "line\nline",
                                                      .json = "{}",
                                                      .external_url = ""};
    struct webhook *webhook = self;
    webhook->host = host;
    if (check_options(webhook, e))
        return -1;
    if (!webhook_compose(webhook, &sample, host->request_new(host), e))
        return 0;
    if (e->option)
        return -1;
    char why[sizeof e->text]; /* from host->header(), which does not know the option */
    memcpy(why, e->text, sizeof why);
    return host->fail(e, "headers", "%s", why);
}

#define AT(field) offsetof(struct webhook, field)
static const struct belfry_option options[] = {
    {"url", BELFRY_URL, BELFRY_REQUIRED, NULL, "http|https", "where to send it", AT(url)},
    {"method", BELFRY_STRING, 0, "POST", "POST|PUT|PATCH|GET", "the HTTP method", AT(method)},
    {"headers", BELFRY_MAP, 0, NULL, NULL, "further headers", AT(headers)},
    {"body", BELFRY_TEMPLATE, 0, NULL, NULL, "instead of Alertmanager's JSON", AT(body)},
    {"content_type", BELFRY_STRING, 0, "application/json; charset=utf-8", NULL, "of the body", AT(content_type)},
    {"username", BELFRY_STRING, 0, NULL, NULL, "for basic authentication", AT(username)},
    {"password", BELFRY_SECRET, 0, NULL, NULL, "the password of username", AT(password)},
    {"bearer", BELFRY_SECRET, 0, NULL, NULL, "a token instead: Authorization: Bearer", AT(bearer)},
    {"ca_file", BELFRY_PATH, 0, NULL, NULL, "PEM file of the authorities to trust", AT(ca_file)},
    {"cert_file", BELFRY_PATH, 0, NULL, NULL, "PEM file of our own certificate", AT(cert_file)},
    {"key_file", BELFRY_PATH, 0, NULL, NULL, "PEM file of its key, if not in cert_file", AT(key_file)},
    {"unix_socket", BELFRY_PATH, 0, NULL, NULL, "connect to this socket, not to the url's host", AT(unix_socket)},
    {0},
};

static const struct belfry_channel channel = {
    .size = sizeof channel, .compose = webhook_compose, .judge = webhook_judge};

BELFRY_PLUGIN(webhook, .kind = BELFRY_CHANNEL, .name = "webhook", .version = PACKAGE_VERSION, .licence = "Apache-2.0",
              .summary = "HTTP requests with headers and body of your own", .options = options,
              .instance_size = sizeof(struct webhook), .open = webhook_open, .channel = &channel);
