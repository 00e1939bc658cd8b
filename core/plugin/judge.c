/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "plugin/exchange.h"

enum { FAILURES_MOST = 1000 };

static enum belfry_outcome outcome_of_code(int code)
{
    if (code >= 200 && code < 300)
        return BELFRY_DELIVERED;
    if (code == 429)
        return BELFRY_RATE_LIMITED;
    if (code == 408 || code == 425 || code >= 500)
        return BELFRY_UNAVAILABLE;
    if (code == 401 || code == 410)
        return BELFRY_DISABLED;
    return BELFRY_REJECTED;
}

static enum belfry_outcome outcome_of(const struct belfry_reply *reply)
{
    switch (reply->net) {
    case BELFRY_NET_OK:
        return outcome_of_code(reply->code);
    case BELFRY_NET_AUTH:
        return BELFRY_DISABLED;
    case BELFRY_NET_REFUSED:
        return BELFRY_REJECTED;
    default:
        return BELFRY_UNAVAILABLE;
    }
}

static const char *advice(const struct belfry_reply *reply)
{
    if (reply->net != BELFRY_NET_OK)
        return "";
    if (reply->code >= 300 && reply->code < 400)
        return "; redirects are not followed: configure the address that it names";
    switch (reply->code) {
    case 401:
        return "; check the credentials";
    case 403:
        return "; the credentials lack the right to do this";
    case 404:
        return "; check the URL";
    case 410:
        return "; this address was given up by its owner";
    case 413:
        return "; the message is too large for it";
    default:
        return "";
    }
}

void judge_http(const struct belfry_reply *reply, struct belfry_verdict *verdict)
{
    verdict->outcome = outcome_of(reply);
    verdict->code = reply->code;
    verdict->retry_after = reply->retry_after;
    snprintf(verdict->text, sizeof verdict->text, "%s%s", reply->text, advice(reply));
}

void judge_undelivered(struct belfry_verdict *verdict, const char *address, int again, int code, const char *text)
{
    struct verdict_memory *memory = verdict->internal;
    if (!memory) {
        verdict->internal = memory = NEW(struct verdict_memory);
        memory->arena = arena_new();
    }
    if (text_empty(address) || memory->n == FAILURES_MOST)
        return;
    if (memory->n == memory->cap) {
        memory->cap = memory->cap ? memory->cap * 2 : 8;
        memory->failures = x_realloc(memory->failures, memory->cap * sizeof *memory->failures);
    }
    memory->failures[memory->n++] = (struct recipient_failure){.address = arena_strdup(memory->arena, address),
                                                               .again = again != 0,
                                                               .code = code,
                                                               .text = arena_strdup(memory->arena, text ? text : "")};
}

void judge_forget(struct belfry_verdict *verdict)
{
    struct verdict_memory *memory = verdict->internal;
    if (!memory)
        return;
    verdict->internal = NULL;
    arena_free(memory->arena);
    free(memory->failures);
    free(memory);
}
