/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <utlist.h>

#include "plugin/exchange.h"

enum { BODY_MOST = 16 * 1024 * 1024, HEADERS_MOST = 64, HEADER_BYTES_MOST = 32 * 1024, RECIPIENTS_MOST = 1000 };

struct request *request_make(struct instance *instance)
{
    struct request *request = NEW(struct request);
    request->instance = instance;
    request->arena = arena_new();
    request->headers_end = &request->headers;
    request->pub = (struct belfry_request){.size = sizeof request->pub,
                                           .url = "",
                                           .method = "POST",
                                           .username = "",
                                           .password = "",
                                           .bearer = "",
                                           .mail_from = "",
                                           .unix_socket = "",
                                           .ca_file = "",
                                           .cert_file = "",
                                           .key_file = ""};
    DL_APPEND(instance->requests, request);
    return request;
}

void request_free(struct request *request)
{
    if (!request)
        return;
    if (request->prev)
        DL_DELETE(request->instance->requests, request);
    arena_free(request->arena);
    free(request->recipients);
    free(request);
}

char *request_text(struct belfry_request *pub, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    char *text = arena_vprintf(request_of(pub)->arena, format, ap);
    va_end(ap);
    return text;
}

/* ---- what may stand in a head or an envelope ---- */

static bool has_control(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return true;
    return false;
}

/* RFC 9110, 5.6.2 */
static bool is_token(const char *s)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    if (!*s)
        return false;
    for (; *s; s++)
        if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') || strchr(others, *s)))
            return false;
    return true;
}

/* Framing and connection are the host's affair. */
static bool is_ours(const char *name)
{
    static const char *const ours[] = {"content-length",      "transfer-encoding", "connection", "upgrade", "expect",
                                       "proxy-authorization", "keep-alive",        "te",         "trailer"};
    for (size_t i = 0; i < COUNT(ours); i++)
        if (strcasecmp(name, ours[i]) == 0)
            return true;
    return false;
}

int request_header(struct belfry_request *pub, const char *name, const char *value, struct belfry_error *e)
{
    struct request *request = request_of(pub);
    name = name ? name : "";
    value = value ? value : "";
    if (!is_token(name))
        return host_fail(e, NULL, "'%s' is no name of a header", name);
    if (is_ours(name))
        return host_fail(e, NULL, "the header %s is set by the host itself", name);
    if (has_control(value))
        return host_fail(e, NULL, "the value of the header %s has a line break or another control character", name);
    request->header_bytes += strlen(name) + strlen(value);
    if (request->n_headers == HEADERS_MOST || request->header_bytes > HEADER_BYTES_MOST)
        return host_fail(e, NULL, "more than %d headers, or %d bytes of them", HEADERS_MOST, HEADER_BYTES_MOST);
    struct header *header = arena_alloc(request->arena, sizeof *header);
    header->name = arena_strdup(request->arena, name);
    header->value = arena_strdup(request->arena, value);
    *request->headers_end = header;
    request->headers_end = &header->next;
    request->n_headers++;
    return 0;
}

bool request_has_header(const struct request *request, const char *name)
{
    for (const struct header *h = request->headers; h; h = h->next)
        if (strcasecmp(h->name, name) == 0)
            return true;
    return false;
}

/* A bare address: libcurl puts what it gets into the command as it is. */
static bool is_address(const char *s)
{
    return !has_control(s) && !strpbrk(s, ",;<>\" ") && text_is_utf8(s, strlen(s), NULL) && strlen(s) <= 320;
}

int request_recipient(struct belfry_request *pub, const char *address, struct belfry_error *e)
{
    struct request *request = request_of(pub);
    if (text_empty(address) || !is_address(address))
        return host_fail(e, NULL, "'%s' is no mail address", address ? address : "");
    if (request->n_recipients == RECIPIENTS_MOST)
        return host_fail(e, NULL, "more than %d recipients", RECIPIENTS_MOST);
    request->recipients = x_realloc(request->recipients, (request->n_recipients + 1) * sizeof *request->recipients);
    request->recipients[request->n_recipients++] = arena_strdup(request->arena, address);
    return 0;
}

/* ---- the whole ---- */

enum scheme request_scheme(const struct request *request)
{
    const char *url = request->pub.url;
    size_t n = strcspn(url, ":");
    if (strncmp(url + n, "://", 3) != 0)
        return SCHEME_OTHER;
    if ((n == 4 && strncasecmp(url, "http", n) == 0) || (n == 5 && strncasecmp(url, "https", n) == 0))
        return SCHEME_HTTP;
    if ((n == 4 && strncasecmp(url, "smtp", n) == 0) || (n == 5 && strncasecmp(url, "smtps", n) == 0))
        return SCHEME_SMTP;
    return SCHEME_OTHER;
}

static int check_url(const char *url, struct error *e)
{
    AUTOBUF shown = {0};
    text_add_url(&shown, url);
    for (const char *c = url; *c; c++)
        if ((unsigned char)*c <= 0x20 || *c == 0x7f)
            return error_set(e, "the URL %s has a space or a control character", buf_str(&shown));
    CURLU *parsed = curl_url();
    CURLUcode why = parsed ? curl_url_set(parsed, CURLUPART_URL, url, 0) : CURLUE_OUT_OF_MEMORY;
    curl_url_cleanup(parsed);
    return why ? error_set(e, "the URL %s is not valid: %s", buf_str(&shown), curl_url_strerror(why)) : 0;
}

static int check_http(const struct belfry_request *pub, struct error *e)
{
    if (!is_token(pub->method))
        return error_set(e, "'%s' is no HTTP method", pub->method);
    if (*pub->unix_socket &&
        (*pub->unix_socket != '/' || strlen(pub->unix_socket) >= sizeof((struct sockaddr_un *)0)->sun_path))
        return error_set(e, "'%s' is no path of a socket: it must be absolute and shorter than %zu bytes",
                         pub->unix_socket, sizeof((struct sockaddr_un *)0)->sun_path);
    return 0;
}

static int check_smtp(const struct request *request, struct error *e)
{
    if (*request->pub.unix_socket)
        return error_set(e, "mail does not go to a Unix socket");
    if (!request->n_recipients)
        return error_set(e, "the mail has no recipient");
    if (!is_address(request->pub.mail_from))
        return error_set(e, "'%s' is no mail address", request->pub.mail_from);
    return 0;
}

/* A plugin may have set a field back to null. */
static void fill_in(struct belfry_request *pub)
{
    const char **texts[] = {&pub->url,       &pub->method,      &pub->username, &pub->password,  &pub->bearer,
                            &pub->mail_from, &pub->unix_socket, &pub->ca_file,  &pub->cert_file, &pub->key_file};
    for (size_t i = 0; i < COUNT(texts); i++)
        if (!*texts[i])
            *texts[i] = "";
    if (!*pub->method)
        pub->method = "POST";
    if (!pub->body)
        pub->body_size = 0;
}

int request_check(struct request *request, struct error *e)
{
    struct belfry_request *pub = &request->pub;
    fill_in(pub);
    const char *const secrets[] = {pub->username, pub->password, pub->bearer};
    for (size_t i = 0; i < COUNT(secrets); i++)
        if (has_control(secrets[i]))
            return error_set(e, "the user name, password or token has a control character");
    if (pub->body_size > BODY_MOST)
        return error_set(e, "the message is %zu bytes, more than %d", pub->body_size, BODY_MOST);
    enum scheme scheme = request_scheme(request);
    if (scheme == SCHEME_OTHER) {
        AUTOBUF shown = {0};
        text_add_url(&shown, pub->url);
        return error_set(e, "'%s' is no URL of http, https, smtp or smtps", buf_str(&shown));
    }
    if (check_url(pub->url, e))
        return -1;
    return scheme == SCHEME_HTTP ? check_http(pub, e) : check_smtp(request, e);
}
