/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BELFRY_EXPR_ESCAPE_H
#define BELFRY_EXPR_ESCAPE_H

#include "expr/expr.h"

/* Append `value`, whatever its bytes are, as valid UTF-8 that cannot leave the place it is put in. */
void escape_add(struct buf *out, const char *value, enum template_escape escape);

#endif
