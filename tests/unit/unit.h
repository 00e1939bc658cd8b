/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test includes first. */
#ifndef BELFRY_TESTS_UNIT_H
#define BELFRY_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"

#endif
