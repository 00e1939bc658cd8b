/* SPDX-License-Identifier: Apache-2.0 */
/* Memory. An allocation that fails aborts: the state is on disk and the process can be started again. */
#ifndef BELFRY_BASE_MEM_H
#define BELFRY_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

/* uthash allocates through these; it is included from here only, so that every table aborts the same way. */
#define uthash_malloc(size) x_malloc(size)
#define uthash_fatal(message) abort()
#define HASH_NONFATAL_OOM 0

void *x_malloc(size_t size) __attribute__((malloc, returns_nonnull));
void *x_calloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull)); /* zeroed */
void *x_realloc(void *p, size_t size) __attribute__((returns_nonnull));
char *x_strdup(const char *s) __attribute__((malloc)); /* null stays null */
char *x_strndup(const char *s, size_t n) __attribute__((malloc));
char *x_printf(const char *format, ...) __attribute__((format(printf, 1, 2), malloc, returns_nonnull));

#define NEW(type) ((type *)x_calloc(1, sizeof(type)))

static inline void cleanup_free(void *p)
{
    free(*(void **)p);
}
/* The variable's memory is freed at the end of its scope: AUTOFREE char *s = x_printf(…); */
#define AUTOFREE __attribute__((cleanup(cleanup_free)))

/* Hand a pointer on, leaving null behind: return TAKE(p); */
#define TAKE(p)                                                                                                        \
    ({                                                                                                                 \
        __typeof__(p) taken_ = (p);                                                                                    \
        (p) = NULL;                                                                                                    \
        taken_;                                                                                                        \
    })

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define CONTAINER_OF(member_pointer, type, member) ((type *)((char *)(member_pointer)-offsetof(type, member)))

/* A growing string of bytes; always NUL-terminated once something was added. All zero is an empty one. */
struct buf {
    char *data;
    size_t len, cap;
};
void buf_add(struct buf *b, const void *data, size_t len);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vaddf(struct buf *b, const char *format, va_list ap) __attribute__((format(printf, 2, 0)));
void buf_free(struct buf *b);             /* leaves an empty one */
char *buf_take(struct buf *b);            /* the string, "" if nothing was added; the caller frees it */
const char *buf_str(const struct buf *b); /* never null; valid until the next change */
#define AUTOBUF __attribute__((cleanup(buf_free))) struct buf

/* Many small allocations that end together. */
struct arena;
struct arena *arena_new(void);
void arena_free(struct arena *a);                                                 /* null is fine */
void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull)); /* zeroed, aligned for any type */
char *arena_strdup(struct arena *a, const char *s);                               /* null stays null */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *format, va_list ap) __attribute__((format(printf, 2, 0)));

#endif
