/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the house for everything that goes out through libcurl. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "plugin/exchange.h"

enum { CONNECT_TIMEOUT = 10 * SECOND, STALL_SECONDS = 30 };

/* The option was misspelt in libcurl until 8.2. */
#if LIBCURL_VERSION_NUM < 0x080200
#define ALLOW_SOME_RECIPIENTS CURLOPT_MAIL_RCPT_ALLLOWFAILS
#else
#define ALLOW_SOME_RECIPIENTS CURLOPT_MAIL_RCPT_ALLOWFAILS
#endif

void setup_curl(void)
{
    static bool done;
    if (done)
        return;
    done = true;
    if (curl_global_init(CURL_GLOBAL_DEFAULT))
        abort(); /* only memory can be short */
    /* libcurl is told below to leave signals alone; a peer that hangs up, or a child that does not read its input, must
     * be an error of the write, not our end. */
    signal(SIGPIPE, SIG_IGN);
}

/* ---- addresses ---- */

static const char *forbids_v4(const uint8_t a[4])
{
    if (a[0] == 169 && a[1] == 254)
        return "link-local addresses (169.254.0.0/16, where clouds serve credentials) are never connected to";
    if (a[0] == 100 && a[1] == 100 && a[2] == 100 && a[3] == 200)
        return "the metadata address 100.100.100.200 is never connected to";
    return NULL;
}

static const char *forbids_v6(const struct in6_addr *address)
{
    static const uint8_t metadata[16] = {0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54};
    if (IN6_IS_ADDR_LINKLOCAL(address))
        return "link-local addresses (fe80::/10) are never connected to";
    if (memcmp(address, metadata, sizeof metadata) == 0)
        return "the metadata address fd00:ec2::254 is never connected to";
    if (IN6_IS_ADDR_V4MAPPED(address) || IN6_IS_ADDR_V4COMPAT(address))
        return forbids_v4(address->s6_addr + 12);
    return NULL;
}

static const char *forbids(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        return forbids_v4((const uint8_t *)&v4.sin_addr);
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        return forbids_v6(&v6.sin6_addr);
    }
    return NULL;
}

/* Asked for the address that is really connected to, so that no name or spelling gets around it. */
curl_socket_t setup_open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct reply *reply = data;
    const char *why = forbids(&address->addr);
    if (why) {
        reply->forbidden = why;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- the request ---- */

#define SET(option, value)                                                                                             \
    do {                                                                                                               \
        CURLcode set_result = curl_easy_setopt(easy, option, value);                                                   \
        if (set_result)                                                                                                \
            return set_result;                                                                                         \
    } while (0)

static struct curl_slist *add(struct curl_slist *list, const char *text)
{
    struct curl_slist *longer = curl_slist_append(list, text);
    if (!longer)
        abort(); /* out of memory */
    return longer;
}

long setup_timeout(const struct request *request)
{
    int64_t timeout = request->pub.timeout > 0 ? request->pub.timeout : request->instance->timeout;
    return timeout < DAY ? (long)timeout : (long)DAY;
}

static CURLcode set_safety(CURL *easy, const struct request *request, struct reply *reply)
{
    bool is_mail = request_scheme(request) == SCHEME_SMTP;
    SET(CURLOPT_PROTOCOLS_STR, is_mail ? "smtp,smtps" : "http,https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, is_mail ? "smtp,smtps" : "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_UNRESTRICTED_AUTH, 0L);
    SET(CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
    SET(CURLOPT_QUICK_EXIT, 1L); /* a name look-up that hangs is left behind, not waited for */
#endif
    SET(CURLOPT_OPENSOCKETFUNCTION, setup_open_socket);
    SET(CURLOPT_OPENSOCKETDATA, reply);
    long timeout = setup_timeout(request);
    SET(CURLOPT_TIMEOUT_MS, timeout);
    SET(CURLOPT_CONNECTTIMEOUT_MS, timeout < CONNECT_TIMEOUT ? timeout : (long)CONNECT_TIMEOUT);
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
    return CURLE_OK;
}

static CURLcode set_tls(CURL *easy, const struct belfry_request *pub)
{
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (*pub->ca_file) { /* instead of the system's, not beside them */
        SET(CURLOPT_CAINFO, pub->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    if (*pub->cert_file)
        SET(CURLOPT_SSLCERT, pub->cert_file);
    if (*pub->key_file)
        SET(CURLOPT_SSLKEY, pub->key_file);
    return CURLE_OK;
}

static CURLcode set_credentials(CURL *easy, const struct belfry_request *pub)
{
    if (*pub->username || *pub->password) {
        SET(CURLOPT_USERNAME, pub->username);
        SET(CURLOPT_PASSWORD, pub->password);
        SET(CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    }
    if (*pub->bearer) {
        SET(CURLOPT_XOAUTH2_BEARER, pub->bearer);
        SET(CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    }
    return CURLE_OK;
}

static CURLcode set_http(CURL *easy, struct setup *setup, const struct request *request)
{
    const struct belfry_request *pub = &request->pub;
    for (const struct header *h = request->headers; h; h = h->next) {
        /* curl takes "Name:" for "leave it out", and "Name;" for an empty one. */
        AUTOFREE char *line = x_printf(*h->value ? "%s: %s" : "%s;", h->name, h->value);
        setup->headers = add(setup->headers, line);
    }
    setup->headers = add(setup->headers, "Expect:"); /* do not wait for 100 Continue */
    if (!request_has_header(request, "content-type"))
        setup->headers = add(setup->headers, "Content-Type:"); /* no guess of curl's */
    SET(CURLOPT_HTTPHEADER, setup->headers);
    SET(CURLOPT_USERAGENT, "belfry");
    if (*pub->unix_socket)
        SET(CURLOPT_UNIX_SOCKET_PATH, pub->unix_socket);
    bool is_head = strcmp(pub->method, "HEAD") == 0;
    if (is_head) {
        SET(CURLOPT_NOBODY, 1L);
    } else if (pub->body_size || strcmp(pub->method, "POST") == 0 || strcmp(pub->method, "PUT") == 0) {
        SET(CURLOPT_POSTFIELDS, pub->body ? pub->body : "");
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)pub->body_size);
    }
    if (!is_head)
        SET(CURLOPT_CUSTOMREQUEST, pub->method);
    return CURLE_OK;
}

static CURLcode set_smtp(CURL *easy, struct setup *setup, const struct request *request)
{
    const struct belfry_request *pub = &request->pub;
    for (size_t i = 0; i < request->n_recipients; i++)
        setup->recipients = add(setup->recipients, request->recipients[i]);
    SET(CURLOPT_MAIL_RCPT, setup->recipients);
    SET(ALLOW_SOME_RECIPIENTS, 1L);
    SET(CURLOPT_MAIL_FROM, pub->mail_from);
    SET(CURLOPT_SASL_IR, 1L);
    if (pub->starttls)
        SET(CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
    SET(CURLOPT_SERVER_RESPONSE_TIMEOUT, (setup_timeout(request) + SECOND - 1) / SECOND);
    SET(CURLOPT_UPLOAD, 1L);
    SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)pub->body_size);
    return CURLE_OK;
}

CURLcode setup_easy(CURL *easy, struct setup *setup, const struct request *request, struct reply *reply)
{
    const struct belfry_request *pub = &request->pub;
    CURLcode result = set_safety(easy, request, reply);
    if (!result)
        result = set_tls(easy, pub);
    if (!result)
        result = set_credentials(easy, pub);
    if (!result)
        result =
            request_scheme(request) == SCHEME_SMTP ? set_smtp(easy, setup, request) : set_http(easy, setup, request);
    if (result)
        return result;
    SET(CURLOPT_URL, pub->url);
    SET(CURLOPT_ERRORBUFFER, setup->error);
    return CURLE_OK;
}

void setup_free(struct setup *setup)
{
    curl_slist_free_all(setup->headers);
    curl_slist_free_all(setup->recipients);
    setup->headers = setup->recipients = NULL;
}
