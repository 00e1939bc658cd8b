/* SPDX-License-Identifier: Apache-2.0 */
#include "http/gate.h"

#include <string.h>

#include "http/gate_head.h"

enum state { START, REQUEST_LINE, FIELDS, CONTENT, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILERS, DONE, REFUSED };

enum { MOST_CHUNK_LINE = 512, MOST_EXTENSIONS = HTTP_MOST_HEAD };

struct gate {
    enum state state;
    struct refusal refusal;
    struct gate_request *request; /* the one being read, from its first byte on */
    struct framing framing;
    bool awaits_continue;
    bool skipped_line; /* an empty line before the request line */

    struct buf line;           /* the line being read, without its end */
    bool cr;                   /* its CR was seen */
    size_t target, target_end; /* in the request line: where the target begins and ends; 0: not there yet */
    size_t head;               /* bytes of head and trailers so far */
    size_t trailers, extensions;
    size_t left; /* of the content or of the chunk */
};

struct gate *gate_new(void)
{
    return NEW(struct gate);
}

void gate_free(struct gate *gate)
{
    if (!gate)
        return;
    gate_request_free(gate->request);
    buf_free(&gate->line);
    free(gate);
}

void gate_request_free(struct gate_request *request)
{
    if (!request)
        return;
    buf_free(&request->body);
    arena_free(request->arena);
    free(request);
}

/* ---- Lines ---- */

static void begin_request(struct gate *g)
{
    g->request = NEW(struct gate_request);
    g->request->arena = arena_new();
    g->framing = (struct framing){0};
    g->awaits_continue = false;
    g->target = g->target_end = g->head = g->trailers = g->extensions = g->left = 0;
    g->state = REQUEST_LINE;
}

static void end_head(struct gate *g)
{
    if (head_end(g->request, &g->framing, &g->refusal) < 0)
        return;
    g->awaits_continue = g->framing.expects_continue;
    g->left = g->framing.length;
    g->state = g->framing.chunked ? CHUNK_SIZE : g->left ? CONTENT : DONE;
}

static void end_chunk_line(struct gate *g, const char *line, size_t n)
{
    size_t digits = strspn(line, "0123456789abcdefABCDEF");
    g->extensions += n - digits;
    if (g->extensions > MOST_EXTENSIONS)
        refuse(&g->refusal, 400, "too many chunk extensions");
    else if (chunk_size(line, n, HTTP_MOST_BODY - g->request->body.len, &g->left, &g->refusal) == 0)
        g->state = g->left ? CHUNK_DATA : TRAILERS;
}

static void end_request_line(struct gate *g, const char *line, size_t n)
{
    if (n) {
        if (head_request_line(g->request, line, n, &g->refusal) == 0)
            g->state = FIELDS;
    } else if (g->skipped_line) {
        refuse(&g->refusal, 400, "more than one empty line before the request line");
    } else {
        /* Old clients send one behind a body; RFC 9112, 2.2 wants it ignored. */
        g->skipped_line = true;
        gate_request_free(TAKE(g->request));
        g->state = START;
    }
}

static void end_line(struct gate *g)
{
    size_t n = g->line.len;
    const char *line = buf_str(&g->line);
    switch (g->state) {
    case REQUEST_LINE:
        end_request_line(g, line, n);
        break;
    case FIELDS:
        if (n)
            head_field(g->request, line, n, &g->refusal);
        else
            end_head(g);
        break;
    case CHUNK_SIZE:
        end_chunk_line(g, line, n);
        break;
    case CHUNK_END:
        g->state = CHUNK_SIZE;
        break;
    default: /* TRAILERS */
        if (!n)
            g->state = DONE;
        else if (g->request->n_fields + ++g->trailers > HTTP_MOST_FIELDS)
            refuse(&g->refusal, 431, "too many fields");
        else
            head_trailer(line, n, &g->refusal);
    }
    buf_free(&g->line);
    g->cr = false;
}

/* What can be known before the line ends is refused before it ends: nobody makes us wait for it or collect it. */
static int check_request_line(struct gate *g, char c)
{
    size_t at = g->line.len;
    if (!g->target) {
        if (c == ' ' && at)
            g->target = at + 1;
        else if (!is_token(&c, 1))
            return refuse(&g->refusal, 400, "malformed method");
        else if (at == GATE_MOST_METHOD)
            return refuse(&g->refusal, 501, "unknown method");
    } else if (!g->target_end) {
        if (c == ' ')
            g->target_end = at;
        else if (at - g->target == HTTP_MOST_TARGET)
            return refuse(&g->refusal, 414, "target too long");
    } else if (at - g->target_end > strlen(" HTTP/1.1")) {
        return refuse(&g->refusal, 400, "malformed request line");
    }
    return 0;
}

static int check_line_byte(struct gate *g, char c)
{
    if ((unsigned char)c < 0x20 ? c != '\t' : c == 0x7f)
        return refuse(&g->refusal, 400, "control character");
    switch (g->state) {
    case REQUEST_LINE:
        return check_request_line(g, c);
    case CHUNK_SIZE:
        return g->line.len == MOST_CHUNK_LINE ? refuse(&g->refusal, 400, "chunk extension too long") : 0;
    case CHUNK_END:
        return refuse(&g->refusal, 400, "chunk longer than its size");
    default:
        return 0;
    }
}

static void take_line_byte(struct gate *g, char c)
{
    bool counts = g->state != CHUNK_SIZE && g->state != CHUNK_END;
    if (counts && ++g->head > HTTP_MOST_HEAD) {
        refuse(&g->refusal, 431, "head too large");
    } else if (c == '\n') {
        if (g->cr)
            end_line(g);
        else
            refuse(&g->refusal, 400, "line ended by LF alone");
    } else if (g->cr) {
        refuse(&g->refusal, 400, "CR without LF");
    } else if (c == '\r') {
        g->cr = true;
    } else if (check_line_byte(g, c) == 0) {
        buf_addc(&g->line, c);
    }
}

/* ---- The stream ---- */

static size_t take_content(struct gate *g, const char *data, size_t size)
{
    size_t n = size < g->left ? size : g->left;
    buf_add(&g->request->body, data, n);
    g->left -= n;
    if (!g->left)
        g->state = g->state == CONTENT ? DONE : CHUNK_END;
    return n;
}

enum gate_verdict gate_feed(struct gate *g, const char *data, size_t size, size_t *used)
{
    size_t i = 0;
    while (i < size && g->state != DONE && g->state != REFUSED) {
        if (g->state == START)
            begin_request(g);
        if (g->state > FIELDS)
            g->awaits_continue = false;
        if (g->state == CONTENT || g->state == CHUNK_DATA)
            i += take_content(g, data + i, size - i);
        else
            take_line_byte(g, data[i++]);
        if (g->refusal.status)
            g->state = REFUSED;
    }
    *used = i;
    return g->state == REFUSED ? GATE_REFUSED : g->state == DONE ? GATE_REQUEST : GATE_MORE;
}

struct gate_request *gate_take(struct gate *g)
{
    g->state = START;
    g->skipped_line = false;
    return TAKE(g->request);
}

enum gate_phase gate_phase(const struct gate *g)
{
    return g->state == START ? GATE_IDLE : g->state <= FIELDS ? GATE_HEAD : GATE_BODY;
}

bool gate_take_continue(struct gate *g)
{
    bool awaits = g->awaits_continue;
    g->awaits_continue = false;
    return awaits;
}

int gate_status(const struct gate *g)
{
    return g->refusal.status;
}

const char *gate_reason(const struct gate *g)
{
    return g->refusal.reason;
}

const char *gate_find(const struct gate_request *request, const char *name)
{
    for (size_t i = 0; i < request->n_fields; i++)
        if (strcmp(request->fields[i].name, name) == 0)
            return request->fields[i].value;
    return NULL;
}
