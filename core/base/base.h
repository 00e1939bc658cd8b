/* SPDX-License-Identifier: Apache-2.0 */
/* The ground floor: what every room stands on. It knows nothing of jobs, alerts or messages. */
#ifndef BELFRY_BASE_H
#define BELFRY_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/time.h"
#include "base/json.h"
#include "base/cloudevent.h"
#include "base/loop.h"

#endif
