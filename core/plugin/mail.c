/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail goes on a thread. libcurl's multi interface does not give control back while it waits for a mail server's answer
 * to the message (or to QUIT), which may take as long as the server's filters please. A mail owns all that its thread
 * touches; the loop gets it back when the thread has ended.
 *
 * A line is a curl handle with its connection. After a mail it is kept for the same instance's next one.
 */
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "plugin/exchange.h"

enum { IDLE = 60, SOCKETS = 8, STACK = 512 * 1024 };

struct line {
    CURL *easy;
    const struct instance *owner;
    int64_t idle_since;
    struct reply *reply;  /* of the mail that uses it */
    pthread_mutex_t lock; /* the sockets: the loop shuts them down to wake a thread */
    curl_socket_t sockets[SOCKETS];
    size_t n_sockets;
    struct line *next;
};

struct mail {
    struct mailroom *room;
    struct line *line;
    pthread_t thread;
    struct setup setup;
    struct smtp smtp;
    struct reply *reply;
    char **recipients;
    char *body;
    size_t size, sent;
    CURLcode result;
    atomic_bool is_recalled;
    bool has_ended; /* guarded by the room's lock */
    void (*done)(void *ctx);
    void *ctx;
    struct mail *prev, *next;
};

struct mailroom {
    struct loop *loop;
    struct mail *mails;
    struct line *idle;
    struct event *tidy, *wake;
    int wake_fd;
    pthread_mutex_t lock;
};

/* ---- lines ---- */

static curl_socket_t open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct line *line = data;
    curl_socket_t fd = setup_open_socket(line->reply, purpose, address);
    pthread_mutex_lock(&line->lock);
    if (fd != CURL_SOCKET_BAD && line->n_sockets < SOCKETS)
        line->sockets[line->n_sockets++] = fd;
    pthread_mutex_unlock(&line->lock);
    return fd;
}

static int close_socket(void *data, curl_socket_t fd)
{
    struct line *line = data;
    pthread_mutex_lock(&line->lock);
    for (size_t i = 0; i < line->n_sockets; i++)
        if (line->sockets[i] == fd)
            line->sockets[i--] = line->sockets[--line->n_sockets];
    int result = close(fd);
    pthread_mutex_unlock(&line->lock);
    return result;
}

/* With SHUT_RD what curl still wants to say is sent, but it finds the peer gone instead of waiting for an answer. */
static void shut(struct line *line, int how)
{
    pthread_mutex_lock(&line->lock);
    for (size_t i = 0; i < line->n_sockets; i++)
        shutdown(line->sockets[i], how);
    pthread_mutex_unlock(&line->lock);
}

static struct line *line_take(struct mailroom *room, const struct instance *owner)
{
    for (struct line **at = &room->idle; *at; at = &(*at)->next) {
        struct line *line = *at;
        if (line->owner == owner) {
            LL_DELETE(room->idle, line);
            curl_easy_reset(line->easy); /* forgets the last mail, keeps the connection */
            return line;
        }
    }
    struct line *line = NEW(struct line);
    line->owner = owner;
    line->easy = curl_easy_init();
    if (!line->easy)
        abort(); /* out of memory */
    pthread_mutex_init(&line->lock, NULL);
    return line;
}

static void line_free(struct line *line)
{
    shut(line, SHUT_RD);
    curl_easy_cleanup(line->easy);
    pthread_mutex_destroy(&line->lock);
    free(line);
}

static void line_keep(struct mailroom *room, struct line *line)
{
    line->reply = NULL;
    line->idle_since = time_monotonic();
    LL_PREPEND(room->idle, line);
    if (!event_pending(room->tidy, EV_TIMEOUT, NULL))
        event_add(room->tidy, &(struct timeval){.tv_sec = IDLE});
}

static void on_tidy(evutil_socket_t fd, short what, void *data)
{
    (void)fd, (void)what;
    struct mailroom *room = data;
    struct line *line, *next;
    LL_FOREACH_SAFE(room->idle, line, next)
    {
        if (time_monotonic() - line->idle_since < (IDLE - 1) * SECOND)
            continue;
        LL_DELETE(room->idle, line);
        line_free(line);
    }
    if (room->idle)
        event_add(room->tidy, &(struct timeval){.tv_sec = IDLE});
}

/* ---- on the thread ---- */

static int on_talk(CURL *easy, curl_infotype type, char *text, size_t size, void *data)
{
    (void)easy;
    struct mail *mail = data;
    if (type == CURLINFO_HEADER_OUT)
        smtp_sent(&mail->smtp, text, size);
    return 0;
}

static size_t on_line(char *text, size_t size, size_t n, void *data)
{
    struct mail *mail = data;
    size_t length = size * n;
    bool go_on = reply_add_head(mail->reply, text, length) && smtp_received(&mail->smtp, text, length) == 0;
    if (!go_on || mail->smtp.doomed)
        shut(mail->line, SHUT_RD); /* else curl would say QUIT and wait for the answer */
    return go_on ? length : 0;
}

static size_t give_body(char *to, size_t size, size_t n, void *data)
{
    struct mail *mail = data;
    size_t left = mail->size - mail->sent, part = size * n < left ? size * n : left;
    memcpy(to, mail->body + mail->sent, part);
    mail->sent += part;
    return part;
}

static int on_progress(void *data, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(&((struct mail *)data)->is_recalled);
}

static void *carry(void *data)
{
    struct mail *mail = data;
    struct mailroom *room = mail->room;
    mail->result = curl_easy_perform(mail->line->easy);
    pthread_mutex_lock(&room->lock);
    mail->has_ended = true;
    (void)!write(room->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
    pthread_mutex_unlock(&room->lock);
    return NULL;
}

/* ---- on the loop ---- */

static void mail_free(struct mail *mail)
{
    setup_free(&mail->setup);
    for (size_t i = 0; i < mail->smtp.n_recipients; i++)
        free(mail->recipients[i]);
    free(mail->recipients);
    smtp_free(&mail->smtp);
    free(mail->body);
    free(mail);
}

static void ended(struct mail *mail)
{
    struct mailroom *room = mail->room;
    pthread_join(mail->thread, NULL);
    DL_DELETE(room->mails, mail);
    bool is_recalled = atomic_load(&mail->is_recalled);
    reply_conclude_smtp(mail->reply, mail->result, mail->setup.error, &mail->smtp,
                        (const char *const *)mail->recipients);
    if (mail->result == CURLE_OK && mail->line->owner)
        line_keep(room, mail->line);
    else
        line_free(mail->line);
    if (is_recalled)
        reply_free(mail->reply);
    else
        mail->done(mail->ctx);
    mail_free(mail);
}

static struct mail *find_ended(struct mailroom *room)
{
    struct mail *mail;
    pthread_mutex_lock(&room->lock);
    DL_SEARCH_SCALAR(room->mails, mail, has_ended, true);
    pthread_mutex_unlock(&room->lock);
    return mail;
}

static void on_wake(evutil_socket_t fd, short what, void *data)
{
    (void)what;
    uint64_t count;
    (void)!read(fd, &count, sizeof count);
    struct mail *mail;
    while ((mail = find_ended(data)))
        ended(mail);
}

static bool url_has_user(const char *url)
{
    char *user = NULL;
    CURLU *parsed = curl_url();
    bool has =
        parsed && !curl_url_set(parsed, CURLUPART_URL, url, 0) && !curl_url_get(parsed, CURLUPART_USER, &user, 0);
    curl_free(user);
    curl_url_cleanup(parsed);
    return has;
}

static CURLcode set_up(struct mail *mail, const struct request *request)
{
    CURL *easy = mail->line->easy;
    CURLcode result = setup_easy(easy, &mail->setup, request, mail->reply);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, mail->line);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, mail->line);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_line);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, mail);
    curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_talk);
    curl_easy_setopt(easy, CURLOPT_DEBUGDATA, mail);
    curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
    curl_easy_setopt(easy, CURLOPT_READDATA, mail);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, mail);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_MAXCONNECTS, 1L);
    return result;
}

static int start_thread(struct mail *mail)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop's */
    int failed = pthread_create(&mail->thread, &attributes, carry, mail);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return failed;
}

struct mail *mail_send(struct mailroom *room, const struct request *request, struct reply *reply,
                       void (*done)(void *ctx), void *ctx)
{
    const struct belfry_request *pub = &request->pub;
    struct mail *mail = NEW(struct mail);
    *mail = (struct mail){.room = room, .reply = reply, .done = done, .ctx = ctx, .size = pub->body_size};
    mail->line = line_take(room, request->instance);
    mail->line->reply = reply;
    mail->body = x_malloc(pub->body_size);
    if (pub->body_size)
        memcpy(mail->body, pub->body, pub->body_size);
    smtp_init(&mail->smtp, request->n_recipients);
    mail->smtp.wants_auth = *pub->username || *pub->password || *pub->bearer || url_has_user(pub->url);
    mail->smtp.wants_tls = pub->starttls && strncasecmp(pub->url, "smtp:", 5) == 0;
    mail->recipients = x_calloc(request->n_recipients, sizeof *mail->recipients);
    for (size_t i = 0; i < request->n_recipients; i++)
        mail->recipients[i] = x_strdup(request->recipients[i]);
    CURLcode result = set_up(mail, request);
    int failed = result ? 0 : start_thread(mail);
    if (!result && !failed) {
        DL_APPEND(room->mails, mail);
        return mail;
    }
    if (result)
        reply_conclude_refused(reply, curl_easy_strerror(result));
    else
        reply_conclude_lost(reply, strerror(failed));
    line_free(mail->line);
    mail_free(mail);
    return NULL;
}

void mail_recall(struct mail *mail)
{
    atomic_store(&mail->is_recalled, true);
    mail->line->owner = NULL;
    shut(mail->line, SHUT_RDWR);
}

void mail_forget(struct mailroom *room, const struct instance *owner)
{
    struct mail *mail;
    DL_FOREACH(room->mails, mail)
    {
        if (mail->line->owner == owner)
            mail->line->owner = NULL;
    }
    struct line *line, *next;
    LL_FOREACH_SAFE(room->idle, line, next)
    {
        if (line->owner != owner)
            continue;
        LL_DELETE(room->idle, line);
        line_free(line);
    }
}

struct mailroom *mailroom_new(struct loop *loop)
{
    struct mailroom *room = NEW(struct mailroom);
    room->loop = loop;
    pthread_mutex_init(&room->lock, NULL);
    room->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    room->wake = event_new(loop_base(loop), room->wake_fd, EV_READ | EV_PERSIST, on_wake, room);
    room->tidy = evtimer_new(loop_base(loop), on_tidy, room);
    if (room->wake_fd < 0 || !room->wake || !room->tidy || event_add(room->wake, NULL)) {
        log_at(LOG_ERROR, "plugin", "no event descriptor: %s", strerror(errno));
        abort();
    }
    return room;
}

void mailroom_free(struct mailroom *room)
{
    struct mail *mail;
    DL_FOREACH(room->mails, mail)
    {
        mail_recall(mail);
    }
    while (room->mails)
        ended(room->mails);
    while (room->idle) {
        struct line *line = room->idle;
        room->idle = line->next;
        line_free(line);
    }
    event_free(room->wake);
    event_free(room->tidy);
    close(room->wake_fd);
    pthread_mutex_destroy(&room->lock);
    free(room);
}
