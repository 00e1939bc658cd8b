/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of this room: plugins copied to a folder of the test's own, instances from key-value pairs, and peers
 * that answer as scripted, all on one loop. */
#ifndef BELFRY_TEST_PLUGIN_KIT_H
#define BELFRY_TEST_PLUGIN_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plugin/plugin.h"

/* ---- the host ---- */

struct kit {
    struct loop *loop;
    struct plugins *plugins;
    struct arena *arena;
    struct problems problems;
    char dir[40];
    char log[64]; /* what was written to stderr since kit_new() */
    int saved_stderr;

    /* What sources emitted: "TYPE SUBJECT\n" each; commits are held until kit_commit(). */
    struct buf events;
    struct buf checkpoints;
    bool refuse_events;
    struct {
        void (*committed)(void *data, int status);
        void *data;
    } waiting[64];
    size_t n_waiting;
};
struct kit *kit_new(void);
void kit_free(struct kit *kit);
/* Copies the built test plugin into the kit's folder, under another name if `as` is given. */
void kit_install(struct kit *kit, const char *name, const char *as);
void kit_commit(struct kit *kit, int status);
const char *kit_problems(struct kit *kit); /* all of them, as text */
void assert_has(const char *text, const char *part);
const char *kit_log(struct kit *kit); /* valid until the next call */

/* An instance of a test plugin by name. Then pairs of texts up to null: "[a,b]" is a list, "{a=b,c=d}" a map, and
 * "" leaves the key out. */
struct instance *kit_channel(struct kit *kit, const char *plugin, ...) __attribute__((sentinel));
struct instance *kit_source(struct kit *kit, const char *plugin, ...) __attribute__((sentinel));

/* Turns the loop until *flag, at most 10 s. False: it did not come. */
bool kit_until(struct kit *kit, const bool *flag);
void kit_turns(struct kit *kit, int n); /* so many turns without waiting */
bool kit_until_event(struct kit *kit, const char *text);

struct sent {
    bool done;
    int times;
    struct channel_result result;
    char text[256];
    char failures[256]; /* "ADDRESS CODE again\n" … */
    struct attempt *attempt;
};
void kit_send_start(struct kit *kit, struct instance *channel, struct sent *sent);
/* Sends one notification, waits for its end, and gives the verdict's text. */
const char *kit_send(struct kit *kit, struct instance *channel, struct sent *sent);

/* ---- peers ---- */

struct tls { /* a certificate for 127.0.0.1, signed by itself */
    struct ssl_ctx_st *context;
    char file[80];
};
struct tls *tls_new(struct kit *kit);
void tls_free(struct tls *tls);

struct peer;
struct peer_script {
    struct tls *tls;  /* null: plain */
    const char *path; /* a Unix socket; null: 127.0.0.1 */
    bool is_smtp;
    /* HTTP: the n-th request gets the n-th answer (the last one again, when they run out); null: silence. */
    const char *answers[10];
    bool close_after;
    size_t then_bytes; /* this many more after the answer */
    /* SMTP: replies by verb; null: the usual; "": silence. */
    const char *ehlo_secure; /* after STARTTLS; null: as before */
    const char *greeting, *ehlo, *auth, *mail, *data, *dot, *starttls;
    const char *bad_recipients; /* "ADDRESS=REPLY\n…" */
    const char *quit;
};
struct peer *peer_new(struct kit *kit, const struct peer_script *script);
void peer_free(struct peer *peer);
int peer_port(const struct peer *peer);
int peer_connections(const struct peer *peer); /* accepted so far */
const char *peer_heard(const struct peer *peer);
size_t peer_unsent(const struct peer *peer); /* of then_bytes, when the guest had hung up */
char *peer_url(struct kit *kit, const struct peer *peer, const char *scheme, const char *path);

#endif
