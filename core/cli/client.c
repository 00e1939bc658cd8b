/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/cli.h"

enum { CONNECT_MS = 3000, USUAL_MS = 15000, MOST_ANSWER = 32 * 1024 * 1024, MOST_TOKEN = 4096, PAGE = 500 };

struct client {
    CURL *curl;
    char *base;   /* "http://localhost", no slash at its end */
    char *socket; /* path of a Unix socket, or null */
    char *token;  /* null: none */
    char *shown;  /* where the agent is, for people */
    const atomic_bool *stop;
};

/* ---- where the agent is ---- */

static int set_place(struct client *client, const char *place, const char *origin, struct error *e)
{
    if (text_starts(place, "unix:")) {
        if (place[5] != '/') {
            error_set(e, "%s: '%s' is not an absolute path behind unix:", origin, place);
            return EX_USAGE;
        }
        client->socket = x_strdup(place + 5);
        client->base = x_strdup("http://localhost");
    } else if (text_starts(place, "http://") || text_starts(place, "https://")) {
        size_t len = strlen(place);
        while (len && place[len - 1] == '/')
            len--;
        client->base = x_strndup(place, len);
    } else {
        error_set(e, "%s: '%s' is no place of an agent", origin, place);
        error_mend(e, "write http://HOST:PORT, https://HOST:PORT or unix:/PATH");
        return EX_USAGE;
    }
    AUTOBUF shown = {0};
    if (client->socket)
        buf_adds(&shown, place);
    else
        text_add_url(&shown, client->base);
    client->shown = buf_take(&shown);
    return 0;
}

static int find_place(struct client *client, const char *given, struct error *e)
{
    const char *environment = getenv("BELFRY_AGENT");
    if (given)
        return set_place(client, given, "--agent", e);
    if (!text_empty(environment))
        return set_place(client, environment, "BELFRY_AGENT", e);
    if (access(BELFRY_RUN_DIR "/belfry.sock", F_OK) == 0)
        return set_place(client, "unix:" BELFRY_RUN_DIR "/belfry.sock", "", e);
    return set_place(client, "http://127.0.0.1:8080", "", e);
}

/* ---- the token ---- */

static int read_token_file(const char *path, char **token, struct error *e)
{
    char text[MOST_TOKEN + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
    int why = errno;
    if (fd >= 0)
        close(fd);
    if (n < 0) {
        error_set(e, "--token-file %s: %s", path, strerror(why));
        return why == EACCES ? EX_NOPERM : EX_CONFIG;
    }
    while (n && strchr(" \t\r\n", text[n - 1]))
        n--;
    if (n == 0 || n > MOST_TOKEN || memchr(text, '\n', (size_t)n)) {
        error_set(e, "--token-file %s: there is not one token in it, on one line", path);
        return EX_CONFIG;
    }
    *token = x_strndup(text, (size_t)n);
    return 0;
}

static int find_token(struct client *client, const char *file, struct error *e)
{
    const char *environment = getenv("BELFRY_TOKEN");
    if (file)
        return read_token_file(file, &client->token, e);
    if (!text_empty(environment))
        client->token = x_strdup(environment);
    return 0;
}

/* ---- a client ---- */

int client_open(const struct client_options *options, struct client **out, struct error *e)
{
    struct client *client = NEW(struct client);
    int status = find_place(client, options->agent, e);
    if (!status)
        status = find_token(client, options->token_file, e);
    if (!status && (curl_global_init(CURL_GLOBAL_DEFAULT) || !(client->curl = curl_easy_init()))) {
        error_set(e, "libcurl cannot be set up");
        status = EX_SOFTWARE;
    }
    if (status)
        client_close(TAKE(client));
    *out = client;
    return status;
}

void client_close(struct client *client)
{
    if (!client)
        return;
    curl_easy_cleanup(client->curl);
    free(client->base);
    free(client->socket);
    free(client->token);
    free(client->shown);
    free(client);
}

void client_stop_when(struct client *client, const atomic_bool *stop)
{
    client->stop = stop;
}

void answer_free(struct answer *answer)
{
    json_decref(answer->json);
    free(answer->text);
    *answer = (struct answer){0};
}

/* ---- one request ---- */

static size_t take_body(char *data, size_t size, size_t n, void *ctx)
{
    struct buf *body = ctx;
    if (body->len + size * n > MOST_ANSWER)
        return 0;
    buf_add(body, data, size * n);
    return size * n;
}

static int see_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct client *client = ctx;
    (void)a, (void)b, (void)c, (void)d;
    return client->stop && *client->stop;
}

static void set_request(struct client *client, const char *method, const char *url, int64_t timeout, struct buf *body)
{
    CURL *curl = client->curl;
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* the agent is spoken to directly, whatever the environment says */
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->socket);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(timeout < CONNECT_MS ? timeout : CONNECT_MS));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "belfry-cli/" PACKAGE_VERSION);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, see_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, client);
    if (client->token) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, client->token);
    }
}

static int fail_transfer(const struct client *client, CURLcode code, struct error *e)
{
    long why = 0;
    curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &why);
    bool connecting = code == CURLE_COULDNT_CONNECT && why;
    error_set(e, "cannot reach the agent at %s: %s", client->shown,
              connecting ? strerror((int)why) : curl_easy_strerror(code));
    if (connecting && why == EACCES) {
        error_mend(e, "run this as a user who may open the socket");
        return EX_NOPERM;
    }
    if (code == CURLE_OPERATION_TIMEDOUT)
        error_mend(e, "it did not answer in time; look at its log");
    else
        error_mend(e, "start it with 'belfry run', or say where it is with --agent");
    return EX_UNAVAILABLE;
}

/* What a status that is not 2xx means for the caller's exit code. */
static int judge(long code)
{
    switch (code) {
    case 401:
    case 403:
        return EX_NOPERM;
    case 408:
    case 429:
    case 502:
    case 503:
    case 504:
    case 507:
        return EX_TEMPFAIL;
    default:
        return EXIT_FAILURE;
    }
}

static int fail_answer(const struct client *client, const struct answer *answer, struct error *e)
{
    int status = judge(answer->code);
    const char *what = json_str(answer->json, "error", NULL);
    if (what)
        error_set(e, "%s", what);
    else
        error_set(e, "the agent at %s answered with HTTP status %ld", client->shown, answer->code);
    error_where(e, "%s", json_str(answer->json, "field", ""));
    error_mend(e, "%s", json_str(answer->json, "hint", ""));
    if (status == EX_NOPERM && !*e->mend)
        error_mend(e, client->token ? "this token's role does not allow it"
                                    : "give a token with --token-file or BELFRY_TOKEN");
    return status;
}

static int read_answer(struct client *client, struct buf *body, struct answer *answer, struct error *e)
{
    curl_off_t after = 0;
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &answer->code);
    curl_easy_getinfo(client->curl, CURLINFO_RETRY_AFTER, &after);
    answer->retry_after = after * SECOND;
    /* jansson's own limits: the agent is trusted, and its lists may be longer than what is taken from senders */
    answer->json = json_loadb(buf_str(body), body->len, JSON_DECODE_ANY, NULL);
    answer->text = buf_take(body);
    if (answer->code < 200 || answer->code >= 300)
        return fail_answer(client, answer, e);
    return 0;
}

int client_fail_stranger(const struct client *client, struct error *e)
{
    error_set(e, "what answers at %s is not a Belfry agent", client->shown);
    error_mend(e, "say where the agent is with --agent");
    return EX_UNAVAILABLE;
}

int client_call(struct client *client, const char *method, const char *path, const json_t *body, int64_t timeout,
                struct answer *answer, struct error *e)
{
    *answer = (struct answer){0};
    AUTOFREE char *url = x_printf("%s%s", client->base, path);
    AUTOFREE char *text = body ? json_text(body) : NULL;
    AUTOBUF received = {0};
    struct curl_slist *headers = NULL;
    set_request(client, method, url, timeout, &received);
    if (text) {
        headers = curl_slist_append(headers, "Content-Type: application/cloudevents+json");
        curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, text);
    } else if (strcmp(method, "POST") == 0) {
        curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, "");
    }
    CURLcode code = curl_easy_perform(client->curl);
    int status = code ? fail_transfer(client, code, e) : read_answer(client, &received, answer, e);
    curl_slist_free_all(headers);
    return status;
}

/* ---- reading ---- */

static int get(struct client *client, const char *path, json_t **out, struct error *e)
{
    AUTOANSWER answer = {0};
    int status = client_call(client, "GET", path, NULL, USUAL_MS, &answer, e);
    if (!status && !json_is_object(answer.json))
        status = client_fail_stranger(client, e);
    *out = status ? NULL : json_incref(answer.json);
    return status;
}

int client_get(const struct client_options *options, const char *path, json_t **out)
{
    struct error e;
    AUTOCLIENT *client = NULL;
    *out = NULL;
    int status = client_open(options, &client, &e);
    if (!status)
        status = get(client, path, out, &e);
    return status ? cli_fail(status, &e) : 0;
}

/* Add one page to `items`; *next is the cursor of the following one, null at the end. */
static int get_page(struct client *client, const char *path, int64_t limit, json_t *items, char **next, struct error *e)
{
    AUTOBUF page = {0};
    AUTOJSON *answer = NULL;
    char most[24];
    snprintf(most, sizeof most, "%" PRId64, limit < PAGE ? limit : PAGE);
    buf_adds(&page, path);
    path_add_query(&page, "limit", most);
    path_add_query(&page, "cursor", *next);
    int status = get(client, page.data, &answer, e);
    free(TAKE(*next));
    if (status)
        return status;
    json_array_extend(items, json_object_get(answer, "items"));
    *next = x_strdup(json_str(answer, "next", NULL));
    return 0;
}

int client_get_items(const struct client_options *options, const char *path, int64_t limit, json_t **out)
{
    struct error e;
    AUTOCLIENT *client = NULL;
    AUTOJSON *items = json_array();
    AUTOFREE char *next = NULL;
    *out = NULL;
    int status = client_open(options, &client, &e);
    while (!status) {
        status = get_page(client, path, limit - (int64_t)json_array_size(items), items, &next, &e);
        if (!next || (int64_t)json_array_size(items) >= limit)
            break;
    }
    if (status)
        return cli_fail(status, &e);
    *out = json_incref(items);
    return 0;
}

/* ---- paths ---- */

void path_add_segment(struct buf *path, const char *segment)
{
    char *escaped = curl_easy_escape(NULL, segment, (int)strlen(segment));
    if (!escaped)
        abort();
    buf_adds(path, escaped);
    curl_free(escaped);
}

void path_add_query(struct buf *path, const char *name, const char *value)
{
    if (text_empty(value))
        return;
    buf_addf(path, "%c%s=", strchr(buf_str(path), '?') ? '&' : '?', name);
    path_add_segment(path, value);
}
